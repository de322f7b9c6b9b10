"""Rounding: how far apart rows must be for their differences to be more than the rounding of their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from geoscope.errors import EQUAL_UP_TO_ROUNDING, Undefined
from geoscope.rows import FloatArray

STEPS = 8
"""Within so many steps of their floating-point type rows are equal up to rounding: a model's arithmetic adds up."""


def step_of(dtype: np.dtype[Any]) -> float:
    """The relative distance from one number of a floating-point type to the next."""
    return float(np.finfo(dtype).eps)


def check_spread(radius: float, length: float, step: float) -> None:
    """Raise Undefined where rows lie within STEPS steps of their mean's length about it.

    radius: root mean square distance of the rows from their mean; length: of the mean, in the same unit.
    """
    if length > 0 and radius <= STEPS * step * length:
        raise Undefined(
            f"{EQUAL_UP_TO_ROUNDING}: about their mean they spread by {radius / length:.1g} of its length, and numbers "
            f"of their type are the same within {step:.1g}; what would be measured is rounding"
        )


def rounding_distance(rows: FloatArray) -> float:
    """How far rounding may put equal rows (n, d) apart: STEPS steps of the median length of some, spread over all."""
    some = np.asarray(rows[:: 1 + (len(rows) - 1) // 1024], dtype=np.float64)
    unit = 2.0 ** (
        float(np.frexp(np.abs(some).max(initial=0.0))[1]) - 1
    )  # squares of the rows themselves may be out of range
    return float(STEPS * step_of(rows.dtype) * np.median(np.linalg.norm(some / unit, axis=1)) * unit)
