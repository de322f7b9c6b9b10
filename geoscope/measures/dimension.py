"""Intrinsic dimension from the two nearest neighbours, on rows freed of duplicates.

All are blind to shift, rotation and scale. Facco et al. 2017, doi 10.1038/s41598-017-11873-y.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures.formula import measure
from geoscope.rows import BoolArray, Float64

DISCARD = 0.1  # the share of largest ratios left out of the fit, as scikit-dimension has it


@measure
def two_nn(nearest: Float64, two_nn_discard: float = DISCARD) -> float:
    """Slope through the origin of -ln(1 - F) on ln mu, mu = r2/r1 sorted, F = i/n, the largest tenth left out.

    As scikit-dimension 0.5 computes it. `nearest` is (n, 2), distances to the two nearest rows.
    Grows with n on noise; on text it also reads how densely sentences were sampled (see two_nn_across).
    """
    log_mu, n = _kept_log_ratios(nearest, two_nn_discard)
    if two_nn_discard <= 0:
        raise GeoscopeError("expected a discarded share above 0 for the linear fit, got 0; use two_nn_mle")
    rise = -np.log1p(-np.arange(1, len(log_mu) + 1) / n)
    return float(log_mu @ rise / (log_mu @ log_mu))


@measure
def two_nn_mle(nearest: Float64, two_nn_discard: float = DISCARD) -> float:
    """(k - 1) / (sum ln mu + (n - k) ln mu_k): censored maximum likelihood, k of n ratios kept."""
    log_mu, n = _kept_log_ratios(nearest, two_nn_discard)
    k = len(log_mu)
    return float((k - 1) / (log_mu.sum() + (n - k) * log_mu[-1]))


@measure
def two_nn_across(nearest_across: Float64, two_nn_discard: float = DISCARD) -> float:
    """two_nn on the two nearest rows of other sequences: free of how densely sentences were sampled."""
    return two_nn.formula(nearest_across, two_nn_discard)


@measure
def same_sequence_neighbours(nearest_is_own: BoolArray) -> float:
    """Share of rows whose nearest neighbour is of their own sequence: 0 to 1."""
    return float(np.mean(nearest_is_own))


def _kept_log_ratios(nearest: Float64, discard: float) -> tuple[Float64, int]:
    """ln(r2/r1), smallest first, without the largest `discard` share; and how many there were."""
    n = len(nearest)
    keep = int(n * (1 - discard))
    if keep < 2:
        raise Undefined("fewer than two distinct points are left to fit")
    log_mu = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))[:keep]
    if not log_mu[-1] > 0:
        raise Undefined("every point's two nearest neighbours are equally far, so the ratios say nothing")
    return log_mu, n
