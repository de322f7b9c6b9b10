"""Clouds of known kind whose rows come in dependent sequences, for simulations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geoscope.catalogue import KEYS
from geoscope.estimates import Estimate, Estimator, measured
from geoscope.gathering import GROUPS
from geoscope.moments import Frame, Moments, Sums
from geoscope.passes import Passes, PassSettings
from geoscope.rows import Float64, IntArray

UNQUANTIZED = [
    key
    for key in KEYS
    if not key.startswith(("patchiness", "reconstruction")) and key not in ("prominent_bars", "first_position_energy")
]

Draw = Callable[[np.random.Generator, int, int], Float64]


def decaying(g: np.random.Generator, sequences: int, length: int, d: int = 24) -> Float64:
    """Gaussian rows of variances 1/i, half of each between sequences."""
    scale = np.sqrt(1 / np.arange(1, d + 1))
    own = g.standard_normal((sequences * length, d))
    return (np.repeat(g.standard_normal((sequences, d)), length, axis=0) + own) * scale


def clusters(g: np.random.Generator, sequences: int, length: int, d: int = 24) -> Float64:
    """Tight groups around ten centres; a sequence prefers three of them."""
    centres = np.random.default_rng(5).standard_normal((10, d)) * 2
    favourites = g.integers(0, 10, (sequences, 3))
    which = np.take_along_axis(favourites, g.integers(0, 3, (sequences, length)), axis=1).ravel()
    return centres[which] + 0.6 * g.standard_normal((sequences * length, d))


def curved(g: np.random.Generator, sequences: int, length: int, d: int = 24) -> Float64:
    """A three-dimensional sheet, rolled up by sines, with a little noise; a sequence keeps to a region of it."""
    mixing = np.random.default_rng(6).standard_normal((3, d))
    n = sequences * length
    place = np.repeat(g.uniform(-2, 2, (sequences, 3)), length, axis=0) + 0.5 * g.standard_normal((n, 3))
    return np.sin(place @ mixing) + 0.02 * g.standard_normal((n, d))


CLOUDS = {"decaying": decaying, "clusters": clusters, "curved": curved}


def estimate(rows: Float64, sequences: IntArray, keys: list[str], **options: object) -> dict[str, Estimate]:
    """Every key's estimate on rows (n, d) of these sequences, with standard errors and no nulls."""
    frame = Frame.around(rows)
    parts = [Sums(frame) for _ in range(GROUPS)]
    for group, sums in enumerate(parts):
        mine = sequences % GROUPS == group
        sums.add(rows[mine], None, sequences[mine])
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part

    def without() -> list[Moments]:
        return [(whole - part).moments() for part in parts]

    passes = Passes(whole.moments(), rows, sequences, PassSettings())
    estimator = Estimator(passes, {}, without, null="none", **options)  # type: ignore[arg-type]
    return {key: estimator.estimate(key) for key in keys}


def values(rows: Float64, sequences: IntArray, keys: list[str]) -> dict[str, float]:
    """Every key's value only."""
    frame = Frame.around(rows)
    sums = Sums(frame)
    sums.add(rows, None, sequences)
    passes = Passes(sums.moments(), rows, sequences, PassSettings())
    return {key: measured(key).formula(**{name: passes.get(name) for name in measured(key).passes}) for key in keys}
