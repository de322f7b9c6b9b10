"""Neighbours and spanning trees against brute force in float64, on clouds that break shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist, squareform

from geoscope.errors import GeoscopeError
from geoscope.passes.pairs import (
    AcrossGroups,
    LongerLists,
    Neighbours,
    lengths_within,
    nearest_within,
    neighbours_across,
    reduced_trees,
    skeleton_of,
    sweep,
)
from geoscope.passes.pairs import sweeping as pairs_module
from geoscope.passes.pairs.clouds import Cloud
from geoscope.passes.pairs.duplicates import first_copies
from geoscope.passes.pairs.neighbours import search
from geoscope.passes.pairs.scanning import sort_runs
from geoscope.passes.pairs.sieves import _Sieve
from geoscope.rows import FloatArray, IntArray


def unit_of(rows: FloatArray) -> float:
    return 2.0 ** int(np.frexp(np.abs(rows).max(initial=0.0) or 1.0)[1])


def single_linkage(rows: FloatArray) -> FloatArray:
    """scipy's H0 bars, kept in range by a power of two."""
    unit = unit_of(rows)
    return np.sort(linkage(pdist(rows.astype(np.float64) / unit), "single")[:, 2]) * unit


def brute_distances(rows: FloatArray) -> FloatArray:
    unit = unit_of(rows)
    square = squareform(pdist(rows.astype(np.float64) / unit)) * unit
    np.fill_diagonal(square, np.inf)
    return square


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def clusters(spread: float, kind: type) -> FloatArray:
    return (np.repeat(rng(1).standard_normal((5, 10)) * spread, 80, axis=0) + rng(2).standard_normal((400, 10))).astype(
        kind
    )


def near_copies() -> FloatArray:
    same = 50 * (1 + 1e-7 * rng(3).standard_normal((200, 20)))
    return np.concatenate([rng(4).standard_normal((200, 20)), same]).astype(np.float32)


def massive() -> FloatArray:
    rows = rng(5).standard_normal((400, 32))
    rows[:100] = rows[0] * 1000 + 1e-4 * rng(6).standard_normal((100, 32))
    return rows.astype(np.float32)


def clumps() -> FloatArray:
    centres = np.repeat(rng(7).standard_normal((20, 12)), 30, axis=0)
    return (centres + 1e-3 * rng(8).standard_normal(centres.shape)).astype(np.float32)


def copies() -> FloatArray:
    rows = rng(9).standard_normal((300, 8))
    return np.concatenate([rows, rows[:100], rows[:20], np.repeat(rows[:1], 200, axis=0)])


def grid(side: int, d: int) -> FloatArray:
    return np.stack(np.meshgrid(*[np.arange(float(side))] * d), axis=-1).reshape(-1, d)


CLOUDS: dict[str, Callable[[], FloatArray]] = {
    "float32": lambda: rng(0).standard_normal((700, 24)).astype(np.float32),
    "float64": lambda: rng(0).standard_normal((500, 5)),
    "float16": lambda: rng(0).standard_normal((300, 5)).astype(np.float16),
    "copies": copies,
    "near copies": near_copies,
    "massive rows": massive,
    "clumps": clumps,
    "clusters 1e4 apart": lambda: clusters(1e4, np.float64),
    "clusters 1e4 apart, float32": lambda: clusters(1e4, np.float32),
    "clusters 1e6 apart": lambda: clusters(1e6, np.float64),
    "clusters 1e6 apart, float32": lambda: clusters(1e6, np.float32),
    "offset 1000": lambda: (rng(0).standard_normal((400, 32)) + 1000).astype(np.float32),
    "fewer rows than dimensions": lambda: rng(0).standard_normal((40, 200)).astype(np.float32),
    "tiny": lambda: (rng(0).standard_normal((300, 16)) * 1e-30).astype(np.float32),
    "huge": lambda: (rng(0).standard_normal((300, 16)) * 1e30).astype(np.float32),
    "huge, float64": lambda: rng(0).standard_normal((200, 16)) * 1e200,
    "one dimension": lambda: rng(0).standard_normal((500, 1)),
    "plane grid": lambda: grid(22, 2),
    "space grid": lambda: grid(8, 3).astype(np.float32),
    "corners of a cube": lambda: rng(0).integers(0, 2, (500, 10)).astype(np.float64),
    "two rows": lambda: rng(0).standard_normal((2, 3)),
    "three rows": lambda: rng(0).standard_normal((3, 3)),
    "identical": lambda: np.ones((100, 3)),
    "zeros, both signs": lambda: np.repeat([[0.0, -0.0], [-0.0, 0.0]], 5, axis=0),
}


