"""The sieve: one symmetric blockwise sweep over all pairs that keeps, of every row, a few more than its k nearest."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from geoscope.passes.pairs.clouds import Cloud, Tensor, tallest_block
from geoscope.passes.pairs.scanning import Keys, scan, sort_runs
from geoscope.progress import Progress
from geoscope.rows import FloatArray, IntArray
from geoscope.torch_state import runs_compiled

SPARE = 8
"""How many more candidates than neighbours are kept, so that the product's rounding rarely leaves a row open."""


@dataclass(frozen=True)
class Listing:
    """What one sweep found: pairs measured exactly, and how much of each row's surroundings they cover.

    one, other: (p,) the pair's row and its neighbour, grouped by row, nearest first. lengths: (p,) float64.
    starts: (n + 1,) where each row's pairs begin. bounds: (n,) no pair of the row that is absent is shorter.
    """

    one: IntArray
    other: IntArray
    lengths: FloatArray
    starts: IntArray
    bounds: FloatArray


def list_pairs(cloud: Cloud, k: int, memory: int, progress: Progress | None = None) -> Listing:
    """At least the k nearest of nearly every row (all that rounding left sure), by one sweep over half the pairs."""
    n = len(cloud)
    tall = int(np.clip(np.sqrt(memory / 32), 64, tallest_block(cloud.device)))
    strips = range(0, n, tall)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        sieve = _Sieve(cloud, min(k + SPARE, n - 1), pool)
        for done, top in enumerate(strips):
            sieve.strip(top, min(top + tall, n), 2 * tall)
            if top == 0 and tall < n:
                sieve.merge(0)
                sieve.order(tall)
            if sieve.waiting > n * sieve.k or (done + 1) & done == 0:
                sieve.merge(top + tall)
            if progress is not None:
                progress(done + 1, len(strips), "pairs")
        sieve.merge(0)
    return _measured(cloud, sieve, k)


class _Sieve:
    """The k smallest half squares of every row, kept as sortable keys: half square (float32 bits), then column."""

    def __init__(self, cloud: Cloud, k: int, pool: Executor) -> None:
        n = len(cloud)
        self.pool = pool
        self.cloud, self.k, self.n = cloud, k, n
        self.form = Keys(n)
        self.keys = torch.full((n, k), self.form.empty, dtype=torch.int64, device=cloud.device)
        self.limits = torch.full((n,), torch.inf, dtype=cloud.right.dtype, device=cloud.device)
        self.kept: list[Tensor] = []
        self.waiting = 0

    def strip(self, top: int, bottom: int, wide: int) -> None:
        """All pairs of rows top..bottom with rows from top on."""
        left = self.cloud.left(slice(top, bottom))
        size = (bottom - top) * max(wide, bottom - top)
        buffer = torch.empty(size, dtype=left.dtype, device=left.device)
        edges = [top, bottom, *range(bottom + wide, self.n, wide), self.n] if bottom < self.n else [top, bottom]
        for start, stop in pairwise(edges):
            tile = buffer[: (bottom - top) * (stop - start)].view(bottom - top, stop - start)
            torch.mm(left, self.cloud.right[start:stop].T, out=tile)
            if start == top:
                tile.fill_diagonal_(torch.inf)
            if top == 0:
                self._guess(tile, start, stop)
            self._gather(tile, top, start)

    def _guess(self, tile: Tensor, start: int, stop: int) -> None:
        """First limits: each row's m-th nearest of the first strip, m such that k of all n rows are surely nearer."""
        seen = len(tile)
        groups = seen // 8
        expected = self.k * seen / self.n
        rank = int(np.ceil(expected + 4 * np.sqrt(expected) + 2))
        if rank > groups // 2:
            return
        lowest = tile[: groups * 8].view(groups, 8, -1).amin(dim=1)
        if runs_compiled(tile.device):
            self.limits[start:stop] = lowest.kthvalue(rank, dim=0).values
        else:  # torch has no deterministic kthvalue on CUDA
            self.limits[start:stop] = lowest.sort(dim=0).values[rank - 1]

    def order(self, low: int) -> None:
        """Put the rows from `low` on in the order of their limits: then one comparison serves both rows of a pair."""
        order = self.limits[low:].argsort(stable=True) + low
        self.limits[low:] = self.limits[order]
        self.keys[low:] = self.keys[order]
        moved = torch.arange(self.n, device=order.device)
        moved[order] = torch.arange(low, self.n, device=order.device)
        mask = (1 << self.form.width) - 1
        columns = moved[(self.keys & mask).clamp_max(self.n - 1)]
        self.keys = torch.where(self.keys == self.form.empty, self.form.empty, self.keys & ~mask | columns)
        self.cloud.reorder(low, order)

    def _gather(self, tile: Tensor, top: int, start: int) -> None:
        """Keep what is within either row's limit."""
        rows, columns = self.limits[top : top + len(tile)], self.limits[start : start + tile.shape[1]]
        if runs_compiled(tile.device):
            arrays = (tile.numpy(), rows.numpy(), columns.numpy())
            found = scan(*arrays, top, start, self.form, self.pool, torch.get_num_threads())
            new = [torch.from_numpy(part) for part in found]
        else:
            new = self._gather_anywhere(tile, rows, columns, top, start)
        self.kept += new
        self.waiting += sum(len(part) for part in new)

    def _gather_anywhere(self, tile: Tensor, rows: Tensor, columns: Tensor, top: int, start: int) -> list[Tensor]:
        """What `scan` finds, by torch, on any device."""
        i, j = (tile <= torch.maximum(rows[:, None], columns)).nonzero().unbind(1)
        half = tile[i, j]
        near = ((half <= rows[i]) & (top + i != start + j)).nonzero()[:, 0]  # once for each: to wait is dear
        new = [self._keys(i[near] + top, j[near] + start, half[near])]
        if start != top:
            near = (half <= columns[j]).nonzero()[:, 0]
            new.append(self._keys(j[near] + start, i[near] + top, half[near]))
        return new

    def _keys(self, row: Tensor, column: Tensor, half: Tensor) -> Tensor:
        bits = half.clamp_min(0).float().view(torch.int32).long() >> self.form.dropped
        return (row << self.form.shift) | (bits << self.form.width) | column

    def merge(self, low: int) -> None:
        """Sort what is waiting into the rows from `low` on (all that the sweep can still add to), tighten limits."""
        if not self.kept:
            return
        shift = self.form.shift
        new = torch.cat(self.kept)
        touched = torch.zeros(self.n, dtype=torch.bool, device=new.device)
        touched[new >> shift] = True
        rows = touched.nonzero()[:, 0]
        old = (self.keys[rows] | (rows[:, None] << shift)).view(-1)
        ordered = sort(torch.cat([new, old]))
        row = ordered >> shift
        starts = torch.searchsorted(row, rows)
        ends = torch.cat([starts[1:], torch.tensor([len(row)], device=row.device)])
        take = starts[:, None] + torch.arange(self.k, device=row.device)
        picked = ordered[take.clamp_max(len(row) - 1)] & ((1 << shift) - 1)
        self.keys[rows] = torch.where(take < ends[:, None], picked, self.form.empty)
        last = self.keys[rows, -1]
        full = last != self.form.empty
        self.limits[rows[full]] = torch.minimum(self.limits[rows[full]], self._half(last[full], up=True))
        self.kept, self.waiting = [], 0

    def _half(self, keys: Tensor, *, up: bool = False) -> Tensor:
        """The half square of a key, rounded down, or up to what it may have been."""
        bits = (keys >> self.form.width) << self.form.dropped
        if up:
            bits = bits + (1 << self.form.dropped)
        return bits.to(torch.int32).view(torch.float32).to(self.limits.dtype)

    def result(self) -> tuple[Tensor, Tensor, Tensor]:
        """Half squares (n, k) rounded down, inf where there is none; columns (n, k); limits (n,) of what is absent."""
        held = self.keys != self.form.empty
        half = torch.where(held, self._half(self.keys), torch.inf)
        limit = torch.where(held[:, -1], torch.minimum(half[:, -1], self.limits), self.limits)
        if self.k == self.n - 1:
            limit = torch.where(held.all(dim=1), torch.inf, limit)
        return half, self.keys & ((1 << self.form.width) - 1), limit


