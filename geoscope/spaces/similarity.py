"""How alike two spaces are that hold the same sequences or tokens: row i of one belongs to row i of the other.

Linear CKA and the Procrustes distance ask whether one space is the other turned and scaled; mutual neighbours ask
whether the same rows are near each other. None sees a rotation, a shift or a scale of either space. Each comes with
its null: the mean over permutations of one side's rows, which is what two spaces give that know nothing of each
other. Rows of one sequence are near each other in any model, so even unrelated models score above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.cautions import DUPLICATE_TOLERANCE
from geoscope.passes.pairs import duplicate_tolerance, rms_radius, sweep
from geoscope.passes.pairs.components import components
from geoscope.passes.pairs.duplicates import first_copies
from geoscope.progress import Progress
from geoscope.rows import Float64, FloatArray, IntArray, hash_rows, smallest
from geoscope.settings.measuring import Rows
from geoscope.settings.option import default_of
from geoscope.spaces.paired_rows import LayerPair, PairedRows, matched_rows, paired_layers
from geoscope.subjects.embeddings.embeddings import Embeddings

NEIGHBOURS = 10
"""k of the mutual neighbours: ten, as in Huh et al."""

MEASURES = ("linear_cka", "linear_cka_debiased", "procrustes_distance", "mutual_neighbours")

_BLOCK = 2048
_PERMUTATIONS = 20
_EFFORT = 5e10  # multiplications that one layer's permutations may take: wide spaces need few, their nulls hardly vary


def linear_cka(x: FloatArray, y: FloatArray) -> float:
    """||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F) of the centred rows x (n, d1) and y (n, d2), row i of one with row i of y.

    0 to 1, 1 where one is the other rotated, scaled and shifted; biased upwards unless n is far above d1 and d2 (its
    permutation null says how far). Ruled by the largest principal components. Float64, a block of rows at a time.
    Raises Undefined for fewer than three rows or constant ones. Kornblith et al. 2019, arXiv:1905.00414, eq. 5.
    """
    return _cka(_sums(PairedRows.of(x, y)))


def linear_cka_debiased(x: FloatArray, y: FloatArray) -> float:
    """Linear CKA from the unbiased estimate of HSIC (Song et al. 2012, J. Mach. Learn. Res. 13:1393), rows as above.

    h(X, Y) / sqrt(h(X, X) h(Y, Y)), h(X, Y) = ||Y'X||_F^2 - n/(n-2) sum |x_i|^2 |y_i|^2 + tr X'X tr Y'Y/((n-1)(n-2)).
    At most 1, and 0 on average over permutations: it may fall below. Raises Undefined for fewer than four rows, and
    where h of one space is not positive. Rows of one sequence count as independent, which they are not.
    """
    return _cka_debiased(_sums(PairedRows.of(x, y)))


def procrustes_distance(x: FloatArray, y: FloatArray) -> float:
    """1 - ||X'Y||_* of rows x (n, d1) and y (n, d2), both centred and scaled to Frobenius norm 1: 0 to 1.

    Half of min ||X - Y Q||_F^2 over orthogonal Q, the narrower space filled up with zeros: 0 where one is the other
    rotated, scaled and shifted, 1 where no direction of one goes with any of the other. Raises Undefined as linear
    CKA does. Schonemann 1966, Psychometrika 31:1-10; Williams et al. 2021, arXiv:2110.14739.
    """
    pair = PairedRows.of(x, y)
    return _distance(*pair.normalised())


def mutual_neighbours(x: FloatArray, y: FloatArray, k: int = NEIGHBOURS) -> float:
    """The mean share of a row's k nearest others in x (n, d1) that are among its k nearest in y (n, d2): 0 to 1.

    Euclidean, exact. Rows that another equals in either space, to 1e-5 of its RMS radius, are left out first. k/(n-1)
    on average over permutations, so it shrinks with n and is compared at equal n only. Raises Undefined where k + 2
    distinct rows are not left. Huh et al. 2024, arXiv:2405.07987, who call it mutual k-nearest-neighbour alignment.
    """
    if k < 1:
        raise GeoscopeError(f"expected at least 1 neighbour, got {k}; ask for 1 or more")
    pair = PairedRows.of(x, y)
    return _overlap(*_neighbour_lists(pair.x, pair.y, k))


def similarity(
    base: Embeddings,
    candidate: Embeddings,
    layers: Sequence[LayerPair] | None = None,
    *,
    points: int | None = default_of(Rows, "points"),
    k: int = NEIGHBOURS,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """The measures of this file and their permutation nulls for pairs of layers, a dictionary a number.

    layers: (base's, candidate's) pairs; by default those of the same number (of models that are known to differ in
    depth: of the same relative depth), or the only one of each. CKA sees every
    row that the two share; the Procrustes distance and the neighbours see `points` of them, chosen as `measure` does.
    Each has layer_base, layer_candidate, measure, value, null, n (rows it is from) and reason: why value is None.
    """
    pairs = paired_layers(base, candidate, layers)
    try:
        rows = matched_rows(base, candidate)
    except Undefined as reason:
        return [_row(pair, measure, None, None, 0, str(reason)) for pair in pairs for measure in MEASURES]
    sample = smallest(hash_rows(base.index.take(rows[0]), seed), points)
    found: list[dict[str, Any]] = []
    for done, pair in enumerate(pairs):
        if progress is not None:
            progress(done, len(pairs), "comparing spaces")
        whole = PairedRows(base.rows(pair[0]), candidate.rows(pair[1]), *rows)
        whole.check(f"layer {pair[0]} of {base.name} and layer {pair[1]} of {candidate.name}")
        found += _Spaces(whole, whole.take(sample), k, seed, device).rows(pair)
    if progress is not None:
        progress(len(pairs), len(pairs), "comparing spaces")
    return found


@dataclass(frozen=True)
class _Spaces:
    """One pair of layers: every row the two share, and the sampled ones. Each measure is (value, null, n)."""

    whole: PairedRows
    sampled: PairedRows
    k: int
    seed: int
    device: str

    @cached_property
    def sums(self) -> _Sums:
        return _sums(self.whole)

    def linear_cka(self) -> tuple[float, float, int]:
        return _cka(self.sums), _cka_null(self.sums), len(self.whole)

    def linear_cka_debiased(self) -> tuple[float, float, int]:
        return _cka_debiased(self.sums), 0.0, len(self.whole)

    def procrustes_distance(self) -> tuple[float, float, int]:
        x, y = self.sampled.normalised()
        return _distance(x, y), _permuted_distance(x, y, self.seed), len(self.sampled)

    def mutual_neighbours(self) -> tuple[float, float, int]:
        lists = _neighbour_lists(self.sampled.x, self.sampled.y, self.k, self.device)
        return _overlap(*lists), self.k / (len(lists[0]) - 1), len(lists[0])

    def rows(self, pair: LayerPair) -> list[dict[str, Any]]:
        """A dictionary a measure."""
        found = []
        for measure in MEASURES:
            try:
                value, null, n = getattr(self, measure)()
                found.append(_row(pair, measure, value, null, n, None))
            except Undefined as reason:
                n = len(self.whole if measure.startswith("linear_cka") else self.sampled)
                found.append(_row(pair, measure, None, None, n, str(reason)))
        return found


def _row(
    pair: LayerPair, measure: str, value: float | None, null: float | None, n: int, reason: str | None
) -> dict[str, Any]:
    return {
        "layer_base": pair[0], "layer_candidate": pair[1], "measure": measure,
        "value": value, "null": null, "n": n, "reason": reason,
    }  # fmt: skip


@dataclass(frozen=True)
class _Sums:
    """What CKA takes from n centred rows: per pair (X, X), (Y, Y), (X, Y) the squared Frobenius norm of the cross
    product and the sum of products of squared row lengths; and the energies tr X'X and tr Y'Y."""

    n: int
    products: tuple[float, float, float]
    lengths: tuple[float, float, float]
    energies: tuple[float, float]


def _sums(pair: PairedRows) -> _Sums:
    """One sweep over the rows in blocks; O(d1^2 + d2^2 + d1 d2) memory."""
    d1, d2 = pair.whole_x.shape[1], pair.whole_y.shape[1]
    own_x, own_y, cross = np.zeros((d1, d1)), np.zeros((d2, d2)), np.zeros((d2, d1))
    lengths = np.zeros(3)
    for x, y in pair.centred():
        own_x += x.T @ x
        own_y += y.T @ y
        cross += y.T @ x
        a, b = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
        lengths += (a @ a, b @ b, a @ b)
    energies = float(np.trace(own_x)), float(np.trace(own_y))
    if 0.0 in energies:
        raise Undefined("all rows of one of the spaces are the same")
    squares = [float(np.sum(matrix * matrix)) for matrix in (own_x, own_y, cross)]
    return _Sums(len(pair), (squares[0], squares[1], squares[2]), (lengths[0], lengths[1], lengths[2]), energies)


def _cka(sums: _Sums) -> float:
    xx, yy, xy = sums.products
    return min(1.0, float(xy / np.sqrt(xx * yy)))


def _cka_null(sums: _Sums) -> float:
    """The mean of CKA over all permutations of one side's rows: tr X'X tr Y'Y / ((n-1) ||X'X||_F ||Y'Y||_F).

    Kazi-Aoual, Hitier, Sabatier and Lebreton 1995, Comput. Stat. Data Anal. 20:643-656 (of the RV coefficient).
    """
    a, b = sums.energies
    return float(a * b / ((sums.n - 1) * np.sqrt(sums.products[0] * sums.products[1])))


def _cka_debiased(sums: _Sums) -> float:
    n, (a, b) = sums.n, sums.energies
    if n < 4:
        raise Undefined(f"it needs at least four rows in common, and there are {n}")
    ends = ((a, a), (b, b), (a, b))
    xx, yy, xy = (
        product - n / (n - 2) * length + one * other / ((n - 1) * (n - 2))
        for product, length, (one, other) in zip(sums.products, sums.lengths, ends, strict=True)
    )
    if min(xx / sums.products[0], yy / sums.products[1]) <= 1e-12:
        raise Undefined("the unbiased estimate of one of the spaces' own HSIC is not positive")
    return min(1.0, float(xy / np.sqrt(xx * yy)))


def _distance(x: Float64, y: Float64) -> float:
    """1 - ||X'Y||_* of rows that are centred and of norm 1."""
    from scipy.linalg import svdvals

    return max(0.0, 1.0 - float(svdvals(x.T @ y).sum()))


