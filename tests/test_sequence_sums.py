"""Sums over rows of distinct sequences: equal to brute force, and free of finite-sample bias."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from geoscope import measures
from geoscope.errors import Undefined
from geoscope.passes.by_device.group_sums import moments_of
from geoscope.passes.gathering import gather, union_sample
from geoscope.rows import Batch, RowIndex


def brute_force(x, s):
    """(tr S)^2 and tr S^2 by listing every pair, triple and quadruple of distinct sequences."""
    pairs = [(i, j) for i, j in permutations(range(len(x)), 2) if s[i] != s[j]]
    triples = [t for t in permutations(range(len(x)), 3) if len({*s[list(t)]}) == 3]
    fours = [t for t in permutations(range(len(x)), 4) if len({*s[list(t)]}) == 4]
    g = x @ x.T
    c = np.mean([g[i, j] * g[k, m] for i, j, k, m in fours])
    square = np.mean([g[i, j] ** 2 for i, j in pairs]) - 2 * np.mean([g[i, j] * g[j, k] for i, j, k in triples]) + c
    trace = np.mean([g[i, i] * g[j, j] for i, j in pairs]) - 2 * np.mean([g[i, i] * g[j, k] for i, j, k in triples]) + c
    return trace, square


@pytest.mark.parametrize("sizes", [[1, 3, 2, 4, 1, 2], [1] * 9, [5, 1, 1, 3]])
@pytest.mark.parametrize("d", [2, 3])
def test_equal_to_brute_force(sizes, d):
    rows = np.random.default_rng(sum(sizes) + d).standard_normal((sum(sizes), d)) * np.arange(1, d + 1) + 3
    sequences = np.repeat(np.arange(len(sizes)), sizes)
    moments = moments_of(rows, sequences=sequences)
    trace, square = brute_force(rows - rows.mean(axis=0), sequences)
    assert moments.traces.squared_trace == pytest.approx(trace, rel=1e-10)
    assert moments.traces.trace_of_square == pytest.approx(square, rel=1e-10)


def test_rows_of_a_sequence_need_not_be_next_to_each_other():
    g = np.random.default_rng(0)
    rows, groups = g.standard_normal((300, 6)), g.integers(0, 40, 300)
    order = np.argsort(groups, kind="stable")
    found = measures.participation_ratio_corrected(rows, groups=groups)
    assert found == pytest.approx(measures.participation_ratio_corrected(rows[order], groups=groups[order]), rel=1e-12)
    assert found != pytest.approx(measures.participation_ratio_corrected(rows), rel=1e-3)


def test_three_sequences_are_too_few():
    with pytest.raises(Undefined, match="four sequences"):
        measures.isoscore_corrected(np.random.default_rng(0).standard_normal((9, 3)), groups=np.arange(9) % 3)


def test_a_spread_that_cannot_be_told_from_noise_is_undefined():
    g = np.random.default_rng(7)  # with sequences of unequal length the estimate can be negative by chance
    sequences = np.repeat(np.arange(4), [1, 1, 8, 8])
    rows = g.standard_normal((18, 3)) + 3 * g.standard_normal((4, 3))[sequences]
    assert moments_of(rows, None, sequences).traces.trace_of_square < 0
    with pytest.raises(Undefined, match="not positive"):
        measures.isoscore_corrected(rows, groups=sequences)


def kinds(d):
    """Clouds whose population covariance is known: how to draw n rows, and its eigenvalues."""
    decaying = 1 / np.arange(1, d + 1)
    centres = np.random.default_rng(9).standard_normal((8, d)) * 2
    between = np.cov(centres, rowvar=False, bias=True)
    return {
        "gaussian": (lambda g, n: g.standard_normal((n, d)), np.ones(d)),
        "t5": (lambda g, n: g.standard_t(5, (n, d)), np.ones(d)),
        "decaying": (lambda g, n: g.standard_normal((n, d)) * np.sqrt(decaying), decaying),
        "clustered": (
            lambda g, n: centres[g.integers(0, 8, n)] + g.standard_normal((n, d)),
            np.linalg.eigvalsh(between + np.eye(d)),
        ),
    }


def bias(kind, d, n, draws):
    """(mean - truth) / truth of isoscore_corrected and of isoscore, and the Monte-Carlo error of the first."""
    draw, spectrum = kinds(d)[kind]
    truth = (spectrum.sum() ** 2 / (spectrum**2).sum() - 1) / (d - 1)
    g = np.random.default_rng(n)
    found = []
    for _ in range(draws):
        moments = moments_of(draw(g, n))
        found.append((measures.isoscore_corrected.formula(moments), measures.isoscore.formula(moments)))
    values = np.array(found) / truth - 1
    return *values.mean(axis=0), values[:, 0].std(ddof=1) / np.sqrt(draws)


@pytest.mark.parametrize("kind", ["gaussian", "t5", "decaying", "clustered"])
def test_small_samples_hardly_bias_it(kind):
    corrected, plain, error = bias(kind, 48, 60, 60)
    assert abs(corrected) < 0.02 + 2 * error
    assert plain < -0.1 or kind in ("decaying", "clustered")


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 1000, 5000, 20000])
@pytest.mark.parametrize("kind", ["gaussian", "t5", "decaying", "clustered"])
def test_bias_is_under_two_percent_at_768_dimensions(kind, n):
    corrected, plain, error = bias(kind, 768, n, 200)
    print(f"{kind} n={n}: isoscore_corrected {corrected:+.4f} (Monte-Carlo error {error:.4f}), isoscore {plain:+.4f}")
    assert abs(corrected) < 0.02 + 2 * error


def test_the_points_of_a_union_are_a_sample_of_all_layers_rows():
    """Were each row's place in the sample the same in every layer, the union would hold each row at every layer."""
    index = RowIndex(np.arange(1000), np.zeros(1000, dtype=np.int64), np.full(1000, -1))
    sample = union_sample((0, 1, 2), index, 300, 0)
    sizes = [len(offsets) for offsets in sample.values()]
    assert sum(sizes) == 300
    assert min(sizes) > 70
    for one, other in combinations(sample.values(), 2):
        assert len(np.intersect1d(one, other)) < 25  # 10 by chance


