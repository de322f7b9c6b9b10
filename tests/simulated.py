"""Estimates of one array, straight from the passes, for simulations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoscope.catalogue import KEYS, QUANTIZED, TRAITS
from geoscope.estimates.estimator import Estimate, Estimator, measured
from geoscope.passes.asked_sums import ASKED
from geoscope.passes.gathering import GROUPS
from geoscope.passes.moments import Frame, Moments, Sums
from geoscope.passes.passes import Passes, PassSettings
from geoscope.passes.quantizers.codebooks import QuantizerSettings
from geoscope.rows import Float64, IntArray

WITH_ERROR = [key for key in KEYS if TRAITS[key].error != "none"]
UNQUANTIZED = [key for key in WITH_ERROR if key not in QUANTIZED]
SETTINGS = PassSettings(QuantizerSettings("kmeans", codebooks=1, bits=3))


def estimate(rows: Float64, sequences: IntArray, keys: list[str], **options: object) -> dict[str, Estimate]:
    """Every key's estimate on rows (n, d) of these sequences, with standard errors and no nulls."""
    frame, positions = Frame.around(rows), _positions(sequences)
    parts = [Sums(frame, frozenset(ASKED)) for _ in range(GROUPS)]
    for group, sums in enumerate(parts):
        mine = sequences % GROUPS == group
        sums.add(rows[mine], positions[mine], sequences[mine])
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part

    def without() -> list[Moments]:
        return [(whole - part).moments() for part in parts]

    passes = Passes(whole.moments(), rows, sequences, SETTINGS)
    estimator = Estimator(passes, {}, without, null="none", **options)  # type: ignore[arg-type]
    return {key: estimator.estimate(key) for key in keys}


def values(rows: Float64, sequences: IntArray, keys: list[str]) -> dict[str, float]:
    """Every key's value only."""
    frame = Frame.around(rows)
    sums = Sums(frame, frozenset(ASKED))
    sums.add(rows, _positions(sequences), sequences)
    passes = Passes(sums.moments(), rows, sequences, SETTINGS)
    return {key: measured(key).formula(**{name: passes.get(name) for name in measured(key).passes}) for key in keys}


def structureless(
    n: int, d: int, draws: int, keys: Sequence[str] = KEYS, *, length: int = 5
) -> dict[str, tuple[Float64, Float64]]:
    """Every key's values and nulls, NaN where it has none, of isotropic Gaussian clouds of n rows, some a sequence."""
    given = {"groups": np.arange(n) // length, "positions": np.arange(n) % 5}
    found: dict[str, list[Estimate]] = {key: [] for key in keys}
    for draw in range(draws):
        rows = np.random.default_rng([n, d, draw]).standard_normal((n, d))
        passes = Passes.over(rows, **given, quantizer="kmeans", codebooks=1, bits=3, seed=draw, asked=ASKED)
        estimator = Estimator(passes, {}, None, null="matched")
        for key, estimates in found.items():
            estimates.append(estimator.estimate(key))
    return {key: tuple(np.array([[e.value, e.null] for e in each], dtype=float).T) for key, each in found.items()}


def _positions(sequences: IntArray) -> IntArray:
    """Each row's place in its sequence, rows of one next to each other."""
    return np.arange(len(sequences)) - np.searchsorted(sequences, sequences)
