"""Ranks: how many rows of a space lie nearer to a row than another one does, counted exactly and without sorting."""

# numba carries no types, so its decorators count as untyped; what they decorate is annotated
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from numba import njit

from geoscope.passes.pairs import MEMORY, SMALL, Cloud
from geoscope.passes.pairs.clouds import Tensor
from geoscope.rows import Float64, FloatArray, IntArray
from geoscope.torch_state import full_precision, runs_compiled

UInt64 = npt.NDArray[np.uint64]

_OPEN = 0.01
"""Of a tile's pairs: where float32 leaves more of them open, they are looked at in float64 before any is measured."""


def ranks_in(
    rows: FloatArray,
    targets: IntArray,
    *,
    groups: IntArray | None = None,
    device: str = "cpu",
    memory: int = MEMORY,
) -> IntArray:
    """(m, n): 1 + how many others of row i of rows (n, d) lie nearer to it than row targets[j, i] does, Euclidean.

    groups: (n,) only rows of other groups count (None: all but the row itself). Products of rows in float32, or in
    float64 for few rows, settle nearly all pairs; those that their rounding leaves open are measured by differences in
    float64, and count where that is less than the target's. Equal distances of which no coordinate is rounded tie.
    """
    n = len(rows)
    own = np.arange(n, dtype=np.int64) if groups is None else groups
    with full_precision():
        ranking = _Ranking(Cloud(rows, device=device, double=float(n) * n * rows.shape[1] < SMALL), own, targets)
        tall = int(np.clip(np.sqrt(memory / 32), 64, 1024))
        for top in range(0, n, tall):
            for start in range(top, n, tall):
                ranking.add(slice(top, min(top + tall, n)), slice(start, min(start + tall, n)))
    return 1 + ranking.nearer


class _Ranking:
    """Counts in the making; each tile of pairs counts for its rows and, off the diagonal, for its columns."""

    def __init__(self, cloud: Cloud, groups: IntArray, targets: IntArray) -> None:
        self.nearer = np.zeros(targets.shape, dtype=np.int64)
        self._cloud, self._groups = cloud, cloud.places(groups)
        self._grouped = len(np.unique(groups)) < len(groups)
        one = np.broadcast_to(np.arange(len(cloud)), targets.shape)
        self._lengths = _measured(cloud, one.ravel(), targets.ravel()).reshape(targets.shape)
        self._limits = self._bounds(cloud)

    @cached_property
    def _double(self) -> tuple[Cloud, tuple[Tensor, Tensor]]:
        """The same rows with products in float64, and the bounds of these."""
        cloud = Cloud(self._cloud.rows, device=str(self._cloud.device), double=True)
        return cloud, self._bounds(cloud)

    def _bounds(self, cloud: Cloud) -> tuple[Tensor, Tensor]:
        """(m, n) each: between which half squares rounding may have put a pair as long as the target's."""
        half = cloud.places(self._lengths).square() / 2
        slack = 1.01 * cloud.slack(slice(None), half)
        kind = cloud.right.dtype
        low, high = (
            (half + side * slack).to(kind).nextafter(torch.full_like(half, side * torch.inf, dtype=kind))
            for side in (-1, 1)
        )
        return low, high

    def add(self, rows: slice, columns: slice) -> None:
        """Count the pairs of some rows with some columns."""
        tile, limits = self._tile(self._cloud, rows, columns), self._limits
        sides = [(tile, rows, columns)]
        if rows != columns:
            sides.append((tile.T.contiguous(), columns, rows))
        for side, block, others in sides:
            below, within = _counted(side, limits[0][:, block], limits[1][:, block])
            if not self._cloud.double and within.sum() > _OPEN * side.numel():
                cloud, exact = self._double
                side, low, high = self._tile(cloud, block, others), exact[0][:, block], exact[1][:, block]
                below, within = _counted(side, low, high)
            else:
                low, high = limits[0][:, block], limits[1][:, block]
            each, place, column = _left_open(side, low, high, within)
            lengths = _measured(self._cloud, place + block.start, column + others.start)
            less = lengths < self._lengths[each, place + block.start]
            np.add.at(below, (each[less], place[less]), 1)
            self.nearer[:, block] += below

    def _tile(self, cloud: Cloud, rows: slice, columns: slice) -> Tensor:
        """Half squares (h, w), infinite where a pair does not count."""
        tile = cloud.left(rows) @ cloud.right[columns].T
        if self._grouped or rows == columns:
            tile.masked_fill_(self._groups[rows][:, None] == self._groups[columns][None, :], torch.inf)
        return tile


