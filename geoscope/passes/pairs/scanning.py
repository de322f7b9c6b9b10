"""Which pairs of a tile lie within their rows' limits, and short lists put in order: on the CPU, compiled."""

# numba carries no types, so its decorators count as untyped; what they decorate is annotated
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numba import njit

from geoscope.rows import FloatArray, IntArray


@dataclass(frozen=True)
class Keys:
    """How a row, a half square and a column make one sortable int64, among n rows.

    From the top: the row, the half square's float32 bits without the lowest `dropped`, and `width` bits of the column.
    """

    n: int

    @property
    def width(self) -> int:
        """Bits of a column."""
        return max(1, (self.n - 1).bit_length())

    @property
    def dropped(self) -> int:
        """Bits of the half square that there is no room for."""
        return max(0, 31 + 2 * self.width - 63)

    @property
    def shift(self) -> int:
        """Where the row begins."""
        return 31 - self.dropped + self.width

    @property
    def empty(self) -> int:
        """What stands for no pair: above every key without its row."""
        return (1 << self.shift) - 1


def scan(
    tile: FloatArray,
    rows: FloatArray,
    columns: FloatArray,
    top: int,
    start: int,
    keys: Keys,
    pool: Executor,
    parts: int,
) -> list[IntArray]:
    """Keys of the pairs of a tile (h, w) that are within the limit of their row (h,) or column (w,), once for each.

    The tile's first row is row `top` of the cloud, its first column row `start`; on the diagonal (top == start) both
    halves are there, and only rows are given pairs. The threads of the pool share the work, in so many parts.
    """
    edges = np.linspace(0, len(tile), parts + 1).astype(int)

    def part(number: int) -> IntArray:
        low, high = int(edges[number]), int(edges[number + 1])
        found: IntArray = _scan(tile, rows, columns, low, high, top, start, keys.shift, keys.width, keys.dropped)
        return found

    later = [pool.submit(part, number) for number in range(1, parts)]
    return [part(0), *(one.result() for one in later)]


@njit(nogil=True, cache=True)
def _scan(
    tile: FloatArray,
    rows: FloatArray,
    columns: FloatArray,
    low: int,
    high: int,
    top: int,
    start: int,
    shift: int,
    width: int,
    dropped: int,
) -> IntArray:
    """Keys of rows low..high of the tile."""
    wide = tile.shape[1]
    flags = np.zeros((wide + 7) // 8 * 8, dtype=np.uint8)
    eight = flags.view(np.uint64)  # most pairs are too far: eight flags are looked at in one
    single = np.empty(1, dtype=np.float32)
    bits = single.view(np.int32)
    kept = np.empty(2 * wide, dtype=np.int64)
    used = 0
    for i in range(low, high):
        own, line = rows[i], tile[i]
        for j in range(wide):
            flags[j] = (line[j] <= own) | (line[j] <= columns[j])
        if top == start:
            flags[i] = 0
        if used + 2 * wide > len(kept):
            more = np.empty(2 * len(kept), dtype=np.int64)
            more[:used] = kept[:used]
            kept = more
        for word in range(len(eight)):
            if eight[word] == 0:
                continue
            for j in range(8 * word, 8 * word + 8):
                if flags[j]:
                    half = line[j]
                    single[0] = max(half, 0)
                    middle = np.int64(bits[0] >> dropped) << width
                    if half <= own:
                        kept[used] = (np.int64(top + i) << shift) | middle | (start + j)
                        used += 1
                    if top != start and half <= columns[j]:
                        kept[used] = (np.int64(start + j) << shift) | middle | (top + i)
                        used += 1
    return kept[:used].copy()


@njit(nogil=True, cache=True)
def sort_runs(starts: IntArray, lengths: FloatArray, other: IntArray) -> None:
    """Put pairs (p,) in order of length, then number, within each short run starts[i]..starts[i + 1], in place."""
    for run in range(len(starts) - 1):
        for place in range(starts[run] + 1, starts[run + 1]):
            length, number, hole = lengths[place], other[place], place
            while hole > starts[run] and (
                lengths[hole - 1] > length or (lengths[hole - 1] == length and other[hole - 1] > number)
            ):
                lengths[hole], other[hole] = lengths[hole - 1], other[hole - 1]
                hole -= 1
            lengths[hole], other[hole] = length, number
