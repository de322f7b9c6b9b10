"""Massive activations: how far the largest value is above the usual one, and how heavy the tails of a dimension are."""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.asked_sums import DimensionTails
from geoscope.passes.making import Activations
from geoscope.passes.moments import Moments
from geoscope.passes.rounding import STEPS
from geoscope.rows import Float64


@measure(undefined="half of the values are zero")
def largest_activation_ratio(activations: Activations) -> float:
    """max |x_ij| of every row over the median |x_ij| of the sampled rows.

    Above 1000 is called a massive activation. Not shift invariant. (Released code takes both in each sequence, and
    averages over some.)

    >>> largest_activation_ratio([[2, -1], [1, 100], [-1, 3]])  # the median of 1, 1, 1, 2, 3 and 100 is 1.5
    66.66666666666667
    """
    if not activations.median > 0:
        raise Undefined("the median value of the rows is zero")
    return activations.largest / activations.median


@measure(undefined="fewer than two rows differ")
def largest_dimension_kurtosis(moments: Moments, tails: DimensionTails) -> float:
    """max over dimensions of m4 / m2^2, m the central moments of a dimension's values; 3 for a Gaussian.

    A dimension whose values are equal up to rounding is left out. A value that a share s of the rows has gives at most
    1/s - 3 + 1/(1 - s), and one that all have gives nothing.

    >>> round(largest_dimension_kurtosis([[3, 1], [0, 0], [0, 0], [0, 1], [0, 0], [0, 1]]), 10)  # of 3, 0, 0, 0, 0, 0
    4.2
    """
    return float(dimension_kurtoses(moments, tails).max())


def dimension_kurtoses(moments: Moments, tails: DimensionTails) -> Float64:
    """m4 / m2^2 of each dimension (d,); minus infinity where its values are equal up to rounding."""
    moments.energy  # noqa: B018  # rows that are equal up to rounding have no spread
    n = moments.count
    shift, about = moments.traces.total / n, tails.second / n
    second = about - shift**2
    fourth = tails.fourth / n - 4 * shift * tails.third / n + 6 * shift**2 * about - 3 * shift**4
    smallest = np.maximum(STEPS * moments.resolution, STEPS * moments.step * np.abs(moments.mean))
    varied = second > smallest**2
    found = np.full(len(second), -np.inf)
    found[varied] = np.maximum(fourth[varied] / second[varied] ** 2, 1.0)
    if not varied.any():
        raise Undefined("all rows are equal in every dimension")
    return found
