"""Verdicts: what a difference, its interval and its adjusted p allow one to say. Never better or worse.

changed: the whole 95 % interval lies beyond the margin, and the adjusted p of no difference is at most 0.05. same: the
whole interval lies inside the margin. inconclusive: neither can be said; more sequences would tell.
unknown: there is no difference to judge, and the reason says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from geoscope.catalogue import range_of
from geoscope.comparisons.contrasts import Noise, degrees_of
from geoscope.comparisons.quantiles import critical, upper_tail

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


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """p adjusted so that calling those at most q changed keeps false ones, on average, to a share q."""
    order = sorted(range(len(p)), key=lambda place: p[place], reverse=True)
    adjusted, least = [0.0] * len(p), 1.0
    for rank, place in zip(range(len(p), 0, -1), order, strict=True):
        least = min(least, p[place] * len(p) / rank)
        adjusted[place] = least
    return adjusted


def holm(p: Sequence[float]) -> list[float]:
    """p adjusted so that one false call among all of them is as rare as one test's."""
    adjusted, most = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        most = max(most, min(1.0, p[place] * (len(p) - rank)))
        adjusted[place] = most
    return adjusted
