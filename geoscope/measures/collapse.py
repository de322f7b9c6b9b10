"""Signs of collapse: rows at one point, along few directions, or as far from each other as noise.

The first two leave out the coordinates that hold most energy, as healthy decoders keep nearly all of theirs in one to
three (Sun et al. 2024, arXiv 2402.17762), and what is told of the others is lost beside it.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.measures.spectral import rank_of
from geoscope.passes.moments import Moments, spectrum_of
from geoscope.rows import Float64, IntArray

_MOST_LEFT_OUT = 3
_DIMENSIONS_EACH = 8  # one is left out for so many, so that rows of few dimensions keep most of theirs


def left_out(d: int) -> int:
    """How many of d dimensions are left out: d // 8, at most 3."""
    return min(_MOST_LEFT_OUT, d // _DIMENSIONS_EACH)


def but_the_largest(energies: Float64) -> IntArray:
    """The dimensions but those of most of some energies (d,), which the measures of collapse are of."""
    kept = len(energies) - left_out(len(energies))
    return np.sort(np.argsort(energies, kind="stable")[:kept])


@measure(undefined="all rows are zero in all dimensions but the largest")
def offset_energy(moments: Moments) -> float:
    """Share of the energy sum |x|^2 that the mean holds, without the d // 8 (at most 3) dimensions of most energy.

    1 where all rows are one point. Not shift invariant. Mu and Viswanath 2018, arXiv 1702.01417, on the common mean.

    >>> offset_energy([[3, 1], [3, -1]])  # 9 of 10; of 2 dimensions none is left out
    0.9
    """
    moments.raw_energy  # noqa: B018  # rows of zeros have no energy to share
    of_mean, raw = moments.count * moments.mean**2, moments.raw_energies
    kept = but_the_largest(raw)
    whole = float(raw[kept].sum())
    if not whole > 0:
        raise Undefined("all rows are zero in all dimensions but the largest")
    return float(of_mean[kept].sum()) / whole


@measure(undefined="fewer than two rows differ, in all dimensions but the largest, or there are fewer than three rows")
def rank_share(moments: Moments) -> float:
    """(effective rank - 1)/(k - 1), k = min(n - 1, d'), without the d // 8 (at most 3) dimensions of most variance.

    d' dimensions are left; 0 where the rows lie along one direction, 1 where all directions hold the same.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 16)) * np.r_[[100.0] * 2, [1.0] * 14]
    >>> round(rank_share(rows), 2), round(rank_share(rows @ np.ones((16, 16)) + rows / 100), 2)
    (1.0, 0.0)
    """
    moments.energy  # noqa: B018  # rows that are equal up to rounding have no directions
    variances = np.diag(moments.scatter)
    kept = but_the_largest(variances)
    most = min(moments.count - 1, len(kept))
    energy = float(variances[kept].sum())
    if most < 2:
        raise Undefined("it takes three rows of two dimensions to have directions to spread over")
    if not energy > 0:
        raise Undefined("all rows are equal in all dimensions but the largest")
    values = spectrum_of(moments.scatter[np.ix_(kept, kept)] / energy, most, moments.device)
    return max(rank_of(values) - 1.0, 0.0) / (most - 1.0)


@measure(undefined="there are fewer than three distinct rows")
def neighbour_spread(nearest: Float64) -> float:
    """Standard deviation of ln(distance to the nearest other row), over the distinct rows.

    Text lies densely here and sparsely there; noise of many dimensions is everywhere equally far from itself, also
    around a few points.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 100))
    >>> round(neighbour_spread(rows), 2), round(neighbour_spread(rows * np.geomspace(1, 10, 500)[:, None]), 2)
    (0.05, 0.62)
    """
    return float(np.std(np.log(nearest[:, 0]), ddof=1))
