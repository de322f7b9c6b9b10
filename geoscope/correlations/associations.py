"""Associations of two columns of numbers: Pearson's r, Spearman's rho, partial correlation, the least squares line.

Intervals are at 95 %: Fisher's z for r, of standard error 1 / sqrt(n - 3 - k) with k columns taken out; Bonett and
Wright's sqrt((1 + rho^2 / 2) / (n - 3)) for rho (Psychometrika 65:23, 2000). p values are two-sided, of Student's t
with n - 2 - k degrees of freedom.
"""

from __future__ import annotations

from math import atanh, floor, sqrt, tanh

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from geoscope.comparisons.quantiles import upper_tail
from geoscope.rows import Float64

NORMAL = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""

_ROUNDING = 1e-10  # of a column's length: what is left below this is the rounding of what was taken out


class Part(BaseModel):
    """Frozen; NaN and Infinity are refused."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Correlation(Part):
    """A coefficient from -1 to 1, and how sure it is."""

    value: float | None
    n: int = Field(description="points, or level means, it was computed from")
    interval: tuple[float, float] | None = Field(default=None, description="95 %; null for too few points")
    p: float | None = Field(default=None, description="of no association, two-sided")
    p_adjusted: float | None = Field(default=None, description="Benjamini-Hochberg over the table's rows")
    reason: str | None = Field(default=None, description="why the value is null, in a sentence")


class Line(Part):
    """The least squares line of the score over the measure."""

    slope: float
    standard_error: float | None = Field(description="of the slope; null for two points")
    intercept: float
    r2: float


def pearson(x: Float64, y: Float64) -> Correlation:
    """Pearson's r of two columns of n numbers."""
    why = _why_undefined(x, y)
    if why is not None:
        return Correlation(value=None, n=len(x), reason=why)
    return _judged(_cosine(x - x.mean(), y - y.mean()), len(x), taken_out=0)


def spearman(x: Float64, y: Float64) -> Correlation:
    """Spearman's rho: Pearson's r of the ranks, ties sharing their mean rank."""
    why = _why_undefined(x, y)
    if why is not None:
        return Correlation(value=None, n=len(x), reason=why)
    first, second = (_ranks(column) for column in (x, y))
    rho = _cosine(first - first.mean(), second - second.mean())
    return _judged(rho, len(x), taken_out=0, spread=1 + rho**2 / 2)


def partial(x: Float64, y: Float64, given: Float64) -> Correlation:
    """Pearson's r of what is left of x and y when the columns of given, an (n, c) array, are regressed out."""
    why = _why_undefined(x, y)
    if why is not None:
        return Correlation(value=None, n=len(x), reason=why)
    basis = basis_of(given)
    rank = basis.shape[1]
    if rank == 0:
        return Correlation(value=None, n=len(x), reason=f"what is given is the same in all {len(x)} points")
    if len(x) - 2 - rank < 1:
        return Correlation(value=None, n=len(x), reason=f"{len(x)} points are too few to take {rank} columns out")
    left = []
    for name, column in (("measure", x), ("score", y)):
        centred = column - column.mean()
        rest = centred - basis @ (basis.T @ centred)
        if np.linalg.norm(rest) <= _ROUNDING * np.linalg.norm(centred):
            return Correlation(value=None, n=len(x), reason=f"what is given settles the {name} wholly")
        left.append(rest)
    return _judged(_cosine(*left), len(x), taken_out=rank)


def line(x: Float64, y: Float64) -> Line | None:
    """The least squares line; None where x or y is constant."""
    if _why_undefined(x, y) is not None:
        return None
    n, away, height = len(x), x - x.mean(), y - y.mean()
    spread = float(away @ away)
    slope = float(away @ height) / spread
    rest = height - slope * away
    unexplained = float(rest @ rest)
    return Line(
        slope=slope,
        standard_error=sqrt(unexplained / (n - 2) / spread) if n > 2 else None,
        intercept=float(y.mean() - slope * x.mean()),
        r2=1 - unexplained / float(height @ height),
    )


def points_needed(r: float) -> int | None:
    """How many points the 95 % interval takes to exclude 0 when r stays as it is; None where r is 0 or near."""
    if abs(r) >= 1:
        return 4
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


def _judged(value: float, n: int, *, taken_out: int, spread: float = 1.0) -> Correlation:
    """The coefficient with its interval and p; spread: n - 3 - k times the variance of its Fisher z."""
    degrees, room = n - 2 - taken_out, n - 3 - taken_out
    certain = 1 - value * value <= 0
    interval = None
    if certain:
        interval = (value, value)
    elif room > 0:
        reach = NORMAL * sqrt(spread / room)
        interval = (tanh(atanh(value) - reach), tanh(atanh(value) + reach))
    p = 0.0 if certain else min(1.0, 2 * upper_tail(abs(value) * sqrt(degrees / (1 - value * value)), degrees))
    return Correlation(value=value, n=n, interval=interval, p=p)


def _cosine(a: Float64, b: Float64) -> float:
    """Of two columns of length above 0, each scaled first so that squares neither vanish nor overflow."""
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return min(1.0, max(-1.0, float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))))


def _ranks(column: Float64) -> Float64:
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Float64 = (ends - (counts - 1) / 2)[place]
    return ranks
