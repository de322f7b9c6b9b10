"""Configuration: typed goes before the environment, that before the project's file, that before a protocol."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

import geoscope
from geoscope.cli import app as cli
from geoscope.protocols import PROTOCOLS
from geoscope.report import CorpusShare, Measurement, Report, Sample, Subject
from geoscope.settings.measuring import MeasureOptions
from geoscope.settings.option import fields_of

COMMANDS: dict[str, Any] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


def a_report(name: str = "base") -> Report:
    return Report(
        subject=Subject(name=name, kind="checkpoint", layers=2),
        sample=Sample(
            corpora=[CorpusShare(name="sample", fingerprint="sha256:0", sequences=100)], sequences=100, rows=300,
            points=300, pooling="tokens", max_length=128, seed=0,
        ),
        settings={"layers": "last", "tokens": "all"},
        measurements=[Measurement(layer=2, measure="two_nn", value=3.0, n=300)],
        environment={},
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What a measurement was asked for; a report stands in its place, and another in this folder."""
    calls: list[dict[str, Any]] = []

    def measure(subject: Any, **keywords: Any) -> Report:
        calls.append({name: value for name, value in keywords.items() if name not in ("progress", "announce")})
        return a_report(str(subject))

    fake = SimpleNamespace(measure=measure)
    monkeypatch.setattr(geoscope, "measuring", fake, raising=False)
    monkeypatch.setitem(sys.modules, "geoscope.measuring", fake)
    monkeypatch.chdir(tmp_path)
    a_report().write("base.json")
    return calls


def keep(text: str, name: str = "geoscope.toml") -> None:
    Path(name).write_text(text)


