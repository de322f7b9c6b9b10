"""Nearest neighbours: exact lists, and exact searches for the rows that a sieve or a subset leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from geoscope.pairs.clouds import DOUBLE, Cloud, Tensor
from geoscope.pairs.components import components
from geoscope.pairs.sieves import SPARE, Listing, listed
from geoscope.rows import BoolArray, FloatArray, IntArray


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


def search(
    cloud: Cloud,
    which: IntArray,
    k: int,
    *,
    memory: int,
    among: IntArray | None = None,
    groups: IntArray | None = None,
    upper: FloatArray | None = None,
) -> tuple[IntArray, FloatArray]:
    """The exact k nearest of the rows `which`: indices (q, k) and lengths (q, k); inf and the row itself where none.

    among: rows that may be found (None: all). groups: (n,) a row finds only rows of other groups (None: not itself).
    upper: (q,) lengths known to be no less than the k-th. Rows that are near each other are best adjacent in `which`.
    The cloud's products narrow down the candidates, float64 products from a centre near each block of rows choose
    among them, and what those leave open exact differences settle.
    """
    among = np.arange(len(cloud)) if among is None else among
    groups = np.arange(len(cloud)) if groups is None else groups
    indices, lengths = np.empty((len(which), k), dtype=np.int64), np.empty((len(which), k))
    tall = int(np.clip(memory // (16 * len(among)), 32, 256))
    columns = None
    if len(which) > tall or upper is not None:
        columns = cloud.right if len(among) == len(cloud) else cloud.right[cloud.places(among)]
    for start in range(0, len(which), tall):
        part = slice(start, start + tall)
        some, narrowed = which[part], among
        if columns is not None:
            known = None if upper is None else upper[part]
            narrowed = among[_narrowed(cloud, some, columns, among, groups, k, known)]
        indices[part], lengths[part], sure = _nearest(cloud, some, narrowed, groups, k, memory, direct=False)
        again = np.flatnonzero(~sure) + start
        if len(again):
            indices[again], lengths[again], _ = _nearest(cloud, which[again], narrowed, groups, k, memory, direct=True)
    return indices, lengths


def _narrowed(
    cloud: Cloud,
    some: IntArray,
    columns: Tensor,
    among: IntArray,
    groups: IntArray,
    k: int,
    upper: FloatArray | None,
) -> IntArray:
    """Places in `among` of the rows that may be among the k nearest of any of `some`, by the cloud's products."""
    device = cloud.device
    rows = cloud.places(some)
    half = cloud.left(rows) @ columns.T
    kinds = cloud.places(groups[among])
    half.masked_fill_(kinds == cloud.places(groups[some])[:, None], torch.inf)
    if upper is not None:
        known = cloud.places(upper).square() / 2
    elif k <= half.shape[1]:
        known = half.topk(k, dim=1, largest=False).values[:, -1].double().clamp_min(0)
        known += cloud.slack(rows, torch.where(torch.isfinite(known), known, 0.0))
    else:
        known = torch.full((len(some),), torch.inf, dtype=torch.float64, device=device)
    limit = known * (1 + 1e-6) + cloud.slack(rows, torch.where(torch.isfinite(known), known, 0.0)) * (1 + 1e-6)
    near = (half <= limit.to(half.dtype).nextafter(torch.full_like(half[:, 0], torch.inf))[:, None]).any(dim=0)
    return np.flatnonzero(near.cpu().numpy())


def _nearest(
    cloud: Cloud, which: IntArray, among: IntArray, groups: IntArray, k: int, memory: int, *, direct: bool
) -> tuple[IntArray, FloatArray, BoolArray]:
    """`search` for one block of rows; also whether the result is sure."""
    device = cloud.device
    x = cloud.take(cloud.places(which))
    centre = x[:1]
    x = x - centre
    squares = x.square().sum(dim=1)
    kinds = cloud.places(groups)
    own = kinds[cloud.places(which)][:, None]
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
        half.masked_fill_(kinds[some] == own, torch.inf)
        best = torch.cat([best, half], dim=1)
        found = torch.cat([found, some.expand(len(which), -1)], dim=1)
        best, places = best.topk(min(k + SPARE, best.shape[1]), dim=1, largest=False)
        found = found.gather(1, places)
    return _settled(cloud, which, best, found, squares, k, direct=direct)


def _settled(
    cloud: Cloud, which: IntArray, best: Tensor, found: Tensor, squares: Tensor, k: int, *, direct: bool
) -> tuple[IntArray, FloatArray, BoolArray]:
    """Measure the candidates exactly, keep the k nearest, tell whether what was dropped could be nearer."""
    rows = cloud.places(which)
    there = torch.isfinite(best)
    lengths = torch.full_like(best, torch.inf)
    lengths[there] = cloud.measure(rows[:, None].expand_as(found)[there], found[there])
    found = torch.where(there, found, rows[:, None])
    last = torch.where(there[:, -1], best[:, -1], torch.inf) if best.shape[1] else squares
    reach = squares.sqrt() + (2 * torch.where(torch.isfinite(last), last, 0.0).clamp_min(0)).sqrt()
    slack = (8 * np.sqrt(cloud.dimension) + 12) * DOUBLE * (squares + reach.square())
    bound = (last - slack).clamp_min(0).mul(2).sqrt().cpu().numpy()
    near, measured = found.cpu().numpy(), lengths.cpu().numpy()
    order = np.lexsort((near, measured), axis=1)[:, :k]
    near, measured = np.take_along_axis(near, order, axis=1), np.take_along_axis(measured, order, axis=1)
    short = k - near.shape[1]
    if short > 0:
        near = np.concatenate([near, np.repeat(which[:, None], short, axis=1)], axis=1)
        measured = np.concatenate([measured, np.full((len(which), short), np.inf)], axis=1)
    sure = (measured[:, -1] <= bound) | np.isinf(last.cpu().numpy()) | direct
    return near, measured, sure
