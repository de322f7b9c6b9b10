"""How sure a difference over seeds is, and a trend of scores with geometry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from geoscope.rows import Float64, IntArray


class Part(BaseModel):
    """Frozen; NaN and Infinity are refused."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Paired(Part):
    """The mean difference of runs that share their seeds, and the paired t test that it is 0."""

    difference: float
    interval: tuple[float, float] | None = Field(default=None, description="95 %, of the mean difference")
    p: float | None = Field(default=None, description="two-sided")
    p_adjusted: float | None = Field(default=None, description="by Holm, over the arms of the study")
    seeds: int
    reason: str | None = Field(default=None, description="why there is no p, in a sentence")


class Trend(Part):
    """Over the runs of one regularizer's settings and of none, each seed's mean taken out: score against geometry."""

    regularizer: str
    score: str
    cloud: str
    measure: str
    slope: float | None = Field(default=None, description="score for one unit of the measure")
    correlation: float | None = Field(default=None, description="Pearson's, within seeds")
    p: float | None = Field(default=None, description="of no trend, two-sided")
    p_adjusted: float | None = Field(default=None, description="by Holm, over the trends of this regularizer and score")
    runs: int
    settings: int
    reason: str | None = None


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
    """A line of y on x: its slope, the correlation, p of no trend, or the reason why there are none."""

    slope: float | None
    correlation: float | None
    p: float | None
    reason: str | None


def within_seeds(points: Sequence[tuple[float, float, int]]) -> Slope:
    """The line of y on x over points (x, y, seed), each seed's mean taken out of both.

    p is of Student's t with n - (number of seeds) - 1 degrees of freedom.
    """
    from scipy.stats import t

    _, place = np.unique([seed for _, _, seed in points], return_inverse=True)
    x, y = (_without_means(np.array([point[axis] for point in points]), place) for axis in (0, 1))
    freedom = len(points) - int(np.max(place, initial=-1)) - 2
    xx, yy = float(x @ x), float(y @ y)
    if freedom < 1:
        return Slope(None, None, None, "too few runs")
    if xx <= 0.0 or yy <= 0.0:
        return Slope(None, None, None, "the runs of a seed are all the same")
    r = float(np.clip(x @ y / np.sqrt(xx * yy), -1.0, 1.0))
    rest = 1.0 - r * r
    p = float(2 * t.sf(abs(r) * np.sqrt(freedom / rest), freedom)) if rest > 0 else 0.0
    return Slope(float(x @ y) / xx, r, p, None)


def _without_means(values: Float64, place: IntArray) -> Float64:
    """Values less the mean of those at the same place."""
    if not len(values):
        return values
    means: Float64 = np.bincount(place, weights=values) / np.bincount(place)
    return values - means[place]


def holm(probabilities: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p values; those that are None stay so and do not count."""
    known = sorted((p, place) for place, p in enumerate(probabilities) if p is not None)
    found: list[float | None] = [None] * len(probabilities)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        found[place] = largest
    return found
