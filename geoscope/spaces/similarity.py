"""How alike two spaces are that hold the same sequences or tokens: row i of one belongs to row i of the other.

Linear CKA and the Procrustes distance ask whether one space is the other turned and scaled; mutual neighbours and the
information imbalance ask whether the same rows are near each other. None sees a rotation, a shift or a scale of either
space. Each comes with its null: the mean over permutations of one side's rows, which is what two spaces give that know
nothing of each other. Rows of one sequence are near each other in any model, so even unrelated models score above it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.progress import Progress
from geoscope.rows import Float64, FloatArray, hash_rows, smallest
from geoscope.settings.measuring import Rows
from geoscope.settings.option import default_of
from geoscope.spaces.common_rows import CommonRows, common_rows
from geoscope.spaces.imbalance import enough_rows, imbalance, information_imbalance
from geoscope.spaces.kernel_sums import KernelSums, cka, cka_debiased, cka_null, kernel_sums
from geoscope.spaces.neighbour_overlap import NEIGHBOURS, enough_neighbours, overlap
from geoscope.spaces.paired_rows import LayerPair, PairedRows, matched_rows, paired_layers
from geoscope.spaces.permutations import (
    Axes,
    Orders,
    p_values,
    permuted_imbalances,
    permuted_kernels,
    permuted_overlaps,
)
from geoscope.spaces.ranks import ranks_in
from geoscope.subjects.embeddings.embeddings import Embeddings

__all__ = [
    "MEASURES",
    "information_imbalance",
    "linear_cka",
    "linear_cka_debiased",
    "mutual_neighbours",
    "procrustes_distance",
    "similarity",
]

MEASURES = (
    "linear_cka", "linear_cka_debiased", "procrustes_distance", "mutual_neighbours", "information_imbalance",
    "information_imbalance_back",
)  # fmt: skip
"""The imbalance from the base to the candidate, and back."""

_PERMUTATIONS = 20
_EFFORT = 5e10  # multiplications that one layer's permutations may take: wide spaces need few, their nulls hardly vary


def linear_cka(x: FloatArray, y: FloatArray) -> float:
    """||Y'X||_F^2 / (||X'X||_F ||Y'Y||_F) of the centred rows x (n, d1) and y (n, d2), row i of one with row i of y.

    0 to 1, 1 where one is the other rotated, scaled and shifted; biased upwards unless n is far above d1 and d2 (its
    permutation null says how far). Ruled by the largest principal components. Float64, a block of rows at a time.
    Raises Undefined for fewer than three rows or constant ones. Kornblith et al. 2019, arXiv:1905.00414, eq. 5.
    """
    return cka(kernel_sums(PairedRows.of(x, y)))


def linear_cka_debiased(x: FloatArray, y: FloatArray) -> float:
    """Linear CKA from the unbiased estimate of HSIC (Song et al. 2012, J. Mach. Learn. Res. 13:1393), rows as above.

    h(X, Y) / sqrt(h(X, X) h(Y, Y)), h(X, Y) = ||Y'X||_F^2 - n/(n-2) sum |x_i|^2 |y_i|^2 + tr X'X tr Y'Y/((n-1)(n-2)).
    At most 1, and 0 on average over permutations: it may fall below. Raises Undefined for fewer than four rows, and
    where h of one space is not positive. Rows of one sequence count as independent, which they are not.
    """
    return cka_debiased(kernel_sums(PairedRows.of(x, y)))


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
    rows = common_rows([pair.x, pair.y], k)
    enough_neighbours(len(rows), k)
    return overlap(*rows.nearest)


def similarity(
    base: Embeddings,
    candidate: Embeddings,
    layers: Sequence[LayerPair] | None = None,
    *,
    points: int | None = default_of(Rows, "points"),
    k: int = NEIGHBOURS,
    permutations: int = 0,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """The measures of this file and their permutation nulls for pairs of layers, a dictionary a number.

    layers: (base's, candidate's) pairs; by default those of the same number (of models that are known to differ in
    depth: of the same relative depth), or the only one of each. CKA sees every
    row that the two share; the others see `points` of them, chosen as `measure` does.
    Each has layer_base, layer_candidate, measure, value, null, n (rows it is from) and reason: why value is None.
    permutations: of so many random orders of the base's points, those that are as alike give p, and p_adjusted, which
    allows for the choice of the best of the pairs of layers.
    """
    pairs = paired_layers(base, candidate, layers)
    try:
        rows = matched_rows(base, candidate)
    except Undefined as reason:
        return [_row(pair, measure, None, None, 0, str(reason)) for pair in pairs for measure in MEASURES]
    sample = smallest(hash_rows(base.index.take(rows[0]), seed), points)
    found: list[dict[str, Any]] = []
    alike: list[dict[str, Float64]] = []
    for done, pair in enumerate(pairs):
        if progress is not None:
            progress(done, len(pairs), "comparing spaces")
        whole = PairedRows(base.rows(pair[0]), candidate.rows(pair[1]), *rows)
        whole.check(f"layer {pair[0]} of {base.name} and layer {pair[1]} of {candidate.name}")
        spaces = _Spaces(whole, whole.take(sample), k, seed, device)
        found += spaces.rows(pair)
        if permutations:
            alike.append(spaces.permuted(permutations))
    if progress is not None:
        progress(len(pairs), len(pairs), "comparing spaces")
    return _with_p(found, alike) if permutations else found


def _with_p(found: list[dict[str, Any]], alike: Sequence[Mapping[str, Float64]]) -> list[dict[str, Any]]:
    """The rows with p and p_adjusted, of how alike the spaces of each pair of layers are by measure; None of none."""
    told: dict[tuple[int, str], tuple[float, float]] = {}
    for measure in MEASURES:
        held = [place for place, each in enumerate(alike) if measure in each]
        if held:
            both = p_values(np.stack([alike[place][measure] for place in held]))
            told |= {(place, measure): (float(own), float(best)) for place, own, best in zip(held, *both, strict=True)}
    rows = []
    for at, row in enumerate(found):
        nothing = (None, None)
        own, best = told.get((at // len(MEASURES), row["measure"]), nothing) if row["value"] is not None else nothing
        rows.append({**row, "p": own, "p_adjusted": best})
    return rows


@dataclass(frozen=True)
class _Spaces:
    """One pair of layers: every row the two share, and the sampled ones. Each measure is (value, null, n)."""

    whole: PairedRows
    sampled: PairedRows
    k: int
    seed: int
    device: str

    @cached_property
    def sums(self) -> KernelSums:
        return kernel_sums(self.whole)

    def linear_cka(self) -> tuple[float, float, int]:
        return cka(self.sums), cka_null(self.sums), len(self.whole)

    def linear_cka_debiased(self) -> tuple[float, float, int]:
        return cka_debiased(self.sums), 0.0, len(self.whole)

    def procrustes_distance(self) -> tuple[float, float, int]:
        x, y = self.sampled.normalised()
        return _distance(x, y), _permuted_distance(x, y, self.seed), len(self.sampled)

    @cached_property
    def common(self) -> CommonRows:
        return common_rows([self.sampled.x, self.sampled.y], self.k, device=self.device)

    def mutual_neighbours(self) -> tuple[float, float, int]:
        enough_neighbours(len(self.common), self.k)
        return overlap(*self.common.nearest), self.k / (len(self.common) - 1), len(self.common)

    def information_imbalance(self) -> tuple[float, float, int]:
        return self._imbalance(0, self.sampled.y)

    def information_imbalance_back(self) -> tuple[float, float, int]:
        return self._imbalance(1, self.sampled.x)

    def _imbalance(self, side: int, rows: FloatArray) -> tuple[float, float, int]:
        """From the space of that side to the other, whose rows are given."""
        enough_rows(len(self.common))
        nearest = self.common.nearest[side][:, :1].T
        ranks = ranks_in(rows[self.common.kept], nearest, device=self.device)[0]
        return imbalance(ranks), 1.0, len(ranks)

    def permuted(self, count: int) -> dict[str, Float64]:
        """(count + 1,) of each measure that has a value: how alike, the base's points in orders of which theirs is
        the first."""
        orders = Orders(len(self.sampled), count, self.seed)
        found: dict[str, Float64] = {}
        if len(self.sampled) > 3:
            own, other = (Axes.of(rows, self.device) for rows in (self.sampled.x, self.sampled.y))
            kernels = permuted_kernels(own, other, orders)
            found["linear_cka"], found["linear_cka_debiased"] = kernels
            try:
                x, y = self.sampled.normalised()
                found["procrustes_distance"] = np.array([-_distance(x[order], y) for order in orders])
            except Undefined:
                pass  # it has no value, and its row says why
        if len(self.common) > 2:
            kept, (ours, theirs) = self.common.kept, self.common.nearest
            among = list(orders.among(kept))
            back = [np.argsort(order) for order in among]  # the base's rows dealt anew, seen from the candidate's
            found["mutual_neighbours"] = permuted_overlaps(ours, theirs, among)
            for name, near, rows, dealt in (
                ("information_imbalance", ours, self.sampled.y, among),
                ("information_imbalance_back", theirs, self.sampled.x, back),
            ):
                found[name] = -permuted_imbalances([near[:, 0]], rows[kept], dealt, device=self.device)[0]
        return found

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
