"""Documents: every kind of result says what it is, reads its own JSON back, and is written alike in every form."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_reports import noise_of, row
from made_reports import report as made

from geoscope.cli.app import main
from geoscope.comparisons.checks import check_report
from geoscope.comparisons.comparison import compare_reports
from geoscope.comparisons.limits import parse_bound, parse_limit
from geoscope.comparisons.noise_floor import Floor, NoiseFloor
from geoscope.comparisons.size_curve import Size, SizeCurve, SizePoint, enough_of
from geoscope.correlations.correlate import correlate
from geoscope.diagnosis.diagnosis import Diagnosis, Finding
from geoscope.diagnosis.verification import Beside, Verification
from geoscope.document import Column, Document, Section, Table
from geoscope.documents.rendering import KINDS, read_result, render, result_of
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.finetuning.outcome import ArmResult, FineTuning, Penalty, RunRow, Spread
from geoscope.forms import csv, markdown, terminal
from geoscope.forms.output import FORMS, GATE_FORMS, Page
from geoscope.report import Report, Score
from geoscope.result import Result

RESULTS = [kind.name for kind in KINDS if issubclass(kind.type, Result)]


def a_report(name: str = "base", shift: float = 0.0) -> Report:
    scores = [Score(task="cola", metric="accuracy", score=0.8, n=100)]
    rows = [
        row(key, 1.0 + shift, layer=layer, noise=noise_of(layer)) for key in ("isoscore", "two_nn") for layer in (1, 2)
    ]
    return made(*rows, name=name, layers=2).model_copy(update={"scores": scores})


def fine_tuning() -> FineTuning:
    keys: dict[str, Any] = {
        "regularizer": "istar", "weight": 1.0, "shrinkage": 0.2, "selection": None, "noise_weight": None,
        "points_from": "tokens",
    }  # fmt: skip
    rows = [
        RunRow(
            **keys, seed=0, epoch=epoch, cloud=cloud, layer=None, measure=measure, value=epoch / 7, n=40, reason=None
        )
        for epoch in (0.0, 1.0)
        for cloud, measure in ((None, "accuracy"), ("union", "two_nn"))
    ]
    spread: dict[str, Any] = {"layer": None, "mean": 0.5, "sd": 0.25, "values": [0.5], "against_none": None}
    arm = ArmResult(
        name="istar_w1", settings=keys, seeds=[0], scores=[Spread(cloud=None, measure="accuracy", **spread)],
        geometry=[Spread(cloud="union", measure="two_nn", **spread)], penalties=[Penalty(epoch=1.0, penalty=0.5)],
    )  # fmt: skip
    settings = {
        "checkpoint": {"name": "tiny"}, "task": {"name": "t", "train": {"examples": 9}, "evaluation": {"examples": 3}},
        "hyperparameters": {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3},
    }  # fmt: skip
    return FineTuning(
        settings=settings, before=rows[1:2], arms=[arm], trends=[], measurements=rows, environment={"torch": "2"}
    )


@pytest.fixture
def result(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    base = a_report()
    if request.param == "report":
        return base
    if request.param == "comparison":
        return compare_reports(base, [a_report("other", 0.5)], limits=[parse_limit("two_nn:10%")])
    if request.param == "check":
        return check_report(base, [parse_bound("two_nn>3")])
    if request.param == "noise_floor":
        floor = Floor(
            layer=1, measure="two_nn", mean=2.0, standard_deviation=1.0, relative=0.5, n=9, whole_n=27, noise=0.5,
            limit=3.5, amount="180%", values=[1.0, 2.0, 3.0],
        )  # fmt: skip
        return NoiseFloor(
            over="trainings", count=3, quantile=5.0, subjects=[{"name": "a"}], sample={}, settings={"a": 1},
            floors=[floor], limits={"two_nn": "180%"}, environment={},
        )  # fmt: skip
    if request.param == "size_curve":
        sizes = [Size(size=size, sequences=size, rows=9 * size, points=9 * size) for size in (25, 50, 100)]
        points = [
            SizePoint(layer=1, measure=key, size=each.size, value=2.0 - 1 / each.size, standard_error=0.01, n=each.rows)
            for key in ("isoscore", "two_nn")
            for each in sizes
        ]
        return SizeCurve(
            over="sequences", sizes=sizes, subject={"name": "a"}, sample={}, settings={"a": 1}, points=points,
            enough=[enough_of(points[:3]), enough_of(points[3:])], environment={},
        )  # fmt: skip
    if request.param == "correlations":
        scores = tmp_path / "scores.csv"
        scores.write_text("subject,score\n" + "".join(f"m{i},{i * i}\n" for i in range(4)))
        return correlate([a_report(f"m{i}", i / 9) for i in range(4)], str(scores))
    if request.param == "diagnosis":
        seen = Finding(group="answers", name="two_nn", outcome="right", found=2.5, expected="2.5", source="by hand")
        broken = Finding(group="libraries", name="faiss-cpu", outcome="wrong", expected="1 or above", reason="absent")
        return Diagnosis(findings=[seen, broken, Finding(group="machine", name="GPUs", outcome="told", found="none")])
    if request.param == "verification":
        told = {
            "measure": "two_nn",
            "package": "scikit-dimension, TwoNN",
            "version": "0.5.0",
            "theirs": 2.5,
            "within": 1e-5,
        }
        other = {**told, "ours": 2.4, "outcome": "disagrees", "reason": "no reason is known"}
        missing = {"measure": "isoscore", "package": "IsoScore", "outcome": "skipped", "reason": "not installed"}
        numbers = [Beside(**told, ours=2.5, outcome="agrees"), Beside(**other), Beside(**missing)]
        return Verification(subject={"name": "a"}, layer=3, points=90, copies=2, numbers=numbers)
    assert request.param == "fine_tuning", "a new kind of result has its example here"
    return fine_tuning()


@pytest.mark.parametrize("result", RESULTS, indirect=True)
def test_every_kind_reads_its_own_json_back_and_is_drawn_alike(result: Any) -> None:
    again = result_of(result.to_json())
    assert again == result
    assert type(again) is type(result)
    for form in GATE_FORMS if type(result).__name__ in ("Comparison", "Check") else FORMS:
        assert render(again, form) == render(result, form), form
        assert len(render(result, form)) > 100, form


@pytest.mark.parametrize("result", RESULTS, indirect=True)
def test_every_saved_result_is_shown_as_its_command_printed_it(
    result: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "saved.json"
    result.write(path)
    assert main(["show", str(path)]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == (render(result, "table"), "")
    assert main(["show", str(path), "--format", "markdown"]) == 0
    assert capsys.readouterr().out == render(result, "markdown")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(path.read_bytes())))
    assert main(["show", "-"]) == 0
    assert capsys.readouterr().out == render(result, "table")


@pytest.mark.parametrize("result", [name for name in RESULTS if name != "report"], indirect=True)
def test_every_saved_result_is_drawn_as_a_page(result: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "saved.json"
    result.write(path)
    assert json.loads(path.read_text())["kind"] in RESULTS
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out == render(result, "html")
    assert main(["report", str(path), str(path)]) == 2
    assert f"got a {result.noun}; give it alone" in " ".join(capsys.readouterr().err.split())


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    floor = a_report().to_json().replace('"schema_version": "1",', '"schema_version": "1", "kind": "poem",', 1)
    with pytest.raises(GeoscopeError, match=r"expected a result of one of the kinds report, comparison, .* got 'poem'"):
        result_of(floor)
    with pytest.raises(NotComparable, match="expected a noise floor of schema version 1, got '9'"):
        result_of('{"schema_version": "9", "kind": "noise_floor"}')
    with pytest.raises(GeoscopeError, match=r"expected a geoscope check, got one without subject, limits in the text"):
        result_of('{"schema_version": "1", "geoscope_version": "1", "kind": "check"}')
    with pytest.raises(GeoscopeError, match=r"expected a report to read, got .*: No such file"):
        read_result(tmp_path / "none.json")


# Forms, on a table that is of no result


WORDS = Table(
    "Words",
    [
        Column("word", value=str, words=True),
        Column("length", value=len, why=lambda word: word.why),
        Column("secret", label=None, value=str.upper),
        Column("", "first", value=lambda word: word[0], words=True, spare=1),
        Column("empty", value=lambda _: None, rare=True),
    ],
    [],
)


class Word(str):
    why: str | None = None


def words() -> Document:
    found = [Word("geometry"), Word("of"), Word("spaces")]
    found[1].why = "it is short"
    table = Table(WORDS.caption, WORDS.columns, found)
    return Document("words", [table], [Section("words", [table])], facts=["three of them"])


def test_csv_has_every_named_column_and_no_rare_empty_one() -> None:
    assert csv.text(words()).splitlines() == [
        "word,length,secret", "geometry,8,GEOMETRY", "of,2,OF", "spaces,6,SPACES"
    ]  # fmt: skip


def test_people_see_labelled_columns_that_hold_something() -> None:
    shown = terminal.text(words(), Page())
    lines = [line.split() for line in shown.splitlines()]
    assert ["word", "length", "first"] in lines
    assert ["of", "2", "[1]", "o"] in lines
    assert "[1] it is short" in shown
    assert "| of | 2 | o |" in markdown.text(words())


def test_spare_columns_go_first_and_the_others_stand_below() -> None:
    narrow = terminal.text(words(), Page(20))
    assert "first" not in narrow
    assert max(map(len, narrow.splitlines())) <= 20