class Scattered:
    """A source whose batches cut sequences and bring layers one after the other."""

    def __init__(self, layers, sequences, size):
        self.arrays = layers
        self.layers = tuple(layers)
        n = len(sequences)
        self.index = RowIndex(sequences, np.zeros(n, dtype=np.int64), np.full(n, -1))
        self.size = size

    def batches(self, layers=None):
        for layer in self.layers if layers is None else layers:
            for start in range(0, len(self.index), self.size):
                offsets = np.arange(start, min(start + self.size, len(self.index)))
                yield Batch(offsets, {layer: self.arrays[layer][offsets]})


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("union", [False, True])
@pytest.mark.parametrize("parts", [1, 20])
def test_batches_that_cut_sequences_change_nothing(size, union, parts):
    g = np.random.default_rng(5)
    sequences = g.integers(0, 40, 300)
    layers = {layer: g.standard_normal((40, 6))[sequences] + g.standard_normal((300, 6)) for layer in (1, 2)}
    source = Scattered(layers, sequences, size)
    found = gather(source, (1, 2), union=union, points=10, seed=0, parts=parts, positions=False)
    clouds = [np.concatenate(list(layers.values()))] if union else list(layers.values())
    for cloud, rows in zip(found, clouds, strict=True):
        expected = moments_of(rows, None, np.tile(sequences, len(rows) // 300))
        for key in ("isoscore", "isoscore_corrected"):
            formula = getattr(measures, key).formula
            loose = 1e-9 if key == "isoscore" else 1e-2  # the origin is the first batch's mean
            assert formula(cloud.moments) == pytest.approx(formula(expected), rel=loose)
        assert cloud.moments.traces.sums.sizes == pytest.approx(expected.traces.sums.sizes, rel=1e-12)
