"""Which bars stand out from the noise: how many of the longest each rule keeps.

R1 is the relative-entropy rule (Atienza et al. 2016, arXiv 1605.02885), the same as the measure `prominent_bars`.
R2 is the rule of Q and C (Atienza et al. 2019, doi 10.1007/s10844-017-0473-4).
"""

from __future__ import annotations

from math import ceil, log

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures import prominent_bars
from geoscope.rows import Float64

_EQUAL = 1e-6  # bars this alike (shortest over longest, from 1) are all one length: R2 would answer with rounding
_LEAST = 4  # bars without which R2 has nothing between the longest and the two shortest


def whole_count(bars: Float64, factor: float = 1.0) -> int:
    """All of them."""
    return len(bars)


def relative_count(bars: Float64, factor: float = 1.0) -> int:
    """How many bars R1 keeps, stopping at the first that fails (maybe 0); all where all are of one length."""
    try:
        return int(prominent_bars.formula(bars))
    except Undefined:
        return len(bars)


def strict_count(bars: Float64, factor: float = 1.0) -> int:
    """How many bars R2 keeps, without the one that fails its test. Undefined below four."""
    return _r2_count(bars, factor, failing=0)


def published_count(bars: Float64, factor: float = 1.0) -> int:
    """How many bars R2 keeps as arXiv 2501.05502's code runs it, with the bar that fails. Undefined below four."""
    return _r2_count(bars, factor, failing=1)


def _r2_count(bars: Float64, factor: float, failing: int) -> int:
    """R2 on positive bars. factor: what Q is multiplied by before it is rounded up; more keeps more.

    failing: how many bars to keep from the first on that is below its neutral length.

    Between the longest T and the shortest r, bars are held against C one after the other; where more pass than Q,
    those that failed are dropped and the rest is held against C anew.
    """
    if len(bars) < _LEAST:
        raise Undefined(f"expected at least {_LEAST} bars to select from, got {len(bars)}")
    ordered = np.sort(bars)[::-1] / np.max(bars)
    shortest = float(ordered[-1])
    if shortest >= 1.0 - _EQUAL:
        return len(bars)
    share = shortest * (shortest - 1.0 - log(shortest)) / (1.0 - shortest) ** 2
    middle = ordered[1:-1]
    while len(middle) > 1:
        n = len(middle) + 2
        passed, stopped = _passing(np.concatenate([middle, [shortest, 1.0]]))
        kept = passed + failing * stopped
        if passed + stopped <= ceil(n * share * factor):
            return 1 + kept
        middle = middle[:kept]
    return 1 + len(middle)


def _passing(bars: Float64) -> tuple[int, bool]:
    """How many of the first n - 3 bars are at least as long as their neutral length, and whether one then fails.

    C_i = S(L'_(i-1))/S(L'_i), where L'_i has its first i bars replaced by l'_i = exp(sum l ln l / sum l) of the rest.
    """
    rest = np.cumsum(bars[::-1])[::-1]
    logs = np.cumsum((bars * np.log(bars))[::-1])[::-1]
    places = np.arange(len(bars) - 2)
    sums = rest[:-2] + places * np.exp(logs[:-2] / rest[:-2])
    below = np.flatnonzero(sums[:-1] < sums[1:])
    return (int(below[0]), True) if len(below) else (len(bars) - 3, False)
