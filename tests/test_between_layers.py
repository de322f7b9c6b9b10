"""Layers held against each other: the same numbers as two spaces give, p values by hand, and what a report says."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from typer.testing import CliRunner

import geoscope
from geoscope.cli.app import app
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.memory import estimate
from geoscope.passes.passes import PassSettings
from geoscope.plans import workload_of
from geoscope.report import Report
from geoscope.rows import Batch
from geoscope.settings.measuring import MeasureKeywords
from geoscope.settings.option import completed
from geoscope.spaces.between_layers import MEASURES, LayersBetween
from geoscope.spaces.cross_products import CrossProducts
from geoscope.spaces.permutations import Orders, p_values
from geoscope.spaces.similarity import information_imbalance, linear_cka_debiased, mutual_neighbours, similarity
from geoscope.subjects.embeddings.objects import object_embeddings

FUNCTIONS = {
    "linear_cka_debiased": linear_cka_debiased,
    "information_imbalance": information_imbalance,
    "mutual_neighbours": mutual_neighbours,
}


def some_layers(n=150, d=(6, 6, 6), seed=0, kind=np.float64):
    """Layer 3 is layer 0 with noise, layer 5 knows nothing of them."""
    g = np.random.default_rng(seed)
    x = g.standard_normal((n, d[0])) + 2
    y = x @ g.standard_normal((d[0], d[1])) + g.standard_normal((n, d[1]))
    return {
        layer: rows.astype(kind) for layer, rows in zip((0, 3, 5), (x, y, g.standard_normal((n, d[2]))), strict=True)
    }


def between(layers, **options):
    return geoscope.measure(layers, layers="all", measures="isoscore", errors=False, between="layers", **options)


def test_every_number_is_that_of_the_two_layers_alone():
    layers = some_layers()
    found = between(layers).between
    assert (found.layers, found.points, [each.measure for each in found.matrices]) == ([0, 3, 5], 150, list(MEASURES))
    for one in layers:
        for other in layers:
            for measure, function in FUNCTIONS.items():
                expected = function(layers[one], layers[other])
                assert found.value(measure, one, other) == pytest.approx(expected, abs=1e-12)
    assert [each.null for each in found.matrices] == [0.0, 1.0, 10 / 149]
    assert all(each.n == 150 and each.p is None for each in found.matrices)


def test_layers_of_a_checkpoint_stream_by_once(checkpoint_folder, corpus_file):
    options = {"corpora": [str(corpus_file)], "sequences": 40, "max_length": 32, "points": 200}
    folder = str(checkpoint_folder("bert"))
    report = between(folder, **options)
    kept = geoscope.extract(folder, corpora=options["corpora"], sequences=40, max_length=32, layers="all")
    again = between(kept, points=200)
    assert report.between.layers == list(kept.layers)
    for mine, other in zip(report.between.matrices, again.between.matrices, strict=True):
        assert mine.n == other.n <= (len(kept) if mine.measure == MEASURES[0] else 200)
        assert np.allclose(mine.matrix, other.matrix, atol=1e-6)
    for one, other in pairwise(kept.layers):
        expected = linear_cka_debiased(kept.rows(one), kept.rows(other))
        assert report.between.value(MEASURES[0], one, other) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, 2.0**100, 2.0**-100])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_streamed_products_give_the_cka_of_all_rows(kind, scale):
    layers = some_layers(n=300, d=(8, 5, 9), kind=kind)
    layers[0] = (layers[0] * kind(scale)).astype(kind)
    layers[3] = layers[3] + kind(300)
    products = CrossProducts(list(layers))
    for start in range(0, 300, 41):
        some = np.arange(start, min(start + 41, 300))
        products.add(Batch(some, {layer: rows[some] for layer, rows in layers.items()}))
    matrix, reason = products.matrix()
    assert reason is None
    for at, one in enumerate(layers.values()):
        expected = [linear_cka_debiased(one, other) for other in layers.values()]
        assert matrix[at] == pytest.approx(expected, abs=1e-12 if kind == np.float64 else 2e-6)


def test_rows_that_a_transform_leaves_out_of_one_layer_count_in_none():
    layers = some_layers(n=80)
    layers[3][7] = 0.0
    found = between(layers, transform="unit", points=60).between
    kept = np.delete(np.arange(80), 7)
    unit = {layer: rows[kept] / np.linalg.norm(rows[kept], axis=1, keepdims=True) for layer, rows in layers.items()}
    assert found.matrices[0].n == 79
    assert found.value(MEASURES[0], 0, 3) == pytest.approx(linear_cka_debiased(unit[0], unit[3]), abs=1e-12)
    assert 50 < found.points <= 60


def test_copies_in_any_layer_are_left_out_of_all():
    layers = some_layers()
    layers = {layer: np.vstack([rows, rows[:30] if layer == 0 else rows[:30] + 1]) for layer, rows in layers.items()}
    report = between(layers)
    assert [each.n for each in report.between.matrices] == [180, 150, 150]
    assert "150 of 180 points" in report.summary()


def test_what_has_no_value_says_why():
    found = between({0: np.ones((50, 3)), 1: some_layers()[0][:50]}).between
    for each in found.matrices:
        assert each.reason
        assert each.matrix[0][1] is None
        assert each.p is None
    assert found.value(MEASURES[0], 1, 1) == pytest.approx(1.0)
    few = between({0: np.eye(5), 1: np.eye(5)[::-1] * np.arange(1, 6)}, permutations=3).between
    assert few.matrices[1].matrix[0][1] is not None
    assert "12 distinct" in few.matrices[2].reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": "last"}, "got 1"),
        ({"layers": "union"}, "their union"),
        ({"between": None, "permutations": 5}, "both or neither"),
    ],
)
def test_what_cannot_be_held_against_each_other_is_refused(options, words):
    with pytest.raises(GeoscopeError, match=words):
        geoscope.measure(some_layers(), **{"layers": "all", "between": "layers", **options})
    with pytest.raises(GeoscopeError, match="both or neither"):
        geoscope.compare(some_layers(), some_layers(), permutations=5)


# p values


def test_p_values_are_shares_of_permutations():
    layers = some_layers(n=40)
    found = between(layers, permutations=30, seed=4).between
    orders = list(Orders(40, 30, 4))
    assert np.array_equal(orders[0], np.arange(40))
    sign = {"information_imbalance": -1.0}
    for each in found.matrices:
        function = FUNCTIONS[each.measure]
        for at, one in enumerate(layers):
            others = [layer for layer in layers if layer != one]
            alike = np.array(
                [
                    [sign.get(each.measure, 1.0) * function(layers[one][order], layers[other]) for order in orders]
                    for other in others
                ]
            )
            own = np.mean(alike >= alike[:, :1], axis=1)
            standard = (alike - alike.mean(axis=1, keepdims=True)) / alike.std(axis=1, keepdims=True)
            best = np.mean(standard.max(axis=0) >= standard[:, :1], axis=1)
            places = [at_other for at_other, layer in enumerate(layers) if layer != one]
            assert [each.p[at][place] for place in places] == pytest.approx(list(own))
            assert [each.p_adjusted[at][place] for place in places] == pytest.approx(list(np.maximum(own, best)))
            assert each.p[at][at] is None
    assert found.permutations == 30


def test_layers_that_belong_together_have_the_least_p_and_others_do_not():
    found = between(some_layers(), permutations=39).between
    for each in found.matrices:
        assert each.p_adjusted[0][1] == each.p_adjusted[1][0] == 1 / 40
        assert each.p[0][2] > 1 / 40


def test_p_values_of_nothing_are_uniform():
    g = np.random.default_rng(0)
    drawn = [p_values(g.standard_normal((4, 20))) for _ in range(2000)]
    own, best = (np.concatenate([each[at] for each in drawn]) for at in (0, 1))
    assert np.mean(own <= 0.1) == pytest.approx(0.1, abs=0.015)
    smallest = np.array([each[1].min() for each in drawn])  # of the best of four, adjusted
    assert np.mean(smallest <= 0.1) == pytest.approx(0.1, abs=0.02)
    assert (best >= own).all()


def test_spaces_of_two_subjects_have_p_values_too():
    layers = some_layers(n=60)
    base, other = object_embeddings(layers[0]), object_embeddings(layers[3])
    rows = similarity(base, other, permutations=25)
    assert [(row["p"], row["p_adjusted"]) for row in rows] == [(1 / 26, 1 / 26)] * 6
    told = geoscope.compare(layers[0], layers[5], measures="isoscore", similarity=True, permutations=9)
    assert all(0.1 <= row["p"] <= row["p_adjusted"] <= 1 for row in told.similarity)
    assert "p_adjusted" not in similarity(base, other)[0]
    json.dumps(rows, allow_nan=False)


# What a report says


@pytest.fixture(scope="module")
def report():
    return between(some_layers(), permutations=19)


def test_a_report_reads_back_strictly(report):
    assert Report.from_json(report.to_json()) == report
    assert hash(Report.from_json(report.to_json())) == hash(report)
    plain = json.loads(between(some_layers()).to_json())
    assert "p" not in plain["between"]["matrices"][0]
    for broken in (
        {"layers": [0, 3]},
        {"layers": ["0", 3, 5]},
        {"matrices": [{**plain["between"]["matrices"][0], "matrix": [[1.0, None, 0.0]] * 3}]},
        {"matrices": [{**plain["between"]["matrices"][0], "matrix": [[1.0, "0.5", 0.0]] * 3}]},
    ):
        with pytest.raises((GeoscopeError, NotComparable), match="between"):
            Report.from_json(json.dumps({**plain, "between": {**plain["between"], **broken}}))
    assert "between" not in geoscope.measure(some_layers(), layers="all", measures="isoscore").to_json()


def test_every_form_shows_it(report, tmp_path):
    path = tmp_path / "report.json"
    report.write(path)
    shown = CliRunner().invoke(app, ["show", str(path)]).stdout
    assert "information_imbalance between layers, null 1" in shown
    assert "p, adjusted for the choice of the best layer only" in shown
    rows = [row for row in report.rows() if row["to_layer"] is not None]
    assert len(rows) == 27
    assert (rows[1]["layer"], rows[1]["to_layer"], rows[1]["measure"]) == (0, 3, "linear_cka_debiased")
    assert rows[1]["value"] == report.between.value("linear_cka_debiased", 0, 3)
    page = report.to_html()
    assert page.count('class="chart heat"') == 3
    assert "from 0 to 3: " in page
    assert "mutual_neighbours between layers" in report.to_markdown()


def test_its_memory_is_told_and_nothing_changes_without_it():
    layers = {layer: np.zeros((20_000, 768), dtype=np.float32) for layer in range(13)}
    options = completed(MeasureKeywords, {"layers": "all"})
    source = object_embeddings(layers)
    alone = estimate(workload_of(source, list(layers), options)).total
    beside = estimate(workload_of(source, list(layers), {**options, "between": "layers"}))
    assert beside.parts["products between layers"] == 91 * 768**2 * 8
    assert alone < beside.total < alone + 10**9


def test_batches_that_were_not_listened_to_are_a_mistake_of_ours():
    with pytest.raises(ValueError, match="listened"):
        LayersBetween.of([0, 1], union=False).measured([], PassSettings(), 0, 0)