@pytest.fixture(params=["float64 products", "float32 products"])
def products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small clouds take float64 products by themselves; the float32 path must give the same."""
    if request.param == "float32 products":
        monkeypatch.setattr(pairs_module, "SMALL", 0.0)
    return str(request.param)


@pytest.mark.parametrize("name", CLOUDS)
def test_bars_are_single_linkage(name: str, products: str) -> None:
    rows = CLOUDS[name]()
    tree = sweep(rows).tree
    assert tree is not None
    np.testing.assert_allclose(tree.lengths, single_linkage(rows), rtol=1e-6, atol=0)
    measured = [np.linalg.norm((rows[i].astype(float) - rows[j]) / unit_of(rows)) for i, j in tree.edges]
    np.testing.assert_allclose(tree.lengths, np.array(measured) * unit_of(rows), rtol=1e-12)


@pytest.mark.parametrize("name", CLOUDS)
def test_neighbours_are_brute_force(name: str, products: str) -> None:
    rows = CLOUDS[name]()
    found = sweep(rows, neighbours=16)
    assert np.array_equal(rows[found.distinct], rows[np.sort(np.unique(rows + 0.0, axis=0, return_index=True)[1])])
    distances = brute_distances(rows[found.distinct])
    k = min(16, len(found.distinct) - 1)
    assert found.neighbours.indices.shape == (len(found.distinct), k)
    np.testing.assert_allclose(found.neighbours.distances, np.sort(distances, axis=1)[:, :k], rtol=1e-9)
    listed = np.take_along_axis(distances, found.neighbours.indices, axis=1)
    np.testing.assert_allclose(found.neighbours.distances, listed, rtol=1e-9)
    assert all(len(set(row)) == k for row in found.neighbours.indices.tolist())


@pytest.mark.parametrize("name", ["copies", "near copies", "massive rows", "float32"])
def test_tolerance_splits_the_tree_into_zero_and_positive_bars(name: str, products: str) -> None:
    rows = CLOUDS[name]()
    found = sweep(rows, tolerance_of_rms=1e-5)
    bars = single_linkage(rows)
    assert found.tree is not None
    positive = bars >= found.tolerance
    assert len(found.distinct) == positive.sum() + 1
    np.testing.assert_array_equal(found.tree.lengths >= found.tolerance, positive)
    np.testing.assert_allclose(found.tree.lengths[positive], bars[positive], rtol=1e-6)
    distances = brute_distances(rows[found.distinct])
    k = found.neighbours.distances.shape[1]
    np.testing.assert_allclose(found.neighbours.distances, np.sort(distances, axis=1)[:, :k], rtol=1e-9)


def test_radius_is_root_mean_square_distance_from_the_mean() -> None:
    rows = rng(0).standard_normal((3000, 4)) + 5
    expected = np.sqrt(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert sweep(rows[:50]).radius != pytest.approx(expected)
    assert pairs_module.rms_radius(rows) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["float32", "clumps", "plane grid", "massive rows"])
def test_block_size_changes_no_value(name: str, products: str) -> None:
    rows = CLOUDS[name]()
    whole, blocked = sweep(rows), sweep(rows, memory=200_000)
    assert whole.tree is not None
    assert blocked.tree is not None
    np.testing.assert_array_equal(whole.tree.lengths, blocked.tree.lengths)
    np.testing.assert_array_equal(whole.neighbours.distances, blocked.neighbours.distances)


def test_ties_are_listed_by_index() -> None:
    found = sweep(grid(6, 2), neighbours=4).neighbours
    same = np.diff(found.distances, axis=1) == 0
    assert same.any()
    assert (np.diff(found.indices, axis=1)[same] > 0).all()


def test_bars_agree_with_ripser() -> None:
    ripser = pytest.importorskip("ripser")
    rows = np.concatenate([rng(0).standard_normal((150, 12)), rng(1).standard_normal((100, 12)) / 50])
    bars = ripser.ripser(squareform(pdist(rows)), distance_matrix=True, maxdim=0)["dgms"][0][:-1, 1]
    tree = sweep(rows.astype(np.float32)).tree
    assert tree is not None
    np.testing.assert_allclose(tree.lengths, np.sort(bars), rtol=1e-5)


@pytest.mark.parametrize("name", ["float32", "clumps", "copies", "massive rows"])
@pytest.mark.parametrize("least", [2, 8])
def test_nearest_of_other_groups(name: str, least: int) -> None:
    rows = CLOUDS[name]()
    found = sweep(rows, neighbours=8)
    rows = rows[found.distinct]
    groups = np.arange(len(rows)) // 25
    distances = brute_distances(rows)
    distances[groups[:, None] == groups] = np.inf
    lists = neighbours_across(found.neighbours, LongerLists(Cloud(rows), groups), least)
    np.testing.assert_allclose(lists.distances[:, :least], np.sort(distances, axis=1)[:, :least], rtol=1e-9)


def test_nearest_two_where_there_are_not_two() -> None:
    rows = rng(0).standard_normal((6, 3))
    found = sweep(rows).neighbours
    two = neighbours_across(found, LongerLists(Cloud(rows), np.array([0, 0, 0, 0, 0, 1]))).distances[:, :2]
    assert np.isinf(two[:5, 1]).all()
    assert np.isfinite(two[5]).all()
    assert np.isinf(neighbours_across(found, LongerLists(Cloud(rows), np.zeros(6, dtype=np.int64))).distances).all()
    two, one = nearest_within(found, [np.arange(6) < 2, np.arange(6) < 1], LongerLists(Cloud(rows)), 2)
    assert np.isinf(two.distances[:, 1]).all()
    assert one.distances.shape == one.indices.shape == (1, 2)


@pytest.mark.parametrize("share", [0.5, 0.03])
@pytest.mark.parametrize("k", [2, 16])
def test_nearest_within_a_part(k: int, share: float) -> None:
    rows = CLOUDS["float32"]()
    kept = rng(1).random(len(rows)) < share
    both = nearest_within(sweep(rows).neighbours, [kept, ~kept], LongerLists(Cloud(rows)), k)
    for found, part in zip(both, (kept, ~kept), strict=True):
        distances = brute_distances(rows)
        distances[:, ~part] = np.inf
        np.testing.assert_allclose(found.distances, np.sort(distances[part], axis=1)[:, :k], rtol=1e-9)
        np.testing.assert_array_equal(found.indices, np.argsort(distances[part], axis=1)[:, :k])


@pytest.mark.parametrize("name", ["corners of a cube", "plane grid", "space grid", "float32"])
@pytest.mark.parametrize("memory", [2**28, 2**16])
@pytest.mark.parametrize("others", [False, True])
def test_of_rows_equally_far_those_of_lower_number_come_first(name: str, memory: int, others: bool) -> None:
    rows = np.unique(CLOUDS[name](), axis=0)
    groups = np.arange(len(rows)) // (5 if others else 1)
    longer, every = LongerLists(Cloud(rows), groups, memory=memory), np.ones(len(rows), dtype=bool)
    lists = neighbours_across(sweep(rows, memory=memory).neighbours, longer, 16)
    parts = [every, rng(0).random(len(rows)) < 0.9]
    for found, part in zip(nearest_within(lists, parts, longer, 10, by_index=True), parts, strict=True):
        distances = brute_distances(rows)[part]
        distances[(groups[part][:, None] == groups) | ~part] = np.inf
        np.testing.assert_array_equal(found.indices, np.argsort(distances, axis=1, kind="stable")[:, :10])


@pytest.mark.parametrize("name", ["float32", "clumps", "massive rows"])
@pytest.mark.parametrize("share", [0.95, 0.5, 0.03])
def test_the_tree_of_a_part_from_the_wholes(name: str, share: float) -> None:
    rows = CLOUDS[name]()
    found = sweep(rows, neighbours=8)
    assert found.tree is not None
    assert len(found.distinct) == len(rows)
    kept = rng(2).random(len(rows)) < share
    skeleton = skeleton_of(found.neighbours, found.tree.edges, found.tree.lengths)
    lengths = lengths_within(Cloud(rows), skeleton, kept, memory=1_000_000)
    expected = linkage(pdist(rows[kept].astype(np.float64)), "single")[:, 2]
    np.testing.assert_allclose(np.sort(lengths), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["float32", "clumps", "huddled"])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.05])
def test_what_is_known_across_groups_changes_no_length(
    name: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = rng(7)
    groups = generator.permutation(np.arange(400) // 20)
    if name == "huddled":
        rows = 5 * generator.standard_normal((20, 12))[groups] + generator.standard_normal((400, 12))
    else:
        rows = CLOUDS[name]()[:400]
        groups = groups[: len(rows)]
    found, cloud = sweep(rows, neighbours=8), Cloud(rows)
    assert found.tree is not None
    kept = generator.random(len(rows)) < share
    skeleton = skeleton_of(found.neighbours, found.tree.edges, found.tree.lengths)
    longer = LongerLists(cloud, groups)
    asked: list[int] = []

    def lists() -> Neighbours:
        asked.append(1)
        return neighbours_across(found.neighbours, longer, 8)

    monkeypatch.setattr(reduced_trees, "_MANY", 0.0)
    lengths = lengths_within(cloud, skeleton, kept, across=AcrossGroups(groups, lists))
    expected = linkage(pdist(rows[kept].astype(np.float64)), "single")[:, 2]
    np.testing.assert_allclose(np.sort(lengths), expected, rtol=1e-9)
    assert asked or name == "float32"  # whose lists leave no row open


@pytest.mark.parametrize("share", [0.7, 0.3])
def test_nearest_two_of_other_groups_within_a_part(share: float) -> None:
    rows = CLOUDS["float32"]()
    groups = np.arange(len(rows)) // 25
    kept = rng(3).random(len(rows)) < share
    longer = LongerLists(Cloud(rows), groups)
    lists = neighbours_across(sweep(rows, neighbours=8).neighbours, longer)
    two = next(nearest_within(lists, [kept], longer, 2)).distances
    distances = brute_distances(rows[kept])
    distances[groups[kept][:, None] == groups[kept]] = np.inf
    np.testing.assert_allclose(two, np.sort(distances, axis=1)[:, :2], rtol=1e-9)


def test_search_narrowed_by_float32_products() -> None:
    rows = CLOUDS["clumps"]()
    distances = np.sort(brute_distances(rows), axis=1)
    cloud = Cloud(rows, double=False)
    _, lengths = search(cloud, np.arange(len(rows)), 3, memory=100_000)
    np.testing.assert_allclose(lengths * 2.0**cloud.exponent, distances[:, :3], rtol=1e-9)


@pytest.mark.parametrize("name", ["clumps", "clusters 1e4 apart", "float32"])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.01])
def test_search_by_float32_products_of_kept_rows_of_other_groups(name: str, share: float) -> None:
    rows = CLOUDS[name]()
    n = len(rows)
    kept, groups = rng(4).random(n) < share, np.arange(n) // 3
    distances = brute_distances(rows)
    distances[groups[:, None] == groups] = np.inf
    distances[:, ~kept] = np.inf
    cloud = Cloud(rows, double=False)
    found, lengths = search(cloud, np.arange(n), 3, memory=100_000, kept=kept, groups=groups)
    np.testing.assert_allclose(lengths * 2.0**cloud.exponent, np.sort(distances, axis=1)[:, :3], rtol=1e-9)
    there = np.isfinite(lengths)
    assert (found[~there] == np.nonzero(~there)[0]).all()
    reached = distances[np.nonzero(there)[0], found[there]]
    np.testing.assert_allclose(reached, lengths[there] * 2.0**cloud.exponent, rtol=1e-9)


def test_longer_lists_are_searched_once_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.passes.pairs.restricted_neighbours._LONGER", 5)
    rows, searched = CLOUDS["float32"](), []
    real = search

    def counted(cloud: Cloud, which: IntArray, k: int, **options: object) -> tuple[IntArray, FloatArray]:
        searched.extend(which.tolist())
        return real(cloud, which, k, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("geoscope.passes.pairs.restricted_neighbours.search", counted)
    distances = np.sort(brute_distances(rows), axis=1)
    longer = LongerLists(Cloud(rows))
    for some in ([30, 7], [7, 500, 2, 30], [2]):
        found = longer.of(np.array(some))
        np.testing.assert_allclose(found.distances, distances[some, :5], rtol=1e-9)
        reached = np.linalg.norm(rows[some].astype(float)[:, None] - rows[found.indices].astype(float), axis=2)
        np.testing.assert_allclose(reached, found.distances, rtol=1e-9)
    assert sorted(searched) == [2, 7, 30, 500]


def test_more_clusters_than_the_table_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoscope.passes.pairs.trees.MANY", 4)
    rows = CLOUDS["clumps"]()
    tree = sweep(rows).tree
    assert tree is not None
    np.testing.assert_allclose(tree.lengths, single_linkage(rows), rtol=1e-6)


@settings(max_examples=60)
@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(2, 25), st.integers(1, 4)),
        elements=st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3, width=32)),
    )
)
def test_any_small_cloud(rows: FloatArray) -> None:
    found = sweep(rows, neighbours=3)
    assert found.tree is not None
    np.testing.assert_allclose(found.tree.lengths, single_linkage(rows), rtol=1e-6, atol=1e-150)
    assert len(found.distinct) == len(np.unique(rows + 0.0, axis=0))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize(("top", "start"), [(0, 0), (64, 64), (0, 100), (64, 200)])
def test_the_compiled_scan_keeps_what_the_one_for_any_device_keeps(top: int, start: int, kind: torch.dtype) -> None:
    g = rng(top + start)
    tile = torch.from_numpy(g.integers(-1, 8, (67, 67 if top == start else 45))).to(kind)  # ties, and one below 0
    if top == start:
        tile.fill_diagonal_(torch.inf)
    cloud = Cloud(g.standard_normal((300, 4)), double=kind == torch.float64)
    with ThreadPoolExecutor(2) as pool:
        sieve = _Sieve(cloud, 5, pool)
        sieve.limits[:] = torch.from_numpy(g.integers(-2, 7, 300)).to(kind)
        sieve.limits[:70] = torch.inf
        sieve._gather(tile, top, start)
    rows, columns = sieve.limits[top : top + tile.shape[0]], sieve.limits[start : start + tile.shape[1]]
    expected = torch.cat(sieve._gather_anywhere(tile, rows, columns, top, start))
    assert torch.cat(sieve.kept).sort().values.tolist() == expected.sort().values.tolist()
    assert sieve.waiting == len(expected) > 0


def test_runs_are_put_in_order() -> None:
    g = rng(0)
    row = np.sort(g.integers(0, 30, 400))
    other, lengths = g.integers(0, 50, 400), g.integers(0, 4, 400).astype(float)
    order = np.lexsort((other, lengths, row))
    expected = lengths[order], other[order]
    sort_runs(np.searchsorted(row, np.arange(31)), lengths, other)
    assert (lengths.tolist(), other.tolist()) == (expected[0].tolist(), expected[1].tolist())


def test_one_row_and_none() -> None:
    for n in (0, 1):
        found = sweep(np.zeros((n, 3)))
        assert found.tree is not None
        assert found.tree.edges.shape == (0, 2)
        assert found.neighbours.indices.shape == (n, 0)
        assert len(found.distinct) == n


def test_without_a_tree() -> None:
    found = sweep(CLOUDS["copies"](), tree=False)
    assert found.tree is None
    assert len(found.distinct) == 300


def test_first_copies() -> None:
    rows = np.array([[1.0, 0.0], [2.0, 0.0], [1.0, -0.0], [2.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    np.testing.assert_array_equal(first_copies(rows), [0, 1, 0, 1, 4])


@pytest.mark.parametrize(
    ("rows", "words"),
    [(np.zeros(3), "two-dimensional"), (np.array([[1.0, np.nan]]), "finite"), (np.array([[np.inf, 1.0]]), "finite")],
)
def test_unusable_rows_are_refused(rows: FloatArray, words: str) -> None:
    with pytest.raises(GeoscopeError, match=words):
        sweep(rows)


def test_progress_reaches_its_end() -> None:
    told: list[tuple[int, int, str]] = []
    sweep(CLOUDS["float32"](), memory=10**6, progress=lambda done, total, what: told.append((done, total, what)))
    assert told[-1][0] == told[-1][1] > 1


@pytest.mark.parametrize("seed", range(30))
def test_bars_of_random_clouds_are_single_linkage(seed: int) -> None:
    """Random sizes; duplicates, far clusters and a float32 offset in turn."""
    from geoscope.measures import persistent_entropy

    g = rng(100 + seed)
    n, d = int(g.integers(20, 150)), int(g.integers(2, 60))
    rows = g.standard_normal((n, d)) * np.exp(0.5 * g.standard_normal(d))
    if seed % 3 == 0:
        rows = np.vstack([rows, rows[: n // 3]])
    if seed % 3 == 1:
        rows = rows + 50.0 * g.standard_normal((4, d))[g.integers(0, 4, n)]
    if seed % 2 == 0:
        rows = (rows + 1000.0).astype(np.float32)
    expected = linkage(pdist(rows.astype(np.float64)), "single")[:, 2]
    tree = sweep(rows).tree
    assert tree is not None
    np.testing.assert_allclose(tree.lengths, expected, rtol=1e-6)
    share = expected[expected > 0] / expected.sum()
    assert persistent_entropy(rows) == pytest.approx(-np.sum(share * np.log(share)), rel=1e-8)


@pytest.mark.parametrize("chosen", ["tf32", "none"])
def test_a_choice_of_lower_precision_is_overruled_and_kept(chosen: str) -> None:
    backend = torch.backends.cuda.matmul
    before = backend.fp32_precision
    rows = CLOUDS["float32"]()
    try:
        backend.fp32_precision = chosen
        tree = sweep(rows).tree
        assert backend.fp32_precision == chosen
    finally:
        backend.fp32_precision = before
    assert tree is not None
    np.testing.assert_allclose(tree.lengths, single_linkage(rows), rtol=1e-6)
