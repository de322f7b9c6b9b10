"""Intrinsic dimension from the two nearest neighbours, on rows freed of duplicates.

All are blind to shift, rotation and scale. Rows closer than 1e-5 of the cloud's RMS radius are one row.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures.formula import measure
from geoscope.rows import BoolArray, Float64

_EQUALLY_FAR = 1e-9  # ln of a ratio of distances: below, rounding tells them apart
DISCARD = 0.1  # the share of largest ratios left out of the fit, as scikit-dimension has it
_UNFITTED = "fewer than three rows differ, too few are left to fit, or both neighbours are equally far from every row"


@measure(undefined=_UNFITTED, unit="dimensions")
def two_nn(nearest: Float64, two_nn_discard: float = DISCARD) -> float:
    """Slope through the origin of -ln(1 - F) on ln mu, mu = r2/r1 sorted, F = i/n, the largest ratios left out.

    r1 and r2 are each row's distances to its two nearest rows. As scikit-dimension 0.5 computes it, on rows freed of
    duplicates. Grows with n on noise; on text it also reads how densely sentences were sampled (see two_nn_across).

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 10))
    >>> round(two_nn(rows), 8)
    9.53217388
    """
    log_mu, n = _kept_log_ratios(nearest, two_nn_discard)
    if two_nn_discard == 0:
        raise GeoscopeError("expected a discarded share above 0 for the linear fit, got 0; use two_nn_mle")
    rise = -np.log1p(-np.arange(1, len(log_mu) + 1) / n)
    return float(log_mu @ rise / (log_mu @ log_mu))


@measure(undefined=_UNFITTED, unit="dimensions")
def two_nn_mle(nearest: Float64, two_nn_discard: float = DISCARD) -> float:
    """(k - 1) / (sum ln mu + (n - k) ln mu_k): censored maximum likelihood, the k smallest of n ratios mu kept.

    mu is the ratio of a row's distances to its two nearest rows, as in two_nn.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 10))
    >>> round(two_nn_mle(rows, two_nn_discard=0.0), 8)
    9.67688554
    """
    log_mu, n = _kept_log_ratios(nearest, two_nn_discard)
    k = len(log_mu)
    return float((k - 1) / (log_mu.sum() + (n - k) * log_mu[-1]))


@measure(undefined=f"rows are of fewer than three sequences, {_UNFITTED}", unit="dimensions")
def two_nn_across(nearest_across: Float64, two_nn_discard: float = DISCARD) -> float:
    """two_nn on the two nearest rows of other sequences: free of how densely sentences were sampled.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 10))
    >>> round(two_nn_across(rows), 8)  # each row a sequence of its own: two_nn
    9.53217388
    >>> round(two_nn_across(rows, groups=np.arange(500) // 2), 8)  # two rows a sequence
    9.53095094
    """
    return two_nn.formula(nearest_across, two_nn_discard)


@measure(undefined="no sequence has more than one row, or fewer than two rows differ")
def same_sequence_neighbours(nearest_is_own: BoolArray) -> float:
    """Share of rows whose nearest neighbour is of their own sequence, duplicates removed first.

    >>> rows = [[0.0], [1.0], [10.0], [11.0]]
    >>> same_sequence_neighbours(rows, groups=["a", "a", "b", "b"])
    1.0
    >>> same_sequence_neighbours(rows, groups=["a", "b", "a", "b"])
    0.0
    """
    return float(np.mean(nearest_is_own))


def _kept_log_ratios(nearest: Float64, discard: float) -> tuple[Float64, int]:
    """ln(r2/r1), smallest first, without the largest `discard` share; and how many there were."""
    if not 0 <= discard < 1:
        raise GeoscopeError(f"expected a discarded share of ratios from 0 to below 1, got {discard}")
    n = len(nearest)
    keep = int(n * (1 - discard))
    if keep < 2:
        raise Undefined("fewer than two distinct points are left to fit")
    log_mu = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))[:keep]
    if not log_mu[-1] > _EQUALLY_FAR:
        raise Undefined("every point's two nearest neighbours are equally far, so the ratios say nothing")
    return log_mu, n