def _measured(cloud: Cloud, one: IntArray, other: IntArray) -> Float64:
    """Exact lengths in the cloud's units."""
    found: Float64 = cloud.measure(cloud.places(one.copy()), cloud.places(other.copy())).cpu().numpy()
    return found


def _counted(tile: Tensor, low: Tensor, high: Tensor) -> tuple[IntArray, IntArray]:
    """How many of each row of the tile (h, w) are below `low`, and how many from there to `high`: both (m, h)."""
    if runs_compiled(tile.device):
        return _in_parts(tile.numpy(), low.numpy(), high.numpy())
    below, through = torch.empty((2, *low.shape), dtype=torch.int64, device=tile.device)
    for each, (lower, upper) in enumerate(zip(low, high, strict=True)):
        torch.sum(tile < lower[:, None], dim=1, out=below[each])
        torch.sum(tile <= upper[:, None], dim=1, out=through[each])
    return below.cpu().numpy(), (through - below).cpu().numpy()


def _left_open(tile: Tensor, low: Tensor, high: Tensor, within: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """(p,) each: which target, row and column of the tile the pairs are of that rounding leaves open."""
    if runs_compiled(tile.device):
        here: tuple[IntArray, IntArray, IntArray] = _open(tile.numpy(), low.numpy(), high.numpy(), within)
        return here
    found = [
        torch.nn.functional.pad(
            ((tile >= low[each, :, None]) & (tile <= high[each, :, None])).nonzero(), (1, 0), value=each
        )
        for each in np.flatnonzero(within.any(axis=1)).tolist()
    ]
    target, place, column = torch.cat(found).T.cpu().numpy() if found else np.empty((3, 0), dtype=np.int64)
    return np.asarray(target), np.asarray(place), np.asarray(column)


def _in_parts(tile: FloatArray, low: FloatArray, high: FloatArray) -> tuple[IntArray, IntArray]:
    """`_counted` on the CPU."""
    below, within = (np.empty(low.shape, dtype=np.int64) for _ in range(2))
    parts = torch.get_num_threads()
    edges = np.linspace(0, len(tile), parts + 1).astype(int)
    with ThreadPoolExecutor(parts) as pool:
        list(
            pool.map(
                lambda at: _count(tile, low, high, below, within, int(edges[at]), int(edges[at + 1])), range(parts)
            )
        )
    return below, within


@njit(nogil=True, cache=True)
def _count(
    tile: FloatArray, low: FloatArray, high: FloatArray, below: IntArray, within: IntArray, first: int, last: int
) -> None:
    """The counts of rows first..last."""
    flags = np.zeros((tile.shape[1] + 7) // 8 * 8, dtype=np.uint8)
    eight = flags.view(np.uint64)
    for row in range(first, last):
        line = tile[row]
        for each in range(low.shape[0]):
            lower, upper = low[each, row], high[each, row]
            for column in range(len(line)):
                flags[column] = line[column] < lower
            nearer = _ones(eight)
            for column in range(len(line)):
                flags[column] = line[column] <= upper
            below[each, row] = nearer
            within[each, row] = _ones(eight) - nearer


@njit(nogil=True, cache=True)
def _ones(eight: UInt64) -> int:
    """How many of the bytes of some words are 1, the others being 0: 255 words are added byte by byte, then the bytes.

    Compilers make of this what they do not make of a count of comparisons: many of them at once.
    """
    every_other, in_total = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0001000100010001)
    total = np.int64(0)
    for start in range(0, len(eight), 255):
        bytewise = np.uint64(0)
        for word in eight[start : start + 255]:
            bytewise += word
        pairs = (bytewise & every_other) + ((bytewise >> np.uint64(8)) & every_other)
        total += np.int64((pairs * in_total) >> np.uint64(48))
    return int(total)


@njit(nogil=True, cache=True)
def _open(tile: FloatArray, low: FloatArray, high: FloatArray, within: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """`_left_open` on the CPU."""
    size = within.sum()
    target, place, found = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    flags = np.zeros((tile.shape[1] + 7) // 8 * 8, dtype=np.uint8)
    eight = flags.view(np.uint64)  # most pairs are settled: eight flags are looked at in one
    used = 0
    for row in range(len(tile)):
        line = tile[row]
        for each in range(low.shape[0]):
            if within[each, row] == 0:
                continue
            lower, upper = low[each, row], high[each, row]
            for column in range(len(line)):
                flags[column] = (line[column] >= lower) & (line[column] <= upper)
            for word in range(len(eight)):
                if eight[word]:
                    for column in range(8 * word, 8 * word + 8):
                        if flags[column]:
                            target[used], place[used], found[used] = each, row, column
                            used += 1
    return target, place, found
