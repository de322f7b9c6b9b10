"""Exact duplicates among rows: found by hashing, so that the pair sweep never sees them."""

from __future__ import annotations

import numpy as np

from geoscope.rows import FloatArray, IntArray

BLOCK = 256  # rows: their words, and what comes of them, stay in cache


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
