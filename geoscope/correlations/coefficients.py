"""Associations of two columns of numbers: Pearson's r, Spearman's rho, partial correlation, the least squares line.

Intervals are at 95 %: Fisher's z for r, of standard error 1 / sqrt(n - 3 - k) with k columns taken out; Bonett and
Wright's sqrt((1 + rho^2 / 2) / (n - 3)) for rho (Psychometrika 65:23, 2000). p values are two-sided: of Student's t
with n - 2 - k degrees of freedom, but for rho of up to 9 points, where all pairings of the ranks are counted. Intervals
and t come from what is off the line, so that a perfect line has neither.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import lru_cache
from math import atanh, copysign, exp, factorial, floor, inf, lgamma, sqrt, tanh

import numpy as np

from geoscope.correlations.correlations import PERFECT_POINTS, Correlation, FittedLine
from geoscope.rows import Float64, IntArray
from geoscope.statistics import NORMAL, ranks, upper_tail

ON_ONE_LINE = "the points are on one line to within rounding"
"""Why there is no judging a line: nothing is off it."""

_ROUNDING = 1e-10  # of a column's length: what is left below this is the rounding of what was taken out
_PERFECT = 1e-14  # 1 - r^2 up to this is the rounding of r
_COUNTED = 9  # points whose pairings are counted: 9! of them; from 10 on t is near enough
_LEAST = sys.float_info.min  # no p is 0: what is too small for a float is this at most


def pearson(x: Float64, y: Float64) -> Correlation:
    """Pearson's r of two columns of n numbers."""
    why = _why_undefined(x, y)
    if why is not None:
        return Correlation(value=None, n=len(x), reason=why)
    return _judged((x, y), (x - x.mean(), y - y.mean()), taken_out=0)


def spearman(x: Float64, y: Float64) -> Correlation:
    """Spearman's rho: Pearson's r of the ranks, ties sharing their mean rank."""
    why = _why_undefined(x, y)
    if why is not None:
        return Correlation(value=None, n=len(x), reason=why)
    n, (first, second) = len(x), (ranks(column) for column in (x, y))
    rho = _cosine(first - first.mean(), second - second.mean())
    if 1 - rho * rho > _PERFECT:
        interval, reason = _interval(rho, n, spread=1 + rho * rho / 2), _why_too_few(n)
    else:
        rho, interval = copysign(1.0, rho), None
        reason = f"the two orders are {'the same' if rho > 0 else 'opposite'}, and an interval comes from what is not"
    return Correlation(value=rho, n=n, interval=interval, p=_p_of_ranks(rho, first, second), reason=reason)


def partial(x: Float64, y: Float64, given: Float64, name: str = "what is given") -> Correlation:
    """Pearson's r of what is left of x and y when the columns of given, an (n, c) array, are regressed out.

    name: what a reason calls the columns.
    """
    why = _why_undefined(x, y)
    if why is not None:
        return Correlation(value=None, n=len(x), reason=why)
    basis = basis_of(given)
    rank = basis.shape[1]
    if rank == 0:
        return Correlation(value=None, n=len(x), reason=f"{name} is the same in all {len(x)} points")
    if len(x) - 2 - rank < 1:
        return Correlation(value=None, n=len(x), reason=f"{len(x)} points are too few to take {rank} columns out")
    left = []
    for role, column in (("measure", x), ("score", y)):
        centred = column - column.mean()
        rest = centred - basis @ (basis.T @ centred)
        if np.linalg.norm(rest) <= _ROUNDING * np.linalg.norm(centred):
            return Correlation(value=None, n=len(x), reason=f"{name} settles the {role} wholly")
        left.append(rest)
    return _judged((x, y), (left[0], left[1]), taken_out=rank)


def line(x: Float64, y: Float64) -> FittedLine | None:
    """The least squares line; None where x or y is constant, or its squares leave the range of floats."""
    if _why_undefined(x, y) is not None:
        return None
    n, away, height = len(x), x - x.mean(), y - y.mean()
    with np.errstate(over="ignore", invalid="ignore"):
        spread, every = float(away @ away), float(height @ height)
    if not (0 < spread < inf and 0 < every < inf):
        return None
    slope = float(away @ height) / spread
    rest = height - slope * away
    unexplained = float(rest @ rest)
    judged = n > 2 and unexplained > _rounding_of((x, y), (away, height)) * every
    return FittedLine(
        slope=slope,
        standard_error=sqrt(unexplained / (n - 2) / spread) if judged else None,
        intercept=float(y.mean() - slope * x.mean()),
        r2=1 - unexplained / every,
    )


def points_needed(r: float) -> int | None:
    """How many points the 95 % interval takes to exclude 0 when r stays as it is; None where r is 0 or near.

    A perfect one has no interval: there, how many its order's p takes to be below 5 %.
    """
    if abs(r) >= 1:
        return PERFECT_POINTS
    z = atanh(r)
    return None if abs(z) < 1e-3 else max(4, floor(3 + (NORMAL / z) ** 2) + 1)


