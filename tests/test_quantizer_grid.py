"""`--quantizer-grid`: each size of codebooks as a run of its own would measure it, and never taken for another."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest
from made_reports import report, row

from geoscope import measuring
from geoscope.cli import app as cli
from geoscope.cli.exits import ExitCode
from geoscope.comparing import compare
from geoscope.correlations.correlate import correlate
from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.estimates.quantizer_grid import grid_of
from geoscope.measuring import measure
from geoscope.passes import making
from geoscope.report import Measurement, Report, json_schema
from geoscope.studies import perturbations
from geoscope.studies.study import perturb
from geoscope.wording import rounded

SIZES = [(2, 3), (2, 4), (4, 3), (4, 4)]
GRID = "4,2x3,4"
QUANTIZED = ["patchiness_paper", "reconstruction_error_heldout"]
MEASURES = ["isoscore", *QUANTIZED, "two_nn"]


@pytest.fixture
def folder(checkpoint_folder: Callable[[str], Path]) -> str:
    return str(checkpoint_folder("bert"))


@pytest.fixture
def options(corpus_file: Path) -> dict[str, Any]:
    return {
        "corpora": [str(corpus_file)], "sequences": 40, "max_length": 32, "device": "cpu", "quantizer": "pq",
        "measures": MEASURES, "levels": "0,20", "seeds": 1,
    }  # fmt: skip


def without_size(rows: Sequence[Measurement]) -> list[Measurement]:
    return [each.model_copy(update={"codebooks": None, "bits": None}) for each in rows]


def test_each_size_is_what_a_run_with_it_alone_gives(folder: str, options: dict[str, Any]) -> None:
    study = perturb(folder, quantizer_grid=GRID, **options)
    per_level = [("isoscore", None), *((key, size) for key in QUANTIZED for size in SIZES), ("two_nn", None)]
    assert [(each.measure, each.quantizer_size) for each in study.measurements] == 2 * per_level
    for codebooks, bits in SIZES:
        alone = perturb(folder, codebooks=codebooks, bits=bits, **options)
        assert all(each.value is not None and each.standard_error is not None for each in alone.measurements)
        here = [each for each in study.measurements if each.quantizer_size in (None, (codebooks, bits))]
        assert without_size(here) == alone.measurements
    assert len({each.value for each in study.measurements if each.measure == "patchiness_paper"}) == 2 * len(SIZES)


def test_rows_are_read_and_pairs_swept_once(
    folder: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def counted(module: Any, name: str) -> None:
        whole = getattr(module, name)

        def count(*args: Any, **keywords: Any) -> Any:
            calls.append(name)
            return whole(*args, **keywords)

        monkeypatch.setattr(module, name, count)

    counted(measuring, "gather")
    counted(making, "sweep")
    perturb(folder, quantizer_grid=GRID, **{**options, "levels": "20", "null": "closed"})
    assert calls == ["gather", "sweep"]


def test_the_command_writes_a_size_a_row_in_every_form(
    folder: str, corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(name: str, *more: str) -> str:
        line = [
            "perturb", folder, "--corpus", str(corpus_file), "--sequences", "40", "--max-length", "32", "--levels",
            "0,20", "--seeds", "1", "--quantizer", "kmeans", "--measures", "isoscore,patchiness_paper",
            "--quantizer-grid", "1x2,4", "--no-progress", "-o", str(tmp_path / name), *more,
        ]  # fmt: skip
        assert cli.main(line) == 0
        return (tmp_path / name).read_text()

    written = json.loads(run("study.json"))
    jsonschema.validate(written, json_schema())
    assert written["settings"]["quantizer"]["grid"] == ["1x2", "1x4"]
    assert [(each.get("codebooks"), each.get("bits")) for each in written["measurements"][:3]] == [
        (None, None), (1, 2), (1, 4),
    ]  # fmt: skip
    assert "codebooks" not in written["measurements"][0]  # as reports were before
    rows = list(csv.DictReader(io.StringIO(run("study.csv"))))
    assert [(each["noise_level"], each["codebooks"], each["bits"]) for each in rows[3:]] == [
        ("20.0", "", ""), ("20.0", "1", "2"), ("20.0", "1", "4"),
    ]  # fmt: skip
    assert "patchiness_paper" in run("study.md")
    assert "codebooks" in run("study.txt")
    page = run("study.html")
    assert "patchiness_paper, 1x2" in page
    assert "patchiness_paper, 1x4" in page
    assert cli.main(["check", str(tmp_path / "study.json"), "patchiness_paper>=0"]) == 0
    assert cli.main(["compare", str(tmp_path / "study.json"), str(tmp_path / "study.json")]) == ExitCode.MISTAKE
    assert "a study is read by" in capsys.readouterr().err


def test_no_line_of_the_page_goes_through_several_sizes() -> None:
    rows = [
        Measurement(layer=6, measure="patchiness", value=value, n=9, noise_level=level, codebooks=1, bits=bits)
        for level in (0.0, 10.0)
        for bits, value in ((2, 1.25), (4, 7.75))
    ]
    page = render(report(*rows), "html")
    assert f"noise level 10, codebooks 1, bits 4: {rounded(7.75)}" in page
    for name, value in (("1x2", 1.25), ("1x4", 7.75)):
        assert f"patchiness, {name}" in page
        assert f"between {rounded(value)} and {rounded(value)}" in page


def test_a_finished_state_is_kept_for_its_own_grid(folder: str, options: dict[str, Any], tmp_path: Path) -> None:
    def run(grid: str | None) -> tuple[list[Measurement], list[bool]]:
        told: list[str] = []
        study = perturb(folder, quantizer_grid=grid, parts=tmp_path / "parts", announce=told.append, **options)
        return study.measurements, [text.endswith("read back") for text in told]

    options |= {"measures": ["patchiness_paper"], "errors": False}
    first, read = run("2x3,4")
    assert read == [False, False]
    assert run("2x3,4") == (first, [True, True])
    assert run("2x3")[1] == [False, False]


def test_a_state_without_values_has_its_sizes(
    folder: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def infinite(name: str, shape: tuple[int, ...], seed: int) -> Any:
        return np.full(shape, np.inf)

    monkeypatch.setattr(perturbations, "standard_normal", infinite)
    study = perturb(folder, quantizer_grid="2x3,4", **options)
    untouched, broken = ([each for each in study.measurements if each.noise_level == level] for level in (0, 20))
    assert all(each.value is None for each in broken)
    assert [(each.measure, each.quantizer_size) for each in broken] == [
        (each.measure, each.quantizer_size) for each in untouched
    ]


def test_a_size_that_the_rows_cannot_train_is_undefined_by_itself() -> None:
    rows = np.random.default_rng(0).standard_normal((100, 8)).astype(np.float32)
    found = measure(rows, measures=["patchiness_paper"], quantizer="pq", quantizer_grid="2,3x3").measurements
    assert [each.value is None for each in found] == [False, True]
    assert "3" in str(found[1].reason)


# correlate


def gridded(name: str, *values: float, grid: Sequence[tuple[int, int]] = ((2, 6), (4, 8))) -> Report:
    settings = {"quantizer": {"kind": "lsq", "grid": [f"{m}x{b}" for m, b in grid], "seed": 0}}
    rows = [row("patchiness", value, codebooks=m, bits=b) for value, (m, b) in zip(values, grid, strict=True)]
    return report(row("isoscore", sum(values)), *rows, name=name, settings=settings)


def plain(name: str, value: float, *, kind: str = "lsq") -> Report:
    settings = {"quantizer": {"kind": kind, "codebooks": 4, "bits": 8, "seed": 3}}
    return report(row("patchiness", value), name=name, settings=settings)


SCORES = [{"subject": name, "task": "cola", "score": value} for name, value in zip("abcd", (1, 2, 3, 5), strict=True)]


def test_correlations_depend_on_the_quantizer_in_rows_of_their_own() -> None:
    reports = [gridded("a", 1, 9), gridded("b", 2, 7), gridded("c", 4, 8), gridded("d", 5, 1)]
    result = correlate(reports, SCORES)
    assert [(each.measure, each.quantizer, each.n) for each in result.associations] == [
        ("isoscore", None, 4), ("patchiness", "lsq 2x6", 4), ("patchiness", "lsq 4x8", 4),
    ]  # fmt: skip
    small, large = (result.association("patchiness", quantizer=name) for name in ("lsq 2x6", "lsq 4x8"))
    assert [point.x for point in small.points] == [1, 2, 4, 5]
    assert [point.x for point in large.points] == [9, 7, 8, 1]
    assert small.pearson.value == pytest.approx(np.corrcoef([1, 2, 4, 5], [1, 2, 3, 5])[0, 1])
    assert large.pearson.value == pytest.approx(np.corrcoef([9, 7, 8, 1], [1, 2, 3, 5])[0, 1])
    table = render(result, "markdown")
    assert "patchiness (lsq 2x6)" in table
    assert "patchiness (lsq 4x8)" in table


def test_a_grids_size_is_that_quantizer_in_another_report() -> None:
    result = correlate([gridded("a", 1, 9), gridded("b", 2, 7), gridded("c", 4, 8), plain("d", 1)], SCORES)
    assert [(each.quantizer, each.n) for each in result.associations if each.measure == "patchiness"] == [
        ("lsq 2x6", 3), ("lsq 4x8", 4),
    ]  # fmt: skip


def test_another_quantizers_numbers_are_never_taken_for_a_grids() -> None:
    reports = [gridded("a", 1, 9), gridded("b", 2, 7), gridded("c", 4, 8), plain("d", 1, kind="pq")]
    found = [each for each in correlate(reports, SCORES).associations if each.measure == "patchiness"]
    assert [(each.quantizer, each.n) for each in found] == [("lsq 2x6", 3), ("lsq 4x8", 3), ("pq 4x8", 1)]
    with pytest.raises(GeoscopeError, match="expected each subject once, got a with two numbers"):
        correlate([gridded("a", 1, 9), gridded("a", 1, 8), gridded("b", 2, 7), gridded("c", 3, 4)], SCORES)


def test_a_study_is_correlated_within_its_sizes(folder: str, options: dict[str, Any]) -> None:
    study = perturb(folder, quantizer_grid="2x3,4", **{**options, "levels": "0,5,20,50", "errors": False})
    told = [
        {"subject": folder, "noise_level": level, "task": "cola", "score": 1 / (1 + level)} for level in (0, 5, 20, 50)
    ]
    result = correlate([study], told)
    for bits in (3, 4):
        found = result.association("patchiness_paper", quantizer=f"pq 2x{bits}")
        values = [each.value for each in study.measurements if each.measure == "patchiness_paper" and each.bits == bits]
        assert [point.x for point in found.points] == values
        assert [partial.given for partial in found.partials] == [["noise_level"], ["log:noise_level"]]


# What is refused


def test_reports_of_other_sizes_are_not_compared() -> None:
    one = [gridded(name, 1, grid=[size]) for name, size in (("a", (2, 6)), ("b", (4, 8)))]
    with pytest.raises(NotComparable, match=r"quantizer grid \(2x6 and 4x8\)"):
        compare(*one)
    with pytest.raises(NotComparable, match=r"quantizer grid \(4x8 and none\)"):
        compare(one[1], plain("c", 1))


@pytest.mark.parametrize("text", ["", "4", "x", "4x", "x8", "2,4x6x8", "two x 6", "2;4x6", "2.5x6", "2,x6", "4X8"])
def test_what_is_no_grid_is_refused(text: str) -> None:
    with pytest.raises(GeoscopeError, match="expected --quantizer-grid to be numbers of codebooks x numbers of bits"):
        grid_of(quantizer_grid=text)


@pytest.mark.parametrize("text", ["0x8", "4x0", "4x13", "-1x8"])
def test_sizes_that_no_quantizer_has_are_refused(text: str) -> None:
    with pytest.raises(GeoscopeError, match="expected 1 to 256 codebooks of 1 to 12 bits"):
        grid_of(quantizer_grid=text)


def test_each_size_is_there_once_in_order() -> None:
    assert [(each.codebooks, each.bits) for each in grid_of(quantizer_grid=" 4, 2,4 x 8,6 ")] == [
        (2, 6),
        (2, 8),
        (4, 6),
        (4, 8),
    ]


@pytest.mark.parametrize(
    ("more", "about"),
    [
        (["--quantizer-grid", "many"], "expected --quantizer-grid to be numbers"),
        (["--quantizer-grid", "2x4", "--codebooks", "4"], "expected --quantizer-grid without --codebooks and --bits"),
        (["--quantizer-grid", "2x4", "--bits", "8"], "expected --quantizer-grid without --codebooks and --bits"),
        (["--quantizer-grid", "2x4", "--quantizer", "kmeans"], "give 1x4"),
        (["--quantizer-grid", "2x4", "--measures", "isoscore"], "expected quantized measures with --quantizer-grid"),
    ],
)
def test_mistakes_are_told_before_a_model_is_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], about: str
) -> None:
    assert cli.main(["perturb", "no/where", "-o", str(tmp_path / "study.json"), *more]) == ExitCode.MISTAKE
    told = capsys.readouterr().err
    assert about in told
    assert "Traceback" not in told


def test_a_size_beside_a_grid_is_refused_of_the_library_too() -> None:
    with pytest.raises(GeoscopeError, match="without --codebooks and --bits"):
        measure(np.eye(8), quantizer_grid="2x4", bits=6)
