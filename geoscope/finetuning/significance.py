"""How sure a difference over seeds is, and a trend of scores with geometry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from geoscope.correlations.coefficients import partial, pearson
from geoscope.finetuning.outcome import Paired
from geoscope.rows import Float64, IntArray


def paired(values: Sequence[float], base: Sequence[float]) -> Paired:
    """The test of values against base, seed by seed."""
    from scipy.stats import t

    change = np.asarray(values, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    n, mean = len(change), float(np.mean(change))
    if n < 2:
        return Paired(difference=mean, seeds=n, reason="one seed has no spread")
    error = float(np.std(change, ddof=1)) / np.sqrt(n)
    if not error > 1e-12 * float(np.max(np.abs(np.concatenate([values, base])), initial=0.0)):
        return Paired(difference=mean, seeds=n, reason="every seed has the same difference")
    half = float(t.ppf(0.975, n - 1)) * error
    return Paired(
        difference=mean,
        interval=(mean - half, mean + half),
        p=float(2 * t.sf(abs(mean / error), n - 1)),
        seeds=n,
    )


class Slope(NamedTuple):
    """A line of y on x: its slope, the correlation, p of no trend, and the reason for what is lacking of these."""

    slope: float | None
    correlation: float | None
    p: float | None
    reason: str | None


def within_seeds(points: Sequence[tuple[float, float, int]]) -> Slope:
    """The line of y on x over points (x, y, seed), each seed's mean taken out of both.

    What cannot be said, and why, is as in `partial`, with an indicator of each seed taken out.
    """
    _, place = np.unique([seed for _, _, seed in points], return_inverse=True)
    seeds = int(np.max(place, initial=-1)) + 1
    if len(points) - seeds - 1 < 1:
        return Slope(None, None, None, "too few runs")
    x, y = (np.array([point[axis] for point in points], dtype=np.float64) for axis in (0, 1))
    indicators = (place[:, None] == np.arange(1, seeds)).astype(np.float64)
    found = partial(x, y, indicators, "the seed") if seeds > 1 else pearson(x, y)
    if found.value is None:
        return Slope(None, None, None, found.reason)
    away, height = (_without_means(column, place) for column in (x, y))
    slope = float(away @ height) / float(away @ away)
    return Slope(slope, found.value, found.p, None if found.p is not None else found.reason)


def _without_means(values: Float64, place: IntArray) -> Float64:
    """Values less the mean of those at the same place."""
    means: Float64 = np.bincount(place, weights=values) / np.bincount(place)
    return values - means[place]
