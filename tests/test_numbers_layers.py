"""Which layers of two models are held against each other, and that what is said of two spaces is in every form."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from made_reports import noise_of, report, row

import geoscope
from geoscope.cli import app as cli
from geoscope.correlations.correlate import correlate
from geoscope.documents.rendering import render
from geoscope.errors import GeoscopeError
from geoscope.forms.output import GATE_FORMS, Page
from geoscope.report import Report
from geoscope.rows import RowIndex
from geoscope.spaces.similarity import MEASURES, similarity
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.row_files.array_files import matrix

# Layers of models that differ in depth


def model(depth: int | None, layers: Any = None, *, name: str = "base", seed: int = 0) -> Report:
    """A report whose isoscore grows with a layer's share of the blocks, from 1 to 2."""
    chosen = range((depth or 0) + 1) if layers is None else layers
    rows = [
        row("isoscore", 1 + layer / (depth or 12), layer=layer, noise=noise_of(100 * seed + layer, 1e-4))
        for layer in chosen
    ]
    return report(*rows, name=name, layers=depth)


def pairs(base: Report, candidate: Report) -> list[tuple[int | None, int | None]]:
    return [(each.layer, each.candidate_layer) for each in geoscope.compare(base, candidate).differences]


@pytest.mark.parametrize(
    ("base", "candidate", "matched"),
    [
        (model(6), model(12), [(layer, 2 * layer) for layer in range(7)]),
        (model(12), model(6), [(2 * layer, layer) for layer in range(7)]),
        (model(6), model(6, name="other"), [(layer, layer) for layer in range(7)]),
        (model(6, (0, 6)), model(12, (0, 6, 12)), [(0, 0), (6, 12)]),
        (model(6, (0, 3, 6)), model(12, (0, 3, 6)), [(0, 0), (3, 6)]),  # its layer 6 is in the middle
        (model(6, (3, 6)), model(12, (5, 6, 7, 12)), [(3, 6), (6, 12)]),  # the nearest of three
        (model(6, (3, 6)), model(12, (5, 12)), [(3, 5), (6, 12)]),  # half a block away
        (model(6, (3, 6)), model(24, (9, 24)), [(6, 24)]),  # three quarters of a block away
        (model(6, (5, 6)), model(24, (23, 24)), [(6, 24)]),  # next to the last is not the last
        (model(6, (0, 1)), model(24, (0, 1, 2)), [(0, 0), (1, 2)]),
        (model(2, (1, 2)), model(3, (1, 2, 3)), [(1, 1), (2, 3)]),  # 1 and 2 are equally near, and one is taken
        (model(3, (1, 2, 3)), model(2, (1, 2)), [(1, 1), (3, 2)]),
        (model(6, (3,)), model(12, (6,)), [(3, 6)]),
        (model(6, (6,)), model(12, (12,)), [(6, 12)]),
        (model(1), model(12), [(0, 0), (1, 12)]),
        (model(None, (0, 6)), model(12, (0, 6, 12)), [(0, 0), (6, 6)]),  # a file that does not say how deep
    ],
)
def test_layers_belong_together_by_their_share_of_the_blocks(
    base: Report, candidate: Report, matched: list[tuple[int, int]]
) -> None:
    assert pairs(base, candidate) == matched


def test_no_pair_is_further_apart_than_half_a_block_and_no_layer_is_there_twice() -> None:
    for one, other in product((1, 2, 3, 5, 6, 12), (4, 7, 13)):
        found = pairs(model(one), model(other))
        assert [(b, a) for a, b in pairs(model(other), model(one))] == found
        assert found[0] == (0, 0)
        assert found[-1] == (one, other)
        assert len(found) == min(one, other) + 1
        assert len({b for _, b in found}) == len(found)
        for a, b in found:
            assert abs(Fraction(a or 0, one) - Fraction(b or 0, other)) <= Fraction(1, 2 * min(one, other))


@pytest.mark.parametrize(
    ("base", "candidate", "told"),
    [
        (model(6, (6,)), model(12, (6,), name="deep"), "layer 6 of base's 6 blocks and layer 6 of deep's 12 blocks"),
        (model(6, (0, 6)), model(12, (3, 6), name="deep"), "layers 0, 6 of base's 6 blocks and layers 3, 6 of deep's"),
        (model(24, (12, 24)), model(6, (6, 0)[1:], name="deep"), "layers 12, 24 of base's 24 blocks and layer 0 of"),
    ],
)
def test_layers_without_a_counterpart_are_refused_with_how_to_aim(base: Report, candidate: Report, told: str) -> None:
    with pytest.raises(GeoscopeError) as refusal:
        geoscope.compare(base, candidate)
    assert told in str(refusal.value)
    assert "measure --layers last or all of both" in str(refusal.value)


