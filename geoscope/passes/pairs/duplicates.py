"""Duplicates among rows: equal ones, found by hashing so that the pair sweep never sees them; and how near is equal."""

from __future__ import annotations

import numpy as np

from geoscope.passes.rounding import rounding_distance
from geoscope.rows import FloatArray, IntArray

BLOCK = 256  # rows: their words, and what comes of them, stay in cache
_PAIRS = 1024  # at most, whose distances tell how wide a cloud is


def duplicate_tolerance(rows: FloatArray, share: float, radius: float) -> float:
    """How near rows (n, d) of that RMS radius are one: `share` of how wide the cloud is, but what rounding explains.

    Wide is the RMS radius, unless most pairs of rows lie much nearer: three quarters of some random pairs (over sqrt 2,
    as the radius is of a Gaussian's) say how wide the cloud is where a few far rows set the radius. Where that share is
    less than rounding puts between equal rows (far off the origin, or in a cloud of copies), rounding counts.
    """
    n = len(rows)
    if n < 2 or share == 0:
        return share * radius
    generator = np.random.default_rng(0)
    one = generator.integers(0, n, min(_PAIRS, 8 * n))
    other = (one + generator.integers(1, n, len(one))) % n
    unit = float(2.0 ** np.frexp(radius)[1]) if radius > 0 else 1.0  # squares of what is divided by it stay in range
    gaps = (rows[one] / unit - rows[other] / unit).astype(np.float64)
    wide = float(np.quantile(np.linalg.norm(gaps, axis=1), 0.75)) * unit / np.sqrt(2)
    return float(max(share * min(radius, wide), rounding_distance(rows)))


def first_copies(rows: FloatArray) -> IntArray:
    """Of each of n rows the lowest index of a row equal to it (its own, for most); 0.0 equals -0.0.

    A 64-bit hash proposes, comparison decides: rows that collide without being equal stay distinct.
    """
    keys = _hashes(rows)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    copies: IntArray = first.astype(np.int64)[group]
    later = np.flatnonzero(copies != np.arange(len(rows)))
    for start in range(0, len(later), BLOCK):
        some = later[start : start + BLOCK]
        differ = some[(rows[some] != rows[copies[some]]).any(axis=1)]
        copies[differ] = differ
    return copies


def _hashes(rows: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Multilinear hash of each row's bits modulo 2**64, with fixed random multipliers."""
    width = rows.dtype.itemsize
    words = {2: np.uint16, 4: np.uint32, 8: np.uint64}[width]
    multipliers = np.random.default_rng(20240613).integers(1, 2**63, rows.shape[1], dtype=np.uint64) * np.uint64(2)
    multipliers += np.uint64(1)
    found = np.empty(len(rows), dtype=np.uint64)
    for start in range(0, len(rows), BLOCK):
        block = np.ascontiguousarray(rows[start : start + BLOCK] + rows.dtype.type(0))
        bits = block.view(words).astype(np.uint64)
        bits *= multipliers
        bits ^= bits >> np.uint64(29)
        found[start : start + BLOCK] = bits.sum(axis=1, dtype=np.uint64)
    return found
