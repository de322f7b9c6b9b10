"""Statistics: Student's t, p values adjusted for their number, the jackknife, ranks.

From the standard library alone: a comparison of reports loads no numerics, and scipy.stats would take half a second of
every command that did. Ranks take arrays, and load numpy where they are asked for.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from math import exp, lgamma, log, log1p, pi, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy.typing as npt

    from geoscope.rows import Float64

NORMAL = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""

_TINY = 1e-300
_STEPS = 10_000


def upper_tail(t: float, degrees: float) -> float:
    """P(T > t) for Student's T with `degrees` (any real number above 0) degrees of freedom."""
    if not degrees > 0:
        raise ValueError(f"degrees of freedom must be above 0, not {degrees}")
    if t < 0:
        return 1 - upper_tail(-t, degrees)
    square = t * t
    # Both shares as quotients, since 1 - share would lose the digits of a small one.
    return 0.5 * _beta_share(degrees / (degrees + square), square / (degrees + square), degrees / 2, 0.5)


@lru_cache(maxsize=4096)
def critical(tail: float, degrees: float) -> float:
    """The t above which Student's T falls with probability `tail`, 0 < tail <= 0.5.

    The upper tail is convex above 0, so that Newton's steps from 0 come up to the root and never pass it.
    """
    if not 0 < tail <= 0.5:
        raise ValueError(f"the tail must hold a probability above 0 and at most 0.5, not {tail}")
    t = 0.0
    for _ in range(_STEPS):
        step = (upper_tail(t, degrees) - tail) / _density(t, degrees)
        t += step
        if step <= 1e-13 * max(t, 1.0):
            break
    return t


def _density(t: float, degrees: float) -> float:
    scale = lgamma((degrees + 1) / 2) - lgamma(degrees / 2) - 0.5 * log(degrees * pi)
    return exp(scale - (degrees + 1) / 2 * log1p(t * t / degrees))


def _beta_share(x: float, rest: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), with rest = 1 - x."""
    if x <= 0:
        return 0.0
    if rest <= 0:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest))
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast; its mirror image elsewhere
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(rest, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of I_x(a, b) by Lentz's method (Numerical Recipes, section 6.4)."""
    c, d = 1.0, _away_from_zero(1 - (a + b) * x / (a + 1))
    d = 1 / d
    value = d
    for m in range(1, _STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def _away_from_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY


def welch_degrees(first: float, first_degrees: float, second: float, second_degrees: float) -> float:
    """Welch and Satterthwaite's degrees of freedom of a difference, from two standard errors and their degrees."""
    most = max(first, second)
    if most == 0:
        return first_degrees + second_degrees
    a, b = (first / most) ** 2, (second / most) ** 2  # scaled, so that fourth powers do not vanish
    return (a + b) ** 2 / (a * a / first_degrees + b * b / second_degrees)


def jackknife_error(replicates: Sequence[float]) -> float:
    """sqrt((G - 1)/G sum (r - mean r)^2) over G replicates, each a number without one of G equal groups."""
    count = len(replicates)
    mean = sum(replicates) / count
    return sqrt((count - 1) / count * sum((value - mean) ** 2 for value in replicates))


def benjamini_hochberg(p: Sequence[float | None], tests: Sequence[Hashable] | None = None) -> list[float | None]:
    """p adjusted so that calling those at most q changed keeps false ones, on average, to a share q.

    None stays None and does not count. tests: what each p is of; those of one test count once.
    """
    if tests is not None:
        firsts = {test: place for place, test in reversed(list(enumerate(tests)))}
        once = benjamini_hochberg([p[place] if firsts[test] == place else None for place, test in enumerate(tests)])
        return [once[firsts[test]] for test in tests]
    known = sorted(((each, place) for place, each in enumerate(p) if each is not None), reverse=True)
    adjusted: list[float | None] = [None] * len(p)
    least = 1.0
    for rank, (each, place) in zip(range(len(known), 0, -1), known, strict=True):
        least = min(least, each * len(known) / rank)
        adjusted[place] = least
    return adjusted


def holm(p: Sequence[float | None]) -> list[float | None]:
    """p adjusted so that one false call among all is as rare as one test's. None stays None and does not count."""
    known = sorted((each, place) for place, each in enumerate(p) if each is not None)
    adjusted: list[float | None] = [None] * len(p)
    most = 0.0
    for rank, (each, place) in enumerate(known):
        most = max(most, min(1.0, each * (len(known) - rank)))
        adjusted[place] = most
    return adjusted


def ranks(values: npt.ArrayLike) -> Float64:
    """Ranks from 1, those of equal values their mean."""
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: Float64 = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return found
