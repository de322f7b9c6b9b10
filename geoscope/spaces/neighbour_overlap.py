"""Neighbour overlap: how many of a row's nearest others are its nearest in another space too."""

from __future__ import annotations

from geoscope.errors import Undefined
from geoscope.rows import IntArray

NEIGHBOURS = 10
"""k of the mutual neighbours: ten, as in Huh et al."""

BLOCK = 2048


def overlap(ours: IntArray, theirs: IntArray) -> float:
    """The mean share of entries of each row (m, k) of one that are in the same row of the other."""
    shared = sum(
        int((ours[start : start + BLOCK, :, None] == theirs[start : start + BLOCK, None, :]).sum())
        for start in range(0, len(ours), BLOCK)
    )
    return shared / ours.size


def enough_neighbours(count: int, k: int) -> None:
    """Undefined where all of so many rows are neighbours of each."""
    if count <= k + 1:
        raise Undefined(f"{k} neighbours need at least {k + 2} distinct rows in common, and there are {count}")
