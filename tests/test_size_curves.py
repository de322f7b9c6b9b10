"""Size curves: nested samples measured anew, and from which size on a number stays within its error of the whole's."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geoscope
from geoscope import SizeCurve, measure, size_curve
from geoscope.cli import app as cli
from geoscope.comparisons.size_curve import SizePoint, enough_of
from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.embeddings.objects import object_embeddings
from geoscope.subjects.nested_draws import sample_of, some_rows, some_sequences

FAST = ["participation_ratio", "participation_ratio_corrected"]


def sentences(count: int, d: int = 40, seed: int = 0) -> tuple[Any, Any]:
    """Rows of sequences of 1 to 5 rows that share a part, their spectrum falling."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(count), rng.integers(1, 6, count))
    scale = np.arange(1, d + 1) ** -0.3
    rows = (rng.standard_normal((count, d))[groups] + rng.standard_normal((len(groups), d))) * scale
    return rows, groups


def test_the_full_sample_is_what_measure_says_and_every_size_what_its_rows_say() -> None:
    rows, groups = sentences(400)
    more: dict[str, Any] = {"groups": groups, "measures": [*FAST, "average_cosine_similarity"]}
    found = size_curve(rows, sequence_counts=[50, 200], **more)
    assert [each.size for each in found.sizes] == [each.sequences for each in found.sizes] == [50, 200, 400]
    whole = measure(rows, **more)
    last = [point for point in found.points if point.size == 400]
    told = [(row.measure, row.value, row.standard_error, row.null, row.n) for row in whole.measurements]
    assert [(row.measure, row.value, row.standard_error, row.null, row.n) for row in last] == told
    part = some_sequences(object_embeddings(rows, groups=groups), 50, 0)
    alone = measure(np.asarray(part.rows()), **{**more, "groups": part.index.sequences})
    assert [point.value for point in found.points if point.size == 50] == [row.value for row in alone.measurements]
    assert found.settings == whole.settings


def test_samples_are_nested_and_keep_every_corpus_its_share() -> None:
    rows, groups = sentences(120)
    sample = {
        "corpora": [{"name": "a", "sequences": 30, "fingerprint": None}, {"name": "b", "sequences": 90}],
        "sequences": 120, "fingerprint": "sha256:0", "sampling_fraction": 0.5,
    }  # fmt: skip
    held = object_embeddings(rows, groups=groups)
    whole = Embeddings({None: held._matrices[None]}, held.index, name="x", subject={"name": "x"}, sample=sample)
    before: set[bytes] = set()
    for count in (1, 7, 20, 60, 119):
        part = some_sequences(whole, count, 3)
        names = part.index.sequences
        assert len(np.unique(names)) == count
        assert names.max() == count - 1  # counted anew: every group of them is filled
        kept = {row.tobytes() for row in part.rows()}
        assert before <= kept
        before = kept
        shares = [share["sequences"] for share in part.sample["corpora"]]
        assert sum(shares) == part.sample["sequences"] == count
        assert abs(shares[0] - count / 4) <= 1
        assert part.sample["sampling_fraction"] == pytest.approx(0.5 * count / 120)
        assert part.sample["fingerprint"] is None
    some = [some_rows(whole, count, 3) for count in (10, 100)]
    assert [len(each) for each in some] == [10, 100]
    assert {row.tobytes() for row in some[0].rows()} < {row.tobytes() for row in some[1].rows()}
    assert sample_of({}, np.arange(3), np.arange(2)) == {}
    assert not np.array_equal(some_rows(whole, 10, 4).rows(), some[0].rows())


def test_a_corrected_number_holds_where_the_plain_one_still_grows() -> None:
    """The plain participation ratio falls short by about 1/n; what corrects for that does not."""
    rows = np.random.default_rng(5).standard_normal((4000, 60)) * np.arange(1, 61) ** -0.2
    found = size_curve(rows, rows=[80, 200, 800], measures=FAST)
    enough = {row.measure: row for row in found.enough}
    assert enough["participation_ratio"].from_size is None
    assert "outside its 95 % interval" in str(enough["participation_ratio"].reason)
    assert enough["participation_ratio_corrected"].from_size == 80
    values = [point.value for point in found.curve("participation_ratio")]
    assert values == sorted(values)
    text = " ".join(found.summary().split())
    assert "From 80 rows on these stay within their error of the value of all 4,000: participation_ratio_corr" in text
    assert "At no size below all 4,000 rows do these stay within their error of its value: participation_ratio." in text


def point(size: int, value: float | None, error: float | None = 0.01, **more: Any) -> SizePoint:
    told = {"reason": "because"} if value is None else {}
    return SizePoint(layer=1, measure="two_nn", size=size, value=value, standard_error=error, n=size, **told, **more)


@pytest.mark.parametrize(
    ("curve", "size", "reason"),
    [
        ([point(10, 5.0), point(20, 5.01), point(40, 5.0)], 10, None),
        ([point(10, 6.0), point(20, 5.01), point(40, 5.0)], 20, None),
        ([point(10, 5.0), point(20, 6.0), point(40, 5.0)], None, "at 20: its value at the full sample lies outside"),
        ([point(10, None), point(20, 5.0), point(40, 5.0)], 20, None),
        ([point(10, 5.0), point(20, None), point(40, 5.0)], None, "at 20: because"),
        ([point(10, 5.0), point(20, 5.0, None), point(40, 5.0)], None, "at 20: it has no standard error"),
        ([point(10, 5.0), point(40, None)], None, "undefined at the full sample: because"),
        ([point(40, 5.0)], None, "there is no smaller size"),
        ([point(20, 5.0, 0.0), point(40, 5.0)], 20, None),
        ([point(20, 5.02), point(40, 5.0)], 20, None),  # t of 19 degrees: 2.093 errors
        ([point(20, 5.021), point(40, 5.0)], None, "outside"),
    ],
)
def test_what_is_enough(curve: list[SizePoint], size: int | None, reason: str | None) -> None:
    found = enough_of(curve)
    assert found.from_size == size
    assert found.whole == curve[-1].value
    assert (found.reason or "") == "" if reason is None else reason in str(found.reason)


