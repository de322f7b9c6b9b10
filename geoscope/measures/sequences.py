"""What each sequence is by itself, averaged over sequences: how its rows turn from token to token, how they spread."""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.asked_sums import SpectralEntropies, Turns

_NO_TURN = "no sequence has rows at three positions in a row that all differ from the one before"
_NO_ENTROPY = "no sequence has two rows of two dimensions or more that are not all zero"


@measure(undefined=f"no row's position is known, or {_NO_TURN}", unit="degrees")
def trajectory_curvature(turns: Turns) -> float:
    """Mean angle between the steps from token to token, in each sequence, then over sequences.

    0 is a straight line, 180 back and forth; a random walk has 90, rows in any order 120. Steps go from a position to
    the next; a row that is left out, and a step of nothing (a repeated token at layer 0), have no angle.

    >>> rows = [[0, 0], [1, 0], [1, 1], [0, 0], [1, 0], [2, 0]]  # a right angle, and a line
    >>> trajectory_curvature(rows, groups=[0, 0, 0, 1, 1, 1], positions=[0, 1, 2, 0, 1, 2])
    45.0
    """
    if turns.placed == 0:
        raise Undefined("no row's position in its sequence is known")
    if turns.sequences == 0:
        raise Undefined(_NO_TURN)
    return float(np.degrees(turns.total / turns.sequences))


@measure(undefined=_NO_ENTROPY)
def prompt_entropy(entropies: SpectralEntropies) -> float:
    """-sum p ln p over ln min(T, d), p the eigenvalues of Z Z' over its trace, Z the T rows of a sequence as they are.

    Averaged over sequences. A mean far from 0, or one row that is much longer than the others, drives it to 0. (The
    released code sets the negative entries of Z Z' to 0 first.)

    >>> rows = [[3, 0], [0, 3], [2, 0], [4, 0]]  # even, and along one direction
    >>> round(prompt_entropy(rows, groups=[0, 0, 1, 1]), 10)
    0.5
    """
    if entropies.sequences == 0:
        raise Undefined(_NO_ENTROPY)
    return entropies.total / entropies.sequences