def basis_of(columns: Float64) -> Float64:
    """Orthonormal columns that span those of an (n, c) array less their means: (n, rank)."""
    centred = columns - columns.mean(axis=0)
    sizes = np.linalg.norm(centred, axis=0)
    varying = sizes > _ROUNDING * np.linalg.norm(columns, axis=0)
    if not varying.any():
        return np.empty((len(columns), 0))
    left, values, _ = np.linalg.svd(centred[:, varying] / sizes[varying], full_matrices=False)
    kept: Float64 = left[:, values > _ROUNDING * values[0]]
    return kept


def is_constant(column: Float64) -> bool:
    """Whether the numbers are equal to within rounding."""
    return bool(np.ptp(column) <= 1e-12 * np.abs(column).max())


def _why_undefined(x: Float64, y: Float64) -> str | None:
    if len(x) < 3:
        return f"it takes at least 3 points, and there {'is' if len(x) == 1 else 'are'} {len(x) or 'none'}"
    for name, column in (("measure", x), ("score", y)):
        if is_constant(column):
            return f"the {name} is the same in all {len(x)} points"
    return None


_Pair = tuple[Float64, Float64]


def _judged(whole: _Pair, left: _Pair, *, taken_out: int) -> Correlation:
    """Pearson's r of what is left of two whole columns, with its interval and p."""
    n, r = len(whole[0]), _cosine(*left)
    if 1 - r * r <= _rounding_of(whole, left):
        why = f"{ON_ONE_LINE}, and an interval and a p come from what is off it"
        return Correlation(value=copysign(1.0, r), n=n, taken_out=taken_out, reason=why)
    return Correlation(
        value=r,
        n=n,
        taken_out=taken_out,
        interval=_interval(r, n - taken_out),
        p=_p_of_t(r, n - 2 - taken_out),
        reason=_why_too_few(n, taken_out),
    )


def _interval(value: float, n: int, *, spread: float = 1.0) -> tuple[float, float] | None:
    """95 %, of a coefficient of n points, those less that were taken out; spread: n - 3 times its Fisher z's variance.

    None for too few points.
    """
    if n <= 3:
        return None
    reach = NORMAL * sqrt(spread / (n - 3))
    return tanh(atanh(value) - reach), tanh(atanh(value) + reach)


def _why_too_few(n: int, taken_out: int = 0) -> str | None:
    """Why there is no interval for so few points; None where there is one."""
    if n > 3 + taken_out:
        return None
    return f"an interval takes at least {4 + taken_out} points, and there are {n}"


def _p_of_t(value: float, degrees: int) -> float:
    t = abs(value) * sqrt(degrees / (1 - value * value))
    return max(_LEAST, min(1.0, 2 * upper_tail(t, degrees)))


def _p_of_ranks(rho: float, first: Float64, second: Float64) -> float:
    """Two-sided: the share of all n! pairings of two columns' ranks whose rho is as far from 0 as theirs.

    Counted for few points. For many it is Student's t's, but not less than the share of those pairings that are
    theirs anew: where ties change places, and where everything is reversed.
    """
    n = len(first)
    if n <= _COUNTED:
        doubled = [(2 * column).astype(np.int64) for column in (first, second)]
        centre = doubled[0].sum() * doubled[1].sum()  # n times the mean over all pairings, a whole number
        counts = _pairings(*(tuple(sorted(column.tolist())) for column in doubled))
        distances = np.abs(n * np.arange(len(counts)) - centre)
        return int(counts[distances >= abs(n * (doubled[0] @ doubled[1]) - centre)].sum()) / factorial(n)
    ties = max(sum(lgamma(count + 1) for count in Counter(column.tolist()).values()) for column in (first, second))
    reversible = any(np.array_equal(np.sort(column), n + 1 - np.sort(column)[::-1]) for column in (first, second))
    least = exp(ties - lgamma(n + 1)) * (2 if reversible else 1)
    return max(_LEAST, least) if abs(rho) == 1 else max(_p_of_t(rho, n - 2), least)


@lru_cache(maxsize=1024)
def _pairings(first: tuple[int, ...], second: tuple[int, ...]) -> IntArray:
    """How many pairings of two lists of whole numbers have which sum of products: a count a sum, from 0 on.

    The first k of one go to k of the other in any order; the counts of such a set are those of its subsets of
    k - 1, moved by the product of the pair that is added. The answer depends on the ties alone: it is kept.
    """
    n, most = len(first), sum(a * b for a, b in zip(first, second, strict=True))
    counts = np.zeros((1 << n, most + 1), dtype=np.int64)
    counts[0, 0] = 1
    for taken in range(1, 1 << n):
        added = first[taken.bit_count() - 1]
        for place, other in enumerate(second):
            if taken >> place & 1:
                by = added * other
                counts[taken, by:] += counts[taken ^ 1 << place, : most + 1 - by]
    every: IntArray = counts[-1].copy()
    return every


def _rounding_of(whole: _Pair, left: _Pair) -> float:
    """1 - r^2 of two perfect columns up to rounding: of r, and of numbers much larger than what is left of them."""
    found = _PERFECT
    for column, rest in zip(whole, left, strict=True):
        largest = float(np.abs(column).max())
        away = float(np.linalg.norm(rest / largest))
        found += len(column) * (np.finfo(np.float64).eps / away) ** 2
    return found


def _cosine(a: Float64, b: Float64) -> float:
    """Of two columns of length above 0, each scaled first so that squares neither vanish nor overflow."""
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return min(1.0, max(-1.0, float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))))