def test_typed_goes_before_the_environment_and_that_before_the_file(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep('[tool.geoscope]\nsequences = 1\nmax_length = 2\nbits = 3\nprotocol = "rudman2024"\n', "pyproject.toml")
    monkeypatch.setenv("GEOSCOPE_MAX_LENGTH", "20")
    monkeypatch.setenv("GEOSCOPE_SEQUENCES", "10")
    assert cli.main(["measure", "x", "-q", "--sequences", "100"]) == 0
    assert cli.main(["measure", "x", "-q", "--sequences", "100", "--no-config"]) == 0
    with_file, without = asked
    assert with_file == {"sequences": 100, "max_length": 20, "bits": 3, "protocol": "rudman2024"}
    assert without == {"sequences": 100, "max_length": 20}
    assert PROTOCOLS["rudman2024"].options["sequences"] == 872  # which goes behind what is given


def test_every_kind_of_value_is_read(asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    keep(
        'corpus = ["a.txt", "b.txt"]\nsplit = "test"\nlayers = [0, 2]\npoints = "all"\n'
        'measures = ["two_nn", "isotropy"]\n'
        "errors = false\nisoscore-zeta = 1\nmemory = '2GB'\nquiet = true\noutput = ['a.json', 'b.csv']\n"
    )
    monkeypatch.setenv("GEOSCOPE_SPLIT", "test 'of all'")
    monkeypatch.setenv("GEOSCOPE_TRUST_REMOTE_CODE", "yes")
    assert cli.main(["measure", "x"]) == 0
    assert asked == [
        {
            "corpora": ["a.txt", "b.txt"], "split": ["test", "of all"], "layers": [0, 2], "points": None,
            "measures": ["two_nn", "isotropy"], "errors": False, "isoscore_zeta": 1.0, "memory": "2GB",
            "trust_remote_code": True,
        }
    ]  # fmt: skip
    assert Report.read("a.json") == a_report("x")
    assert Path("b.csv").exists()


@pytest.mark.parametrize(
    ("content", "environment", "said"),
    [
        ("sequnces = 3\n", {}, "got sequnces; did you mean sequences?"),
        ("[limit]\ntwo_nn = '1'\n", {}, "got limit; did you mean limits?"),
        ("zzz = 3\n", {}, "got zzz; `geoscope measure --help-all` lists the options"),
        ("sequences = 'many'\n", {}, "expected --sequences to be a whole number of at least 1, got 'many'"),
        ("sequences = 'many'\n", {}, "/geoscope.toml, got another: expected --sequences"),
        ("pooling = 'maen'\n", {}, "did you mean mean?"),
        ("errors = 'maybe'\n", {}, "expected --errors to be True or False, got 'maybe'"),
        ("measures = ['isotrpy']\n", {}, "did you mean isotropy?"),
        ("bounds = 3\n", {}, "expected bounds to be a table"),
        ("trust-remote-code = true\n", {}, "on the command line or in GEOSCOPE_TRUST_REMOTE_CODE, got it in"),
        ("allow_pickle = true\n", {}, "expected --allow-pickle on the command line or in GEOSCOPE_ALLOW_PICKLE"),
        ("", {"GEOSCOPE_SEQUENCE": "3"}, "got GEOSCOPE_SEQUENCE; did you mean GEOSCOPE_SEQUENCES?"),
        (
            "",
            {"GEOSCOPE_SEQUENCES": "0"},
            "expected a value of --sequences in GEOSCOPE_SEQUENCES, got another",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    content: str, environment: dict[str, str], said: str,
) -> None:  # fmt: skip
    keep(content)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["measure", "x"]) == 2
    told = capfd.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
    assert asked == []


def test_other_programs_variables_are_theirs(asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSCOPE_BENCH_DATA", "somewhere")
    assert cli.main(["measure", "x", "-q"]) == 0
    assert asked == [{}]


def test_a_report_goes_before_the_file_and_the_environment(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("sequences = 7\npooling = 'mean'\ndevice = 'cpu'\n")
    monkeypatch.setenv("GEOSCOPE_MAX_LENGTH", "20")
    assert cli.main(["compare", "base.json", "some/model", "-q"]) == 0
    assert cli.main(["compare", "some/model", "other/model", "-q"]) == 0
    of_report, *of_file = asked
    assert (of_report["sequences"], of_report["max_length"], of_report["pooling"]) == (100, 128, "tokens")
    assert of_report["device"] == "cpu"
    assert of_file[0] == {"sequences": 7, "pooling": "mean", "device": "cpu", "max_length": 20}


def test_bounds_of_the_file_are_held(asked: list[dict[str, Any]], capfd: pytest.CaptureFixture[str]) -> None:
    keep('[bounds]\ntwo_nn = [">1", "<2.5"]\n"two_nn@last" = ">5"\n')
    assert cli.main(["check", "base.json"]) == 1
    told = capfd.readouterr()
    assert told.out.endswith("2 of 3 limits failed\n")
    assert "3 limits from" in told.err
    assert cli.main(["check", "base.json", "two_nn<4", "two_nn@last>2", "-q"]) == 0  # in the place of the file's
    assert capfd.readouterr().out.endswith("2 limits held\n")
    assert cli.main(["check", "base.json", "--no-config"]) == 2
    assert "keep them in [tool.geoscope.bounds]" in capfd.readouterr().err
    keep('[bounds]\ntwo_nn = "=5"\n')
    assert cli.main(["check", "base.json"]) == 2
    assert "expected a limit such as 'anisotropy<0.5'" in capfd.readouterr().err


def told(capfd: pytest.CaptureFixture[str], *line: str) -> Any:
    assert cli.main([*line, "--format", "json"]) == 0
    return json.loads(capfd.readouterr().out)


def test_config_says_what_is_in_force_and_from_where(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert told(capfd, "config") == {"file": None, "command": None, "settings": []}
    keep('protocol = "kudriashov2025"\nsequences = 9\nerrors = false\n[limits]\ntwo_nn = ["-5%", "+1"]\n')
    monkeypatch.setenv("GEOSCOPE_POOLING", "mean")
    found = told(capfd, "config")
    path = str(Path.cwd() / "geoscope.toml")
    assert found["file"] == path
    sources = {row["option"]: (row["value"], row["source"]) for row in found["settings"]}
    assert sources == {
        "protocol": ("kudriashov2025", path), "sequences": ("9", path), "errors": ("no", path),
        "pooling": ("mean", "GEOSCOPE_POOLING"), "max-length": ("512", "protocol kudriashov2025"),
        "layers": ("last", "protocol kudriashov2025"), "tokens": ("all", "protocol kudriashov2025"),
        "points": ("all", "protocol kudriashov2025"), "limits.two_nn": ("-5%, +1", path),
        "measures": ("anisotropy,anisotropy_uncentered,persistent_entropy", "protocol kudriashov2025"),
    }  # fmt: skip
    whole = {row["option"]: row for row in told(capfd, "config", "measure")["settings"]}
    assert set(whole) == {field.key for field in cli.COMMANDS["measure"].fields.values()}
    assert whole["bits"]["source"] == "default"
    assert whole["pooling"]["source"] == "GEOSCOPE_POOLING"
    assert cli.main(["config"]) == 0
    assert "GEOSCOPE_POOLING" in capfd.readouterr().out
    assert cli.main(["config", "mesure"]) == 2
    assert "did you mean measure?" in capfd.readouterr().err


def test_protocols_says_what_each_sets_and_where_it_departs(capfd: pytest.CaptureFixture[str]) -> None:
    assert [each["name"] for each in told(capfd, "protocols")] == list(PROTOCOLS)
    assert cli.main(["protocols"]) == 0
    text = capfd.readouterr().out
    for protocol in PROTOCOLS.values():
        assert protocol.departs in text
        for name in protocol.options:
            assert fields_of(MeasureOptions)[name].flag in text
    assert "--points all" in text
    assert "--isoscore-zeta 0" in text


@pytest.mark.parametrize("text", ["'", '"a', "\\", "a 'b"])
def test_a_variable_that_no_shell_takes_apart_is_a_mistake(
    text: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEOSCOPE_CORPUS", text)
    assert cli.main(["measure", "demo"]) == 2
    assert "in GEOSCOPE_CORPUS, got" in capfd.readouterr().err