def _measured(cloud: Cloud, sieve: _Sieve, k: int) -> Listing:
    """Measure, of the candidates, those that may be among the k nearest; bound all others from below."""
    half, columns, limit = sieve.result()
    n = len(cloud)
    rounding = 1 + 2.0 ** (sieve.form.dropped - 22)
    kth = half[:, min(k, sieve.k) - 1].double()
    finite = torch.where(torch.isfinite(kth), kth, 0.0)
    slack = cloud.slack(slice(None), finite * rounding)
    near = half <= torch.where(torch.isfinite(kth), kth * rounding + 2 * slack, torch.inf)[:, None]
    near &= torch.isfinite(half)
    outside = torch.where(near, torch.inf, half).amin(dim=1).double() if half.shape[1] else limit.double()
    outside = torch.minimum(outside, limit.double())
    finite = torch.where(torch.isfinite(outside), outside, 0.0)
    lower = (outside - cloud.slack(slice(None), finite * rounding)).clamp_min(0).mul(2).sqrt()
    one, place = near.nonzero(as_tuple=True)
    other = columns[one, place]
    pairs, back = (torch.minimum(one, other) * n + torch.maximum(one, other)).unique(return_inverse=True)
    first = torch.div(pairs, n, rounding_mode="floor")
    lengths = cloud.measure(first, pairs - first * n)[back]
    bounds = (lower * (1 - 1e-12)).cpu().numpy()
    return listed(n, one.cpu().numpy(), other.cpu().numpy(), lengths.cpu().numpy(), bounds)


def listed(n: int, one: IntArray, other: IntArray, lengths: FloatArray, bounds: FloatArray) -> Listing:
    """Pairs put in order: by row, then length, then neighbour."""
    order = np.argsort(one, kind="stable")
    one, other, lengths = one[order], other[order], lengths[order]
    starts = np.searchsorted(one, np.arange(n + 1))
    sort_runs(starts, lengths, other)
    return Listing(one, other, lengths, starts, bounds)


def nonzero(flags: Tensor) -> Tensor:
    """Where a flat bool tensor is true (numpy is several times faster at it on the CPU)."""
    if runs_compiled(flags.device):
        return torch.from_numpy(np.flatnonzero(flags.numpy()))
    return flags.nonzero()[:, 0]


def sort(keys: Tensor) -> Tensor:
    """Sorted int64 keys (numpy is over ten times faster at it on the CPU)."""
    if runs_compiled(keys.device):
        return torch.from_numpy(np.sort(keys.numpy()))
    return keys.sort().values
