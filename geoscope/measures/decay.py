"""How fast singular values and eigenvalues fall, and what of the rows' energy lies in their mean alone."""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.moments import Moments
from geoscope.rows import Float64
from geoscope.settings.measuring import MeasureChoice
from geoscope.settings.option import default_of
from geoscope.settings.texts import rank_numbers

RANKS: str = default_of(MeasureChoice, "alpha_req_ranks")
"""The first and the last rank that the power law is fitted to, unless others are given."""
_FEWEST = 10  # ranks that a line is fitted to
_EPS = 1e-7  # the paper's
_FEW = f"fewer than two rows differ, or fewer than {_FEWEST} eigenvalues of the ranks are above rounding"


@measure(undefined="all rows are zero", unit="dimensions")
def rank_me(moments: Moments) -> float:
    """exp(-sum p ln p), p the singular values of the rows as they are over their sum, plus 1e-7.

    `effective_rank` is the same about the mean and without the 1e-7. A mean far from 0 drives it to 1. Singular values
    under rounding (sqrt(d eps) of the largest) count as 0.

    >>> rows = [[12, 0], [8, 0], [10, 1], [10, -1]]  # squares 408 and 2
    >>> round(rank_me(rows), 6)
    1.273363
    """
    return rank_me_of(moments.raw_spectrum)


def rank_me_of(squares: Float64) -> float:
    """The same of the squared singular values (min(n, d),)."""
    values = np.sqrt(squares)
    shares = values / values.sum() + _EPS
    return float(np.exp(-np.sum(shares * np.log(shares))))


@measure(undefined=_FEW)
def alpha_req(moments: Moments, alpha_req_ranks: str = RANKS) -> float:
    """Minus the slope of ln lambda_i on ln i, i the ranks 11 to 100 with weights 1/i: lambda falls like i^-alpha.

    lambda are the eigenvalues of the rows' covariance, largest first; fewer where fewer are above rounding. The ranks
    are part of the definition: released code takes 4, 6, 11 or 12 as the first. Weights: Stringer et al. 2019, doi
    10.1038/s41586-019-1346-5.

    >>> import numpy as np
    >>> rows = np.diag(np.arange(1, 61) ** -0.75)  # 30 variances that fall like i^-1.5, each along an axis of its own
    >>> round(alpha_req(np.vstack([rows, -rows])), 10)
    1.5
    """
    slope, _ = _line(moments, alpha_req_ranks)
    return -slope


@measure(undefined=f"{_FEW}, or these are all equal")
def alpha_req_fit(moments: Moments, alpha_req_ranks: str = RANKS) -> float:
    """Weighted R^2 of the line that `alpha_req` is the slope of: 1 where the eigenvalues follow a power law.

    >>> import numpy as np
    >>> rows = np.diag(np.arange(1, 61) ** -0.75)
    >>> round(alpha_req_fit(np.vstack([rows, -rows])), 10)
    1.0
    """
    _, fit = _line(moments, alpha_req_ranks)
    if fit is None:
        raise Undefined("the eigenvalues of these ranks are all equal")
    return fit


def _line(moments: Moments, ranks: str) -> tuple[float, float | None]:
    """Slope and R^2 of the weighted line through the logarithms of ranks and eigenvalues; no R^2 of equal ones."""
    first, last = rank_numbers(ranks)
    values = moments.spectrum[first - 1 : last]
    values = values[values > 0]
    if len(values) < _FEWEST:
        raise Undefined(
            f"expected at least {_FEWEST} eigenvalues above rounding from rank {first} on, got {len(values)}"
        )
    i = np.arange(first, first + len(values))
    x, y, weights = np.log(i), np.log(values), 1.0 / i
    x, y = x - np.average(x, weights=weights), y - np.average(y, weights=weights)
    total = float(np.sum(weights * y * y))
    slope = float(np.sum(weights * x * y) / np.sum(weights * x * x))
    if total <= len(y) * (8 * np.finfo(np.float64).eps) ** 2:
        return slope, None
    return slope, 1.0 - float(np.sum(weights * (y - slope * x) ** 2)) / total


@measure(undefined="all rows are zero")
def mean_energy_share(moments: Moments) -> float:
    """|mean|^2 / mean |x|^2: the share of the energy sum |x|^2 that the rows' mean alone holds.

    1 where all rows are one point. `anisotropy_uncentered` is never below it.

    >>> rows = [[12, 0], [8, 0], [10, 1], [10, -1]]  # 400 of 410
    >>> round(mean_energy_share(rows), 10)
    0.9756097561
    """
    return moments.count * float(moments.mean @ moments.mean) / moments.raw_energy
