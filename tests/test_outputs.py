"""Outputs: several from one run, none over an input, text where people read, the outcome beside JSON; saved results."""

from __future__ import annotations

import json
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
    ],
)
def test_what_cannot_be_written_is_refused_before_the_run(
    runs: list[Any], capfd: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    Path("rows.csv").write_text("a,b\n1,2\n")
    Path("page.html").write_text("kept")
    Path("link.csv").symlink_to("rows.csv")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert cli.main(line.split()) == 2
    assert said in capfd.readouterr().err
    assert runs == []
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


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
