"""Clouds of known kind whose rows come in dependent sequences, for simulations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Draw = Callable[[np.random.Generator, int, int], npt.NDArray[Any]]


def decaying(g: np.random.Generator, sequences: int, length: int, d: int = 24) -> npt.NDArray[Any]:
    """Gaussian rows of variances 1/i, half of each between sequences."""
    scale = np.sqrt(1 / np.arange(1, d + 1))
    own = g.standard_normal((sequences * length, d))
    return (np.repeat(g.standard_normal((sequences, d)), length, axis=0) + own) * scale


def clusters(g: np.random.Generator, sequences: int, length: int, d: int = 24) -> npt.NDArray[Any]:
    """Tight groups around ten centres; a sequence prefers three of them."""
    centres = np.random.default_rng(5).standard_normal((10, d)) * 2
    favourites = g.integers(0, 10, (sequences, 3))
    which = np.take_along_axis(favourites, g.integers(0, 3, (sequences, length)), axis=1).ravel()
    return centres[which] + 0.6 * g.standard_normal((sequences * length, d))


def curved(g: np.random.Generator, sequences: int, length: int, d: int = 24) -> npt.NDArray[Any]:
    """A three-dimensional sheet, rolled up by sines, with a little noise; a sequence keeps to a region of it."""
    mixing = np.random.default_rng(6).standard_normal((3, d))
    n = sequences * length
    place = np.repeat(g.uniform(-2, 2, (sequences, 3)), length, axis=0) + 0.5 * g.standard_normal((n, 3))
    return np.sin(place @ mixing) + 0.02 * g.standard_normal((n, d))


CLOUDS = {"decaying": decaying, "clusters": clusters, "curved": curved}
