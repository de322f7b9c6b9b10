"""Spectra, components, nulls and halves on another device: the same as on the CPU, and little that comes and goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pretended_device import DEVICE, pretended

import geoscope
from geoscope.errors import Undefined
from geoscope.estimates.nulls import matched_points
from geoscope.passes.eigenvalues import eigenvalues, eigenvectors, largest_eigenvalue
from geoscope.passes.pairs import (
    Cloud,
    LongerLists,
    lengths_within,
    nearest_within,
    neighbours_across,
    skeleton_of,
    sweep,
)  # fmt: skip
from geoscope.passes.principal_components import components_of, components_of_parts
from geoscope.spaces.permutations import Axes, Orders, permuted_imbalances, permuted_kernels
from geoscope.spaces.ranks import ranks_in


def normal(n: int, d: int) -> Any:
    return np.random.default_rng(n + d).standard_normal((n, d)) * np.linspace(3.0, 0.5, d)


def constant_dimension(n: int, d: int) -> Any:
    rows = normal(n, d)
    rows[:, 1] = 5.0
    return rows


CLOUDS: dict[str, Callable[[], Any]] = {
    "many rows": lambda: normal(400, 80),
    "float32": lambda: normal(400, 80).astype(np.float32),
    "two rows": lambda: normal(2, 6),
    "few rows": lambda: normal(5, 3),
    "fewer rows than dimensions": lambda: normal(30, 90),
    "duplicates": lambda: np.repeat(normal(60, 20), 4, axis=0),
    "far from the origin": lambda: normal(300, 20) + 1e4,
    "tiny": lambda: normal(300, 20) * 1e-30,
    "huge": lambda: normal(300, 20) * 1e30,
    "one dimension constant": lambda: constant_dimension(300, 20),
    "one dimension": lambda: normal(50, 1),
}


def covariance(name: str) -> Any:
    rows = CLOUDS[name]().astype(np.float64)
    rows = (rows - rows.mean(axis=0)) / np.abs(rows).max()
    return rows.T @ rows / len(rows)


@pytest.mark.parametrize("name", CLOUDS)
def test_eigenvalues_are_the_same(name, elsewhere):
    matrix = covariance(name)
    here, there = eigenvalues(matrix), eigenvalues(matrix, elsewhere)
    assert there.dtype == np.float64
    np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-14 * here[0])
    assert largest_eigenvalue(matrix, elsewhere) == pytest.approx(largest_eigenvalue(matrix), rel=1e-9)


def test_several_matrices_are_decomposed_at_once(elsewhere):
    several = np.stack([covariance("duplicates"), covariance("tiny"), covariance("huge")])
    there = eigenvalues(several, elsewhere)
    assert there.shape == (3, 20)
    np.testing.assert_allclose(there, eigenvalues(several), rtol=1e-9)


@pytest.mark.parametrize(("precision", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_eigenvectors_rebuild_the_matrix(precision, tolerance, elsewhere):
    matrix = covariance("many rows").astype(precision)
    values, vectors = eigenvectors(matrix, elsewhere)
    assert values.dtype == vectors.dtype == precision
    assert np.all(np.diff(values) <= 0)
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, atol=tolerance)


def test_a_matrix_out_of_range_has_no_spectrum_anywhere(elsewhere):
    with pytest.raises(Undefined, match="lost in rounding"):
        eigenvectors(np.full((3, 3), np.nan), elsewhere)


@pytest.mark.parametrize("name", CLOUDS)
def test_components_are_the_same(name, elsewhere):
    rows = CLOUDS[name]()
    here, there = components_of(rows), components_of(rows, elsewhere)
    assert there.dimension == here.dimension
    np.testing.assert_allclose(there.variances, here.variances, rtol=1e-9)
    np.testing.assert_allclose(there.entropies, here.entropies, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["many rows", "fewer rows than dimensions", "far from the origin", "huge"])
def test_components_of_parts_are_the_same(name, elsewhere):
    rows = CLOUDS[name]()
    masks = [np.random.default_rng(seed).permutation(len(rows)) < len(rows) // 2 for seed in range(3)]
    pairs = zip(components_of_parts(rows, masks), components_of_parts(rows, masks, elsewhere), strict=True)
    for here, there in pairs:  # float32
        np.testing.assert_allclose(there.variances, here.variances, rtol=1e-4)
        np.testing.assert_allclose(there.entropies, here.entropies, atol=1e-3)


@pytest.mark.parametrize(
    "rows", [np.full((6, 3), 2.5), np.ones((1, 3)), np.empty((0, 3))], ids=["equal", "one", "none"]
)
def test_what_has_no_components_has_none_anywhere(rows, elsewhere):
    with pytest.raises(Undefined) as here:
        components_of(rows)
    with pytest.raises(Undefined) as there:
        components_of(rows, elsewhere)
    assert str(there.value) == str(here.value)


@pytest.mark.parametrize("sequences", [np.arange(400), np.arange(400) // 8], ids=["apart", "in sequences"])
def test_matched_points_have_the_covariance_of_the_points(sequences, elsewhere):
    rows = CLOUDS["many rows"]()
    here, there = matched_points(rows, sequences, 3), matched_points(rows, sequences, 3, elsewhere)
    assert here.shape == there.shape
    scale = np.trace(np.cov(here.T)) / np.trace(np.cov(there.T))
    assert scale == pytest.approx(1.0, abs=0.05)  # eigenvectors that point the other way make another draw


def test_components_come_back_as_numbers_of_components():
    rows = CLOUDS["float32"]()
    with pretended() as traffic:
        components_of(rows, str(DEVICE))
        assert sum(traffic.there) == rows.nbytes
        assert sum(traffic.back) == 2 * 8 * rows.shape[1]
        assert len(traffic.back) == 2


def in_sequences(n: int, d: int) -> Any:
    generator = np.random.default_rng(0)
    return np.repeat(generator.standard_normal((n // 10, d)), 10, axis=0) + 0.7 * generator.standard_normal((n, d))


def halves(n: int) -> list[Any]:
    return [np.random.default_rng(seed).permutation(n) < n // 2 for seed in range(4)]


def test_trees_and_neighbours_of_halves_are_the_same(elsewhere):
    rows = in_sequences(500, 12)
    found = sweep(rows)
    assert found.tree is not None
    skeleton = skeleton_of(found.neighbours, found.tree.edges, found.tree.lengths)
    groups = np.arange(500) // 10
    made = []
    for device in ("cpu", elsewhere):
        cloud = Cloud(rows, device=device, double=False)
        across = LongerLists(cloud, groups)
        lists = neighbours_across(found.neighbours, across, 16)
        made.append(
            [
                *(np.sort(lengths_within(cloud, skeleton, half)) for half in halves(500)),
                *(near.distances for near in nearest_within(found.neighbours, halves(500), LongerLists(cloud), 8)),
                *(near.distances for near in nearest_within(lists, halves(500), across, 8)),
            ]
        )
    for here, there in zip(*made, strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-9)


def test_of_equally_far_rows_those_of_lower_number_come_first_anywhere(elsewhere):
    rows = np.stack(np.meshgrid(*[np.arange(7.0)] * 3), axis=-1).reshape(-1, 3)
    which, every = np.arange(0, len(rows), 5), np.ones(len(rows), dtype=bool)
    here, there = (
        LongerLists(Cloud(rows, device=device)).search_by_index(which, 4, every) for device in ("cpu", elsewhere)
    )
    np.testing.assert_array_equal(there[0], here[0])
    np.testing.assert_allclose(there[1], here[1], rtol=1e-9)


def test_halves_never_take_the_whole_cloud_to_the_device_again():
    rows = in_sequences(1000, 64).astype(np.float32)
    found = sweep(rows)
    assert found.tree is not None
    skeleton = skeleton_of(found.neighbours, found.tree.edges, found.tree.lengths)
    with pretended() as traffic:
        cloud = Cloud(rows, device=str(DEVICE), double=False)
        assert max(traffic.there) == rows.nbytes
        traffic.there.clear()
        for half in halves(1000):
            lengths_within(cloud, skeleton, half)
        assert traffic.there
        assert max(traffic.there) <= 8 * len(rows)
        assert sum(traffic.there) + sum(traffic.back) < 4 * rows.nbytes


@pytest.mark.parametrize("name", ["many rows", "duplicates", "far from the origin", "tiny"])
@pytest.mark.parametrize("grouped", [False, True])
def test_ranks_are_the_same(name, grouped, elsewhere):
    rows = CLOUDS[name]()
    targets = np.stack([np.random.default_rng(seed).permutation(len(rows)) for seed in range(2)])
    groups = np.arange(len(rows)) // 5 if grouped else None
    few = 2**16  # bytes, so that there is more than one tile
    there = ranks_in(rows, targets, groups=groups, device=elsewhere, memory=few)
    np.testing.assert_array_equal(there, ranks_in(rows, targets, groups=groups, memory=few))


def test_ranks_by_products_of_float32_are_the_same(elsewhere, monkeypatch):
    monkeypatch.setattr("geoscope.spaces.ranks.SMALL", 0)
    rows = CLOUDS["far from the origin"]().astype(np.float32)  # float32 leaves many pairs open
    targets = np.roll(np.arange(len(rows)), 1)[None]
    np.testing.assert_array_equal(ranks_in(rows, targets, device=elsewhere), ranks_in(rows, targets))


def test_permutations_are_the_same(elsewhere):
    x, y = CLOUDS["many rows"](), CLOUDS["many rows"]()[:, ::-1] ** 2
    orders = Orders(len(x), 6, 0)
    here, there = (permuted_kernels(Axes.of(x, on), Axes.of(y, on), orders) for on in ("cpu", elsewhere))
    np.testing.assert_allclose(there, here, rtol=1e-5)  # float32
    near = [np.roll(np.arange(len(x)), 1)]
    here, there = (permuted_imbalances(near, y, list(orders), device=on) for on in ("cpu", elsewhere))
    np.testing.assert_allclose(there, here, rtol=1e-5)


def test_a_report_is_the_same(elsewhere):
    rows, groups = in_sequences(600, 16).astype(np.float32) + 3.0, np.arange(600) // 10
    keys = ["isoscore", "vasicek_ratio_mse", "two_nn", "persistent_entropy"]
    asked = {"groups": groups, "measures": keys, "null": "closed"}
    here, there = (geoscope.measure(rows, device=device, **asked) for device in ("cpu", elsewhere))
    for one, other in zip(here.measurements, there.measurements, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-9), one.measure
        assert other.standard_error == pytest.approx(one.standard_error, rel=1e-4), one.measure  # halves in float32
        assert other.null == one.null, one.measure
