"""Help: short by default, whole on demand, at 80 columns without a name cut; and what shells complete."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer

from geoscope.catalogue import FAMILIES, GROUPS, KEYS
from geoscope.cli import app as cli
from geoscope.cli.help import examples_of, written
from geoscope.cli.options import completing
from geoscope.protocols import PROTOCOLS
from geoscope.settings.judging import CompareOptions
from geoscope.settings.measuring import NAMED_CORPORA, MeasureOptions
from geoscope.settings.option import fields_of

GROUP: Any = typer.main.get_command(cli.app)
COMMANDS: dict[str, Any] = GROUP.commands


def helped(capfd: pytest.CaptureFixture[str], *line: str) -> str:
    assert cli.main(line) == 0
    return capfd.readouterr().out


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_short_and_whole_help(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    params = COMMANDS[command].params
    short, whole = helped(capfd, command, "-h"), helped(capfd, command, "--help-all")
    assert helped(capfd, command, "--help") == short
    assert short.startswith(f"Usage: geoscope {command} [OPTIONS]")
    assert "Examples:\n  geoscope " in short
    assert max(len(line) for line in (short + whole).splitlines()) <= 80
    names = {name for each in params for name in (*each.opts, *each.secondary_opts) if name.startswith("-")}
    assert {name for name in names if name in whole.replace(",", " ").split()} == names
    heads = [line for line in short.splitlines() if line.startswith("  -")]
    listed = [each for each in params if any(f"{line}  ".startswith(f"  {written(each)}  ") for line in heads)]
    asked = [each for each in listed if not each.required and each.name not in ("help", "help_all")]
    assert 0 < len(asked) <= 10
    assert len(short.splitlines()) < 75


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_lines_that_the_command_takes(command: str) -> None:
    examples = examples_of(COMMANDS[command])
    assert 1 <= len(examples) <= 3
    for example in examples:
        program, name, *line = shlex.split(example)
        assert (program, name) == ("geoscope", command)
        context = COMMANDS[command].make_context(command, line)
        for option, field in cli.COMMANDS[command].fields.items():
            if context.get_parameter_source(option).name != "DEFAULT":
                field.read_text(context.params[option])


def test_the_front_help_lists_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    text = helped(capfd, "-h")
    assert helped(capfd, "--help") == text
    assert max(map(len, text.splitlines())) <= 80
    for name, command in COMMANDS.items():
        assert f"\n  {name} " in text
        assert command.help.partition("\n")[0].split()[0] in text
    for example in examples_of(GROUP):
        _, name, *line = shlex.split(example)
        COMMANDS[name].make_context(name, line)


def test_headings_are_bold_on_a_terminal_that_can(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for no_color, bold in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert cli.main(["check", "-h"]) == 0
        assert ("\x1b[1mExamples:\x1b[0m" in capsys.readouterr().out) is bold


@pytest.mark.parametrize(
    ("option", "typed", "offered"),
    [
        ("measures", "two_nn_", ["two_nn_mle", "two_nn_across"]),
        ("measures", "two_nn,isotr", ["two_nn,isotropy"]),
        ("layers", "", ["last", "all", "union"]),
        ("corpora", "", list(NAMED_CORPORA)),
        ("protocol", "", list(PROTOCOLS)),
        ("pooling", "m", ["mean", "model"]),
        ("quantizer", "lsq", ["lsq", "lsq-faiss"]),
        ("corpora", "ptb,", []),  # one a name
        ("limits", "isoscore_c", ["isoscore_corrected:"]),
        ("sequences", "1", []),
    ],
)
def test_values_complete(option: str, typed: str, offered: list[str]) -> None:
    field = (fields_of(MeasureOptions) | fields_of(CompareOptions))[option]
    assert completing(field)(typed) == offered


def test_measures_complete_to_families_and_keys() -> None:
    offered = set(completing(fields_of(MeasureOptions)["measures"])(""))
    assert offered == {*KEYS, *GROUPS, *(family.replace(" ", "_") for family in FAMILIES)}


def test_a_shell_gets_them() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from geoscope.cli.app import main; main()"],
        capture_output=True, text=True, timeout=120,
        env=os.environ | {
            "_GEOSCOPE_COMPLETE": "complete_bash", "COMP_WORDS": "geoscope compare a b --format ju", "COMP_CWORD": "5"
        },
    )  # fmt: skip
    assert told.stdout.split() == ["junit"]
