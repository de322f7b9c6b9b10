"""Estimates of one array, straight from the passes, for simulations."""

from __future__ import annotations

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