def _permuted_distance(x: Float64, y: Float64, seed: int) -> float:
    """The mean distance over seeded permutations of y's rows: 20, or as many as the effort allows but 2 at least."""
    (n, d1), d2 = x.shape, y.shape[1]
    each = n * d1 * d2 + 20.0 * d1 * d2 * min(d1, d2)
    generator = np.random.default_rng([seed, 0x70726F63])
    count = int(np.clip(_EFFORT // each, 2, _PERMUTATIONS))
    return float(np.mean([_distance(x, y[generator.permutation(n)]) for _ in range(count)]))


def _neighbour_lists(x: FloatArray, y: FloatArray, k: int, device: str = "cpu") -> tuple[IntArray, IntArray]:
    """Each distinct row's k nearest others in x and in y, as (m, k) places among the distinct rows.

    Rows that rounding alone tells apart in either space are one point: the one that comes first stays.
    """
    every = np.arange(len(x))
    kept = every[(first_copies(x) == every) & (first_copies(y) == every)]
    limits = [duplicate_tolerance(rows, DUPLICATE_TOLERANCE, rms_radius(rows)) for rows in (x, y)]
    while len(kept) > k + 1:
        found = [sweep(rows[kept], neighbours=k, tree=False, device=device).neighbours for rows in (x, y)]
        close = [np.nonzero(lists.distances < limit) for lists, limit in zip(found, limits, strict=True)]
        one = np.concatenate([rows for rows, _ in close])
        other = np.concatenate([lists.indices[at] for lists, at in zip(found, close, strict=True)])
        count, label = components(len(kept), one, other)
        if count == len(kept):
            return found[0].indices, found[1].indices
        kept = kept[np.sort(np.unique(label, return_index=True)[1])]
    raise Undefined(f"{k} neighbours need at least {k + 2} distinct rows in common, and there are {len(kept)}")


def _overlap(ours: IntArray, theirs: IntArray) -> float:
    """The mean share of entries of each row (m, k) of one that are in the same row of the other."""
    shared = sum(
        int((ours[start : start + _BLOCK, :, None] == theirs[start : start + _BLOCK, None, :]).sum())
        for start in range(0, len(ours), _BLOCK)
    )
    return shared / ours.size
