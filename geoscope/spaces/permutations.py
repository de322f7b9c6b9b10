"""Permutations: how alike two spaces are when one's rows are dealt anew, so that nothing belongs together any more.

A p value is the share of permutations, the rows' own order among them, that are at least as alike. Adjusted, it allows
for having chosen the best of some pairs of layers, and for nothing else: in each permutation the largest of the pairs
counts, each less its mean and over its spread (Westfall and Young 1993). Rows are dealt one by one: those of a sequence
are near each other in any space, which permutations do not keep, so that unrelated models too can have a small p.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from geoscope.passes.pairs import MEMORY, Cloud
from geoscope.passes.pairs.clouds import Tensor
from geoscope.passes.row_products import tensor_of
from geoscope.rows import Float64, FloatArray, IntArray
from geoscope.torch_state import full_precision, runs_compiled

_HELD = 1 - 1e-6
"""Of the squared variances, the share on the principal axes that permuted products are taken of."""


@dataclass(frozen=True)
class Orders:
    """The rows' own order and `count` random ones of `size` rows, the same of equal seeds."""

    size: int
    count: int
    seed: int

    def __iter__(self) -> Iterator[IntArray]:
        yield np.arange(self.size)
        for number in range(self.count):
            yield np.random.default_rng([self.seed, 0x7065726D, number]).permutation(self.size)

    def among(self, kept: IntArray) -> Iterator[IntArray]:
        """The same of some of the rows (m,), as orders of m places."""
        place = np.full(self.size, -1)
        place[kept] = np.arange(len(kept))
        for order in self:
            moved = place[order]
            yield moved[moved >= 0]


@dataclass(frozen=True)
class Axes:
    """A space's centred rows on the principal axes that hold nearly all of its squared variances.

    scores: a tensor (n, r) of float32. lengths: (n,) squared lengths of the whole rows.
    """

    scores: Tensor
    lengths: Float64

    @classmethod
    def of(cls, rows: FloatArray, device: str = "cpu") -> Axes:
        """Of rows (n, d), scaled so that float32 holds them; the scores are made, and stay, on a device."""
        centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
        size = float(np.abs(centred).max())
        centred *= 2.0 ** -float(np.frexp(size)[1]) if size > 0 else 1.0
        lengths = np.einsum("ij,ij->i", centred, centred)
        if runs_compiled(device):
            values, vectors = np.linalg.eigh(centred.T @ centred)
            scores = (centred @ vectors[:, ::-1][:, : _needed(values)]).astype(np.float32)
            return cls(torch.from_numpy(scores), lengths)
        held = tensor_of(centred).to(device)
        values, vectors = torch.linalg.eigh(held.T @ held)
        return cls((held @ vectors.flip(1)[:, : _needed(values.cpu().numpy())]).float(), lengths)


def _needed(values: Float64) -> int:
    """How many axes it takes, of eigenvalues in increasing order."""
    squares = np.cumsum(values[::-1] ** 2)
    return int(np.searchsorted(squares, _HELD * squares[-1])) + 1


def permuted_kernels(x: Axes, y: Axes, orders: Orders) -> tuple[Float64, Float64]:
    """(N + 1,) of ||Y'X||_F^2, what linear CKA moves with, and of its debiased sum, x's rows in each of the orders."""
    n = orders.size
    products, lengths = [], []
    own, other = x.scores, y.scores
    with full_precision():
        for order in orders:
            dealt = own[torch.from_numpy(order).to(own.device)]
            products.append(float((other.T @ dealt).double().square().sum()))
            lengths.append(float(x.lengths[order] @ y.lengths))
    return np.array(products), np.array(products) - n / (n - 2) * np.array(lengths)


def permuted_overlaps(x: IntArray, y: IntArray, orders: Sequence[IntArray]) -> Float64:
    """(N + 1,) shares of neighbours (m, k) that are the same, x's rows in each of some orders of m."""
    found = []
    for order in orders:
        dealt = _dealt(x, order)
        found.append(sum(float((dealt[:, [at]] == y).sum()) for at in range(dealt.shape[1])) / y.size)
    return np.array(found)


def permuted_imbalances(
    spaces: Sequence[IntArray], rows: FloatArray, orders: Sequence[IntArray], *, device: str = "cpu"
) -> Float64:
    """(spaces, N + 1): the imbalance from each space, of which the nearest neighbours (m,) are given, to rows (m, d).

    The space's rows in each of some orders of m. Ranks are by the cloud's products, whose rounding may swap equals.
    """
    targets = np.stack([_dealt(near[:, None], order)[:, 0] for near in spaces for order in orders]).astype(np.int32)
    n = len(rows)
    totals = np.zeros(len(targets))
    with full_precision():
        cloud = Cloud(rows, device=device, double=False)
        tall = int(np.clip(MEMORY // (16 * n), 16, 1024))
        for start in range(0, n, tall):
            block = np.arange(start, min(start + tall, n))
            tile = cloud.left(cloud.places(block)) @ cloud.right.T
            tile[:, start:].fill_diagonal_(torch.inf)
            totals += _nearer(tile, np.ascontiguousarray(targets[:, block].T)) + len(block)
    return (totals * 2 / n**2).reshape(len(spaces), len(orders))


def _nearer(tile: Tensor, targets: npt.NDArray[np.int32]) -> IntArray:
    """(t,) how many half squares of a tile (h, n) are below those of the targets (h, t), in all of its rows."""
    if runs_compiled(tile.device):
        pairs = zip(tile.numpy(), targets, strict=True)
        return np.asarray(sum(np.searchsorted(np.sort(line), line[places]) for line, places in pairs))
    lengths = tile.gather(1, torch.from_numpy(targets).to(tile.device).long())
    counts: IntArray = torch.searchsorted(tile.sort(dim=1).values, lengths).sum(dim=0).cpu().numpy()
    return counts


def _dealt(near: IntArray, order: IntArray) -> IntArray:
    """Neighbours (m, k) of the rows in that order, by their new places."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return np.asarray(place[near[order]])


def p_values(alike: Float64) -> tuple[Float64, Float64]:
    """(pairs,) and the same adjusted, of how alike (pairs, N + 1) spaces are, the rows' own order first."""
    own = (alike >= alike[:, :1]).mean(axis=1)
    spread = alike.std(axis=1, keepdims=True)
    standard = np.divide(alike - alike.mean(axis=1, keepdims=True), spread, out=np.zeros_like(alike), where=spread > 0)
    best = standard.max(axis=0)
    return own, np.maximum(own, (best[None, :] >= standard[:, :1]).mean(axis=1))
