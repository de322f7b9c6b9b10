"""Outputs: several from one run, none over an input, text where people read, the outcome beside JSON; saved results."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import geoscope
from geoscope.cli import app as cli
from geoscope.comparisons.checks import Check
from geoscope.documents.rendering import render
from geoscope.report import Measurement, Report, Sample, Subject


def a_report(name: str = "demo", value: float = 0.5) -> Report:
    return Report(
        subject=Subject(name=name, kind="array"),
        sample=Sample(rows=3, points=3, seed=0),
        settings={},
        measurements=[Measurement(layer=None, measure="two_nn", value=value, n=3)],
        environment={},
    )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What was measured; a report stands in the place of every measurement, and another in this folder."""
    calls: list[Any] = []

    def measure(subject: Any, **_: Any) -> Report:
        calls.append(subject)
        return a_report(str(subject))

    fake = SimpleNamespace(measure=measure)
    monkeypatch.setattr(geoscope, "measuring", fake, raising=False)
    monkeypatch.setitem(sys.modules, "geoscope.measuring", fake)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    a_report("saved").write("saved.json")
    return calls


def test_one_run_writes_every_file_by_its_suffix(runs: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["measure", "x", "-q", "-o", "a.json", "-o", "a.html", "-o", "a.csv", "-o", "-"]) == 0
    assert runs == ["x"]
    report = a_report("x")
    assert Report.read("a.json") == report
    assert capfd.readouterr().out == report.to_json()
    for name, form in (("a.html", "html"), ("a.csv", "csv")):
        assert Path(name).read_text() == render(report, form)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("measure x -o a.json -o no/such/b.json", "a folder that exists"),
        ("measure x -o a.json -o b.pdf", "expected -o to name a file that ends in"),
        ("measure x -o a.json -o ./a.json", "expected every -o to name a file of its own"),
        ("measure rows.csv -o rows.csv", "the input rows.csv"),
        ("measure x --corpus ptb=rows.csv -o a.json -o link.csv", "got link.csv, which is the input rows.csv"),
        ("compare saved.json x -o saved.json", "the input saved.json"),
        ("check saved.json two_nn>1 -o saved.json", "the input saved.json"),
        ("show saved.json -o saved.json", "the input saved.json"),
        ("report page.html -o page.html", "the input page.html"),
        ("correlate saved.json rows.csv -o rows.csv", "the input rows.csv"),
        ("noise-floor saved.json saved.json -o saved.json", "the input saved.json"),
        ("measure x y -o a -o b", "expected one -o, a folder"),
        ("measure x --corpus rows.csv -o hard.csv", "got hard.csv, which is the input rows.csv"),
        ("compare hard.json x -o saved.json", "got saved.json, which is the input hard.json"),
        ("measure x -o saved.json -o hard.json", "expected every -o to name a file of its own"),
        ("measure x --isoscore-reference c.npy -o c.npy --format json", "the input c.npy"),
        ("measure rows.csv --groups labels.csv -o labels.csv", "the input labels.csv"),
        ("correlate saved.json s.csv --predict new.json -o new.json", "the input new.json"),
        ("correlate saved.json labels.csv -o labels.csv", "the input labels.csv"),
        ("noise-floor x --corpus ptb=labels.csv -o labels.csv", "the input labels.csv"),
        ("perturb ckpt --probe cola=glue -o glue/dev.csv", "got glue/dev.csv, a file of the input glue"),
        ("perturb ckpt --kind swap-embeddings=ckpt -o ckpt/config.json", "a file of the input ckpt"),
        ("perturb x --save ckpt --tokenizer ckpt -o s.json", "expected --save to name what is not read, got ckpt"),
        ("perturb ckpt/inner --save ckpt -o s.json", "got ckpt, which holds the input ckpt/inner"),
        ("measure ckpt -o ckpt/config.json", "got ckpt/config.json, a file of the input ckpt"),
        ("measure ckpt -o ckpt/README.md", "got ckpt/README.md, a file of the input ckpt"),
        ("measure held -o held/embeddings.json", "got held/embeddings.json, a file of the input held"),
        ("measure ckpt ckpt/inner -o ckpt", "expected -o to name what is not read, got ckpt"),
        ("measure ckpt --run ckpt", "expected --run to name what is not read, got ckpt"),
        ("measure x --run d -o d", "expected --run and -o to name a file of its own"),
        ("measure x --corpus held/embeddings.json --run held", "got held, which holds the input held/embeddings.json"),
        ("extract ckpt --corpus held/embeddings.json -o held", "got held, which holds the input held/embeddings.json"),
        ("extract ckpt -o ckpt", "expected -o to name what is not read, got ckpt"),
        ("finetune ckpt --task labels.csv -o .", "got ., which holds the input ckpt"),
        ("finetune ckpt --task mlm:ckpt/config.json -o ckpt", "expected -o to name what is not read, got ckpt"),
        ("report saved.json -o linked/page.html -o page.html", "expected every -o to name a file of its own"),
        ("compare saved.json saved.json -o pyproject.toml --format json", "the input "),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_run(
    runs: list[Any], capfd: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    Path("rows.csv").write_text("a,b\n1,2\n")
    Path("page.html").write_text("kept")
    Path("link.csv").symlink_to("rows.csv")
    Path("hard.csv").hardlink_to("rows.csv")
    Path("hard.json").hardlink_to("saved.json")
    Path("linked").symlink_to(".")
    for folder in ("ckpt/inner", "held", "glue", "d"):
        Path(folder).mkdir(parents=True)
    kept = "c.npy labels.csv s.csv new.json glue/dev.csv ckpt/config.json ckpt/inner/config.json ckpt/README.md"
    for name in (*kept.split(), "held/embeddings.json"):
        Path(name).write_text("kept")
    Path("pyproject.toml").write_text("[tool.geoscope]\n")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert cli.main(line.split()) == 2
    assert said in capfd.readouterr().err
    assert runs == []
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "command",
    [
        "extract demo -o ~nobodyx/d",
        "perturb demo --levels 0,1 --save ~nobodyx/d",
        "perturb demo --levels 0,1 --probe cola=~nobodyx/d",
        "finetune demo --task ~nobodyx/d.csv -o d",
        "finetune demo --task cola=~nobodyx/d -o d",
    ],
)
def test_the_home_of_nobody_is_told(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(command.split()) == 2
    assert "~nobodyx" in capfd.readouterr().err


def test_standard_input_is_an_input(runs: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    before = Path("saved.json").read_bytes()
    command = [sys.executable, "-m", "geoscope", "check", "-", "two_nn>0", "-o", "saved.json"]
    around = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with Path("saved.json").open() as given:
        ended = subprocess.run(command, stdin=given, capture_output=True, text=True, env=around)
    assert ended.returncode == 2
    assert ended.stderr == (
        "geoscope: expected -o to name what is not read, got saved.json, which is the input -; name another\n"
    )
    assert Path("saved.json").read_bytes() == before


def test_a_report_may_stand_in_the_folder_it_is_of(runs: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    Path("ckpt").mkdir()
    Path("ckpt/config.json").write_text("{}")
    for _ in range(2):  # also over the one from before
        line = "measure ckpt -q -o ckpt/geometry.json -o ckpt/geometry.html -o ckpt/geometry.csv"
        assert cli.main(line.split()) == 0
    Path("isoscore").mkdir()  # a folder called as a word of an option is none that is read
    for _ in range(2):
        line = "measure ckpt --measures isoscore --corpus ptb -q -o isoscore/report.json"
        assert cli.main(line.split()) == 0


def test_every_option_that_names_a_place_is_held() -> None:
    placed = re.compile(r"FILE|DIR|FOLDER|REPORT|CHECKPOINT")
    seen = set()
    for command in cli.COMMANDS.values():
        for field in command.fields.values():
            if placed.search(field.metavar):
                seen.add(field.key)
                assert field.option.written or field.may_be_read("some/file"), field.key
    assert seen >= {"corpus", "groups", "isoscore-reference", "tokenizer", "output", "run", "save", "probe", "predict"}


def test_a_gate_without_a_terminal_says_what_people_read(runs: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "saved.json", "two_nn>1"]) == 1
    told = capfd.readouterr()
    assert "two_nn>1" in told.out
    assert told.out.endswith("1 of 1 limits failed\n")
    assert told.err == ""


def test_beside_json_the_outcome_is_told_in_words(runs: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "saved.json", "two_nn>1", "--format", "json"]) == 1
    told = capfd.readouterr()
    assert json.loads(told.out)["kind"] == "check"
    assert told.err.splitlines() == [
        "geoscope: 1 of 1 limits failed", "geoscope: limit failed: two_nn>1: it is 0.5000"
    ]  # fmt: skip
    assert cli.main(["check", "saved.json", "two_nn>1", "--format", "json", "-q"]) == 1
    assert capfd.readouterr().err == ""
    assert cli.main(["compare", "saved.json", "saved.json"]) == 0
    told = capfd.readouterr()
    assert json.loads(told.out)["kind"] == "comparison"
    assert 1 <= len(told.err.splitlines()) <= 6
    assert all(line.startswith("geoscope: ") for line in told.err.splitlines())
    for form in ("junit", "github"):
        assert cli.main(["check", "saved.json", "two_nn>0", "--format", form]) == 0
        told = capfd.readouterr()
        assert told.out
        assert told.err == ""


def test_reports_stand_beside_each_other(runs: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    a_report("other", 0.7).write("other.json")
    assert cli.main(["show", "saved.json", "other.json"]) == 0
    told = capfd.readouterr()
    assert told.out == render([a_report("saved"), a_report("other", 0.7)], "table")
    assert told.err == ""


def test_a_gates_forms_are_of_gates_alone(runs: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "saved.json", "two_nn>0", "-o", "check.json", "-o", "check.xml"]) == 0
    assert cli.main(["show", "check.json", "--format", "junit"]) == 0
    assert capfd.readouterr().out == Path("check.xml").read_text() == render(Check.read("check.json"), "junit")
    assert cli.main(["show", "saved.json", "--format", "junit"]) == 2
    assert "got junit" in capfd.readouterr().err


def test_the_folder_of_a_run_is_its_results(runs: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    Path("run").mkdir()
    assert cli.main(["show", "run"]) == 2
    assert "without results.json; name files, as in run/*.json" in capfd.readouterr().err
    a_report("kept").write("run/results.json")
    assert cli.main(["show", "run"]) == 0
    assert capfd.readouterr().out == render(a_report("kept"), "table")


def test_a_terminal_gets_no_page(
    runs: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.main(["report", "saved.json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "give -o page.html, or see the result here with `geoscope show`" in told.err
    assert cli.main(["report", "saved.json", "-o", "page.html", "-o", "copy.htm"]) == 0
    assert Path("page.html").read_text() == Path("copy.htm").read_text() == render(a_report("saved"), "html")
