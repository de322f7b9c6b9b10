"""Exact distances between pairs of rows on the CPU, compiled: by differences of the rows, in float64."""

# numba carries no types, so its decorators count as untyped; what they decorate is annotated
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numba import njit

from geoscope.rows import FloatArray, IntArray

_SPAN = 4096  # pairs a thread takes at a time


def pair_distances(rows: FloatArray, one: IntArray, other: IntArray, scale: float) -> FloatArray:
    """|rows[one] - rows[other]| * scale: (p,) float64, for rows (n, d) and places (p,)."""
    found = np.empty(len(one))
    starts = range(0, len(one), _SPAN)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(lambda start: _fill(rows, one, other, scale, found, start, start + _SPAN), starts))
    return found


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
def _fill(
    rows: FloatArray, one: IntArray, other: IntArray, scale: float, found: FloatArray, start: int, stop: int
) -> None:
    """The distances of pairs start..stop (scaled before they are squared, so that squares stay in range)."""
    for pair in range(start, min(stop, len(one))):
        first, second = rows[one[pair]], rows[other[pair]]
        total = 0.0
        for axis in range(rows.shape[1]):
            gap = (np.float64(first[axis]) - np.float64(second[axis])) * scale
            total += gap * gap
        found[pair] = np.sqrt(total)
