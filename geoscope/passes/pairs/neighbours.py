"""Nearest neighbours: exact lists, and exact searches for the rows that a sieve or a subset leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from geoscope.passes.pairs.clouds import DOUBLE, Cloud, Tensor
from geoscope.passes.pairs.components import components
from geoscope.passes.pairs.sieves import SPARE, Listing, listed, nonzero
from geoscope.rows import BoolArray, FloatArray, IntArray
from geoscope.torch_state import full_precision


@dataclass(frozen=True)
class Neighbours:
    """Of each of n rows its k nearest others, nearest first, ties by index.

    indices: (n, k) int64. distances: (n, k) float64, by exact differences of the rows.
    """

    indices: IntArray
    distances: FloatArray


def completed(cloud: Cloud, listing: Listing, k: int, tolerance: float, memory: int) -> Listing:
    """The same listing, with the rows searched again whose k nearest rounding left unsure.

    Not those whose k nearest are all below the tolerance: they count as one row.
    """
    n = len(cloud)
    last = np.full(n, np.inf)
    full = np.flatnonzero(np.diff(listing.starts) >= k)
    last[full] = listing.lengths[listing.starts[full] + k - 1]
    unsure = np.flatnonzero(((last > listing.bounds) | np.isinf(last)) & (last >= tolerance))
    if len(unsure) == 0:
        return listing
    some = unsure[listing.starts[unsure + 1] > listing.starts[unsure]]
    _, clump = components(n, some, listing.other[listing.starts[some]])
    unsure = unsure[np.argsort(clump[unsure], kind="stable")]
    near, lengths = search(cloud, unsure, k, memory=memory, upper=last[unsure])
    kept = ~np.isin(listing.one, unsure)
    there = np.isfinite(lengths)
    bounds = listing.bounds.copy()
    bounds[unsure] = lengths[:, -1]
    return listed(
        n,
        np.concatenate([listing.one[kept], np.broadcast_to(unsure[:, None], near.shape)[there]]),
        np.concatenate([listing.other[kept], near[there]]),
        np.concatenate([listing.lengths[kept], lengths[there]]),
        bounds,
    )


@full_precision()
def search(
    cloud: Cloud,
    which: IntArray,
    k: int,
    *,
    memory: int,
    kept: BoolArray | None = None,
    groups: IntArray | None = None,
    upper: FloatArray | None = None,
) -> tuple[IntArray, FloatArray]:
    """The exact k nearest of the rows `which`: indices (q, k) and lengths (q, k); inf and the row itself where none.

    kept: (n,) which rows may be found (None: all). groups: (n,) a row finds only rows of other groups (None: not
    itself). upper: (q,) lengths known to be no less than the k-th, where the cloud's products are known to leave the
    rows open. Rows that are near each other are best adjacent in `which`.

    The cloud's products propose candidates; of rows whose rounding leaves others possible, float64 products from a
    centre near each block of rows do, among what the cloud's products cannot rule out; then exact differences.
    """
    groups = np.arange(len(cloud)) if groups is None else groups
    allowed = _Allowed(cloud.places(groups), None if kept is None else cloud.places(kept))
    indices, lengths = np.empty((len(which), k), dtype=np.int64), np.empty((len(which), k))
    tall = int(np.clip(memory // (16 * len(cloud)), 32, 256))
    for start in range(0, len(which), tall):
        part = np.arange(start, min(start + tall, len(which)))
        if upper is None:
            indices[part], lengths[part], sure = _by_products(cloud, which[part], allowed, k)
            part = part[~sure]
        if len(part):
            known = lengths[part, -1] if upper is None else upper[part]
            among = _not_ruled_out(cloud, which[part], allowed, known)
            indices[part], lengths[part], sure = _nearest(cloud, which[part], among, allowed, k, memory, direct=False)
            part = part[~sure]
            if len(part):
                indices[part], lengths[part], _ = _nearest(cloud, which[part], among, allowed, k, memory, direct=True)
    return indices, lengths


@full_precision()
def nearest_by_index(
    cloud: Cloud, which: IntArray, upper: FloatArray, k: int, *, memory: int, kept: BoolArray, groups: IntArray
) -> tuple[IntArray, FloatArray]:
    """`search` where more rows may be equally far than it holds: of those the ones of lower number.

    upper: (q,) the k-th lengths, as `search` gives them.
    """
    allowed = _Allowed(cloud.places(groups), cloud.places(kept))
    indices, lengths = np.repeat(which[:, None], k, axis=1), np.full((len(which), k), np.inf)
    tall = int(np.clip(memory // (16 * len(cloud)), 32, 256))
    for start in range(0, len(which), tall):
        part = which[start : start + tall]
        where = nonzero(_within(cloud, part, allowed, upper[start : start + tall]).view(-1)).cpu().numpy()
        row, near = np.divmod(where, len(cloud))
        measured = cloud.measure(cloud.places(part[row]), cloud.places(near)).cpu().numpy()
        order = np.lexsort((near, measured, row))
        row, near, measured = row[order], near[order], measured[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        first = rank < k
        indices[start + row[first], rank[first]] = near[first]
        lengths[start + row[first], rank[first]] = measured[first]
    return indices, lengths


@dataclass(frozen=True)
class _Allowed:
    """Which rows a row may find: those of other groups (n,), if `kept` (n,) is given only the kept ones."""

    groups: Tensor
    kept: Tensor | None

    def hide_others(self, half: Tensor, rows: Tensor, columns: Tensor | slice) -> None:
        """Make half squares (m, p) infinite between rows (m,) and the columns that they may not find."""
        half.masked_fill_(self.groups[columns] == self.groups[rows][:, None], torch.inf)
        if self.kept is not None:
            half.masked_fill_(~self.kept[columns], torch.inf)


def _by_products(cloud: Cloud, which: IntArray, allowed: _Allowed, k: int) -> tuple[IntArray, FloatArray, BoolArray]:
    """`search` for one block of rows by the cloud's products alone; also whether the result is sure."""
    rows = cloud.places(which)
    half = _half_squares(cloud, rows, allowed)
    best, found = half.topk(min(k + SPARE, len(cloud)), dim=1, largest=False)
    last = best[:, -1].double()
    slack = cloud.slack(rows, torch.where(torch.isfinite(last), last, 0.0))
    return _settled(cloud, which, rows, best, found, slack, k)