def test_every_form_says_which_layers_were_held_against_each_other() -> None:
    base, deep = model(3, (0, 1, 2, 3)), model(6, (0, 2, 3, 5, 6), name="deep", seed=1)
    result = geoscope.compare(base, deep, limits=["isoscore@last:1%", "isoscore@1:1%"])
    assert [(each.layer, each.candidate_layer) for each in result.differences] == [(0, 0), (1, 2), (2, 3), (3, 6)]
    assert [(each.only_in, each.layers) for each in result.unmatched] == [("candidate", [5])]
    assert [each.layer for each in result.limits] == [3, 1]
    for form in ("table", "markdown", "html"):
        shown = render(result, form, Page(width=200))
        for pair in ("1 (candidate: layer 2)", "3 (candidate: layer 6)"):
            assert shown.count(pair) >= 2, (form, pair)  # of a difference and of a limit
        assert "layers are matched by their share of the blocks: 3 in the base, 6 in deep" in shown, form
        assert "no layer of the base goes with layer 5 of deep" in shown, form
    held = json.loads(render(result, "json"))["limits"]
    assert [(each["layer"], each["candidate_layer"]) for each in held] == [(3, 6), (1, 2)]
    rows = list(csv.DictReader(io.StringIO(render(result, "csv"))))
    assert [(each["layer"], each["candidate_layer"]) for each in rows] == [
        ("0", "0"),
        ("1", "2"),
        ("2", "3"),
        ("3", "6"),
    ]
    assert render(result, "junit").count("layer 3 (candidate: layer 6)") == 2  # the limit and the difference


def test_two_layers_in_a_heading_leave_room_for_numbers() -> None:
    narrow = render(geoscope.compare(model(3), model(6, name="deep", seed=1)), "table", Page(width=72))
    assert max(map(len, narrow.splitlines())) <= 72
    (heading,) = [line for line in narrow.splitlines() if line.startswith("measure")]
    assert heading.split()[:4] == ["measure", "base", "candidate", "difference"]


def test_a_failed_limit_names_both_layers() -> None:
    base = model(3, (0, 3))
    moved = report(*(row("isoscore", 9.0, layer=layer) for layer in (0, 3, 6)), name="deep", layers=6)
    result = geoscope.compare(base, moved, limits=["isoscore@last:-10%", "isoscore@last:10%"])
    (error, _) = render(result, "github").splitlines()
    assert "isoscore@last:10%25 at layer 3 (candidate: layer 6) of deep: it went from 2 to 9" in error
    assert "layer 3 (candidate: layer 6)" in render(result, "junit")


def test_models_of_the_same_depth_show_one_number() -> None:
    result = geoscope.compare(model(3), model(3, name="other"), limits=["isoscore@last:1%"])
    for form in GATE_FORMS:
        shown = render(result, form, Page(width=200))
        assert "candidate: layer" not in shown
        assert "matched by" not in shown
    assert [each.layer for each in result.limits] == [3]


def test_the_command_refuses_a_last_layer_against_a_middle_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    base, deep = tmp_path / "base.json", tmp_path / "deep.json"
    model(6, (6,)).write(base)
    model(12, (6,), name="deep").write(deep)
    assert cli.main(["compare", str(base), str(deep), "--fail-on", "isoscore@last:50%"]) == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.startswith("geoscope: expected two reports with a layer at the same relative depth, got layer 6 of")
    assert told.err.count("\n") == 1


def embeddings(rows: Any, layers: tuple[int, ...], depth: int | None) -> Embeddings:
    """As `extract` writes pooled rows of the same draw."""
    n = len(rows)
    places = np.arange(n), np.full(n, -1), np.full(n, -1)
    index = RowIndex(*(part.astype(np.int64) for part in places))
    held = {layer: matrix(rows, "rows") for layer in layers}
    return Embeddings(held, index, subject={"layers": depth}, sample={"fingerprint": "sha256:draw"})


