"""Verdicts: what a difference, its interval and its adjusted p allow one to say. Never better or worse.

changed: the whole 95 % interval lies beyond the margin, and the adjusted p of no difference is at most 0.05. same: the
whole interval lies inside the margin. inconclusive: neither can be said; more sequences would tell.
unknown: there is no difference to judge, and the reason says why.
"""

from __future__ import annotations

from math import inf, isfinite, log
from typing import TYPE_CHECKING, Literal

from geoscope.catalogue import TRAITS
from geoscope.comparisons.difference_errors import Noise, degrees_of
from geoscope.statistics import critical, upper_tail

if TYPE_CHECKING:
    from geoscope.report import Measurement

Verdict = Literal["changed", "same", "inconclusive", "unknown"]
LEVEL = 0.05


def interval(difference: float, noise: Noise) -> tuple[float, float]:
    """The 95 % t-interval of a difference."""
    reach = critical(LEVEL / 2, noise.degrees) * noise.standard_error if noise.standard_error else 0.0
    return difference - reach, difference + reach


def interval_of_value(row: Measurement) -> tuple[float, float] | None:
    """The 95 % t-interval of a measurement's value, inside what the measure can be; None without value or error."""
    if row.value is None or row.standard_error is None:
        return None
    low, high = interval(row.value, Noise(row.standard_error, degrees_of(row), False))
    if not (isfinite(low) and isfinite(high)):  # of an error near the end of what a float holds
        return None
    lowest, highest = range_of(row.measure, row.n)
    if not lowest <= row.value <= highest:  # of another scale than the catalogue's
        return low, high
    return max(low, lowest), min(high, highest)


def two_sided(difference: float, noise: Noise) -> float:
    """The p of no difference."""
    if not noise.standard_error:
        return 1.0 if difference == 0 else 0.0
    return min(1.0, 2 * upper_tail(abs(difference) / noise.standard_error, noise.degrees))


def judge(bounds: tuple[float, float], adjusted: float, allowance: float) -> Verdict:
    """The verdict on a difference by its interval; allowance: the margin in the measure's own unit, not negative."""
    low, high = bounds
    if -allowance <= low and high <= allowance:
        return "same"
    if (low > allowance or high < -allowance) and adjusted <= LEVEL:
        return "changed"
    return "inconclusive"


def range_of(key: str, n: int) -> tuple[float, float]:
    """Where a measure of n rows must lie, as far as n tells; infinities where nothing bounds it."""
    if key not in TRAITS:
        return -inf, inf
    traits = TRAITS[key]
    lowest = -inf if traits.lowest is None else traits.lowest
    if traits.highest is None and traits.offset == "ln m":
        return lowest, log(max(n - 1, 1))  # at most n - 1 bars
    return lowest, inf if traits.highest is None else traits.highest


def offset_of(key: str) -> str:
    """Where the part of a measure's value that can move starts."""
    return TRAITS[key].offset if key in TRAITS else "0"


def margin_scale(key: str, value: float, n: int) -> float:
    """What a margin is a share of: how far a value, from n rows, is from where the part of it that can move starts."""
    return abs(value - {"0": 0.0, "1": 1.0, "ln m": log(max(n - 1, 1))}[offset_of(key)])