def test_sizes_halve_where_nobody_says() -> None:
    rows, groups = sentences(130)
    found = size_curve(rows, groups=groups, measures="participation_ratio", errors=False, null="none")
    assert [each.size for each in found.sizes] == [32, 65, 130]
    assert found.enough[0].reason == "at 65: it has no standard error"
    few = size_curve(rows[:9], measures="participation_ratio")
    assert [each.size for each in few.sizes] == [9]


@pytest.mark.parametrize("layers", [{None: 60}, {2: 60}, {0: 60, 5: 60}])
@pytest.mark.parametrize("sizes", [None, [60], [40], [30, 40, 50]])
def test_every_form_of_few_layers_and_sizes(layers: dict[Any, int], sizes: list[int] | None) -> None:
    rng = np.random.default_rng(1)
    rows: Any = {layer: rng.standard_normal((n, 5)) for layer, n in layers.items()}
    rows = rows.get(None, rows)
    found = size_curve(rows, rows=sizes, measures=FAST, layers="last" if None in layers else "all")
    for form in ("table", "csv", "markdown", "html"):
        assert "participation_ratio" in render(found, form)
    assert SizeCurve.from_json(found.to_json()) == found
    few = size_curve(np.ones((1, 3)), measures=FAST)
    assert all(row.reason for row in few.points)
    told = " ".join(few.summary().split())  # wrapped to the terminal
    assert "Not known of participation_ratio, participation_ratio_corrected: undefined at the" in told


def test_a_transform_is_fitted_at_every_size() -> None:
    rows, _ = sentences(100)
    found = size_curve(rows, rows=[60, 100], measures="participation_ratio", transform="whiten=1")
    assert [point.value for point in found.points] == pytest.approx([40, 40, 40], rel=1e-9)
    assert found.settings["transform"] == ["whiten=1"]
    assert "the rows were transformed before they were measured (whiten=1)" in " ".join(found.summary().split())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rows": [10, 5000]}, "expected --rows of at most 100, what there is of array, got 5,000; ask for fewer"),
        ({"sequence_counts": "101"}, "expected --sequence-counts of at most 100"),
        ({"rows": "0,5"}, "expected whole numbers from 1 with commas between, got '0,5'"),
        ({"rows": "many"}, "expected whole numbers from 1"),
        ({"rows": [0]}, "expected whole numbers from 1"),
        ({"rows": []}, "expected whole numbers from 1"),
        ({"rows": [2.5]}, "expected whole numbers from 1"),
        ({"rows": [5], "sequence_counts": [5]}, "expected --rows or --sequence-counts, got both"),
    ],
)
def test_mistakes_are_sentences(options: dict[str, Any], told: str) -> None:
    with pytest.raises(GeoscopeError, match=told):
        size_curve(np.random.default_rng(0).standard_normal((100, 4)), measures="isoscore", **options)


def test_a_report_has_no_rows_to_draw_from(tmp_path: Path) -> None:
    report = measure(np.random.default_rng(0).standard_normal((60, 4)), measures="isoscore")
    with pytest.raises(GeoscopeError, match="expected a subject with rows to draw from"):
        size_curve(report)


def test_the_command_in_every_form(
    checkpoint_folder: Callable[[str], Path], corpus_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["size-curve", str(checkpoint_folder("bert")), "--corpus", str(corpus_file), "--sequences", "40"]
    line += ["--max-length", "16", "--layers", "0,-1", "--measures", "isoscore,isoscore_corrected", "--device", "cpu"]
    line += ["--sequence-counts", "25,30", "--no-progress"]
    files = [str(tmp_path / f"curve.{suffix}") for suffix in ("json", "csv", "html", "md", "txt")]
    assert cli.main([*line, *(part for file in files for part in ("-o", file))]) == 0
    result = SizeCurve.read(tmp_path / "curve.json")
    assert [(row.layer, row.measure, row.size) for row in result.points] == [
        (layer, key, size) for layer in (0, 3) for key in ("isoscore", "isoscore_corrected") for size in (25, 30, 40)
    ]
    assert result.sample["corpora"][0]["sequences"] == 40
    rows = list(csv.DictReader(io.StringIO((tmp_path / "curve.csv").read_text())))
    assert [row["size"] for row in rows] == ["25", "30", "40"] * 4
    page = (tmp_path / "curve.html").read_text()
    assert page.count("<svg") >= 2
    assert "sequences" in page
    assert "within their error of the value of all 40" in (tmp_path / "curve.md").read_text()
    capsys.readouterr()
    assert cli.main(["show", str(tmp_path / "curve.json")]) == 0
    assert capsys.readouterr().out == (tmp_path / "curve.txt").read_text()
    assert json.loads((tmp_path / "curve.json").read_text())["kind"] == "size_curve"
    direct = geoscope.measure(
        str(checkpoint_folder("bert")), corpora=str(corpus_file), sequences=40, max_length=16, layers=[3], device="cpu",
        measures="isoscore",
    )  # fmt: skip
    assert result.curve("isoscore", 3)[-1].value == pytest.approx(direct["isoscore"].value, rel=1e-9)
    with pytest.raises(GeoscopeError, match="expected isoscore of one layer, got several"):
        result.curve("isoscore")