def test_spaces_are_compared_at_the_same_relative_depth() -> None:
    g = np.random.default_rng(0)
    x, y = g.standard_normal((2, 40, 5))
    found = similarity(embeddings(x, (0, 2, 4), 4), embeddings(y, (0, 2, 4, 8), 8))
    held = dict.fromkeys((each["layer_base"], each["layer_candidate"]) for each in found)
    assert list(held) == [(0, 0), (2, 4), (4, 8)]
    by_number = similarity(embeddings(x, (0, 2, 4), None), embeddings(y, (0, 2, 4, 8), 8))
    assert {(each["layer_base"], each["layer_candidate"]) for each in by_number} == {(0, 0), (2, 2), (4, 4)}
    with pytest.raises(GeoscopeError, match="a layer in common"):
        similarity(embeddings(x, (1, 4), 4), embeddings(y, (4, 7), 8))


def test_correlations_take_first_and_last_layers_of_models_of_any_depth() -> None:
    depths = {"a": 6, "b": 12, "c": 6, "d": 24}
    scores = [{"subject": name, "score": value} for name, value in zip(depths, (1.0, 2.0, 4.0, 3.0), strict=True)]
    ends = [
        report(row("isoscore", place + 0.5, layer=0), row("isoscore", place**2, layer=depth), name=name, layers=depth)
        for place, (name, depth) in enumerate(depths.items())
    ]
    found = {each.layer: [point.x for point in each.points] for each in correlate(ends, scores).associations}
    assert found == {0: [0.5, 1.5, 2.5, 3.5], "last": [0.0, 1.0, 4.0, 9.0]}
    middle = [model(depth, (0, 3, 6), name=name) for name, depth in depths.items()]
    with pytest.raises(GeoscopeError, match="expected the first or last layer of every model"):
        correlate(middle, scores)


# How alike two spaces are, in every form


def clouds() -> tuple[Any, Any]:
    x, y = np.random.default_rng(0).standard_normal((2, 60, 5))
    return x.astype(np.float32), (x + y).astype(np.float32)


@pytest.mark.parametrize("form", [form for form in GATE_FORMS if form != "github"])
def test_every_form_of_data_says_how_alike_the_spaces_are(form: str) -> None:
    result = geoscope.compare(*clouds(), similarity=True, measures=["isoscore"], layers="all")
    shown = render(result, form, Page(width=200))
    for measure in MEASURES:
        assert measure in shown


def test_csv_with_similarities_is_one_table_to_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    x, y = clouds()
    result = geoscope.compare(x, y, y, similarity=True, measures=["isoscore", "two_nn"])
    frame = pandas.read_csv(io.StringIO(render(result, "csv")))
    assert len(frame) == len(result.differences) + len(result.similarity) == 4 + 2 * len(MEASURES)
    alike = frame[frame.measure.isin(MEASURES)]
    assert list(alike.value) == [row["value"] for row in result.similarity]
    assert list(alike.null) == [row["null"] for row in result.similarity]
    assert set(alike.n) == {60}
    assert alike.verdict.isna().all()
    others = frame[frame.verdict.notna()]
    assert list(others.base_value) == [each.base_value for each in result.differences]
    assert others.value.isna().all()
    assert list(dict.fromkeys(alike.candidate)) == list(dict.fromkeys(others.candidate)) == ["array (1)", "array (2)"]


def test_a_similarity_without_a_value_says_why_in_csv_and_junit() -> None:
    x, y = clouds()
    result = geoscope.compare(x, y[:50], similarity=True, measures=["average_cosine_similarity"])
    rows = list(csv.DictReader(io.StringIO(render(result, "csv"))))
    (cka,) = [each for each in rows if each["measure"] == "linear_cka"]
    assert cka["value"] == ""
    assert "as many rows" in cka["reason"]
    root = ElementTree.fromstring(render(result, "junit"))
    told = {str(case.get("name")): case.find("skipped") for case in root.iter("testcase")}
    skipped = told["linear_cka"]
    assert skipped is not None
    assert "as many rows" in str(skipped.get("message"))


def test_csv_without_similarities_is_as_it_was() -> None:
    result = geoscope.compare(model(3), model(3, name="other"))
    assert render(result, "csv").splitlines()[0].endswith(",verdict,reason")


def test_the_command_writes_similarities_as_csv(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a.npy", "b.npy")]
    for path, rows in zip(paths, clouds(), strict=True):
        np.save(path, rows)
    line = ["compare", *paths, "--similarity", "--measures", "isoscore", "--format", "csv", "-q"]
    done = subprocess.run([sys.executable, "-m", "geoscope", *line], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [each["measure"] for each in rows] == ["isoscore", *MEASURES]
    assert all(0 <= float(each["value"]) <= 1 for each in rows if each["measure"] == "linear_cka")
