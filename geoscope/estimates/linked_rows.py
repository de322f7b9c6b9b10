"""Standard errors of measures that are nearly sums over rows, where rows that are neighbours tell of the same places.

A measure of lists of neighbours is taken for a sum of one term a row. Terms of a sequence's rows are not independent,
nor are those of rows one of which is near the top of the other's list; all others are. Conley 1999, J. Econometrics
92:1-45, with that graph in the place of distance. Halves of the sequences have lists that reach further: where rows lie
in groups their spread is up to three times the error of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoscope.estimates.uncertainty import jackknife_error
from geoscope.passes.gathering import GROUPS
from geoscope.rows import Float64, IntArray


def linked_error(influence: Float64, sequences: IntArray, lists: Sequence[IntArray]) -> float:
    """sqrt(sum of x_i x_j over rows i and j of one sequence, or linked), x the influences (n,) of n rows.

    sequences: (n,). lists: (n, k) rows that each row is linked with; with itself counts as with none. Links count where
    they add. Sums over sequences are about their mean, hence S/(S - 1) of S sequences.
    """
    n = len(influence)
    _, place = np.unique(sequences, return_inverse=True)
    sums = np.bincount(place, influence)
    alone = float(np.sum(sums**2)) * len(sums) / (len(sums) - 1)
    one = np.concatenate([np.repeat(np.arange(n), nearest.shape[1]) for nearest in lists])
    other = np.concatenate([nearest.ravel() for nearest in lists])
    apart = sequences[one] != sequences[other]
    pairs = np.unique(np.minimum(one[apart], other[apart]) * n + np.maximum(one[apart], other[apart]))
    linked = 2 * float(np.sum(influence[pairs // n] * influence[pairs % n]))
    return float(np.sqrt(alone + max(linked, 0.0)))


def replicates_saying(error: float, value: float, influence: Float64, sequences: IntArray) -> list[float]:
    """What each group of sequences moves a value by when its terms are left out, spread so that the jackknife of these
    says `error`: so that differences of two measurements of one draw can be taken.
    """
    group = sequences % GROUPS
    sizes = np.bincount(group, minlength=GROUPS)
    moved = np.bincount(group, influence, GROUPS) * len(group) / np.maximum(len(group) - sizes, 1)
    spread = jackknife_error((value - moved).tolist())
    return [float(value - each) for each in (moved * (error / spread) if spread else moved)]