def _half_squares(cloud: Cloud, rows: Tensor, allowed: _Allowed) -> Tensor:
    """Of the rows (m,) and every row of the cloud (m, n), by its products; infinite where a row may not be found."""
    half = cloud.left(rows) @ cloud.right.T
    allowed.hide_others(half, rows, slice(None))
    return half


def _not_ruled_out(cloud: Cloud, which: IntArray, allowed: _Allowed, upper: FloatArray) -> IntArray:
    """The rows that may be within `upper` (m,) of any of the rows `which` (m,), by the cloud's products."""
    return np.flatnonzero(_within(cloud, which, allowed, upper).any(dim=0).cpu().numpy())


def _within(cloud: Cloud, which: IntArray, allowed: _Allowed, upper: FloatArray) -> Tensor:
    """Whether each row (m, n) may be within `upper` (m,) of the rows `which` (m,), by the cloud's products."""
    rows = cloud.places(which)
    half = _half_squares(cloud, rows, allowed)
    known = cloud.places(upper).square() / 2
    limit = known + cloud.slack(rows, torch.where(torch.isfinite(known), known, 0.0))
    limit = (limit * (1 + 1e-6)).to(half.dtype).nextafter(torch.full_like(half[:, 0], torch.inf))
    return (half <= limit[:, None]) & torch.isfinite(half)


def _nearest(
    cloud: Cloud, which: IntArray, among: IntArray, allowed: _Allowed, k: int, memory: int, *, direct: bool
) -> tuple[IntArray, FloatArray, BoolArray]:
    """`search` for one block of rows among those of `among`; also whether the result is sure."""
    device, rows = cloud.device, cloud.places(which)
    x = cloud.take(rows)
    centre = x[:1]
    x = x - centre
    squares = x.square().sum(dim=1)
    best = torch.full((len(which), 0), torch.inf, dtype=torch.float64, device=device)
    found = torch.zeros((len(which), 0), dtype=torch.int64, device=device)
    wide = max(256, min(memory // (16 * len(which)), memory // (24 * cloud.dimension)))
    for start in range(0, len(among), wide):
        some = cloud.places(among[start : start + wide])
        y = cloud.take(some) - centre
        if direct:
            half = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square_().div_(2)
        else:
            half = torch.addmm((squares[:, None] + y.square().sum(dim=1)) / 2, x, y.T, alpha=-1)
        allowed.hide_others(half, rows, some)
        best = torch.cat([best, half], dim=1)
        found = torch.cat([found, some.expand(len(which), -1)], dim=1)
        best, places = best.topk(min(k + SPARE, best.shape[1]), dim=1, largest=False)
        found = found.gather(1, places)
    last = best[:, -1] if best.shape[1] else squares
    reach = squares.sqrt() + (2 * torch.where(torch.isfinite(last), last, 0.0).clamp_min(0)).sqrt()
    slack = (8 * np.sqrt(cloud.dimension) + 12) * DOUBLE * (squares + reach.square())
    near, lengths, sure = _settled(cloud, which, rows, best, found, slack, k)
    return near, lengths, sure | direct


def _settled(
    cloud: Cloud, which: IntArray, rows: Tensor, best: Tensor, found: Tensor, slack: Tensor, k: int
) -> tuple[IntArray, FloatArray, BoolArray]:
    """Measure the candidates exactly, keep the k nearest, tell whether what was dropped could be nearer.

    which, rows: (m,) the rows, here and beside the cloud's. best, found: (m, c) the least half squares and whose they
    are; slack: (m,) their rounding.
    """
    there = torch.isfinite(best)
    lengths = torch.full_like(best, torch.inf, dtype=torch.float64)
    lengths[there] = cloud.measure(rows[:, None].expand_as(found)[there], found[there])
    near, measured = torch.where(there, found, rows[:, None]).cpu().numpy(), lengths.cpu().numpy()
    last = best[:, -1].double() if best.shape[1] else torch.full_like(slack, torch.inf)
    bound = (last - slack).clamp_min(0).mul(2).sqrt().cpu().numpy()
    order = np.lexsort((near, measured), axis=1)[:, :k]
    near, measured = np.take_along_axis(near, order, axis=1), np.take_along_axis(measured, order, axis=1)
    short = k - near.shape[1]
    if short > 0:
        near = np.concatenate([near, np.repeat(which[:, None], short, axis=1)], axis=1)
        measured = np.concatenate([measured, np.full((len(which), short), np.inf)], axis=1)
    return near, measured, (measured[:, -1] <= bound) | np.isinf(bound)
