"""Finiteness: how many rows hold NaN or infinity, found at the cost of a sum."""

from __future__ import annotations

import numpy as np

from geoscope.rows import FloatArray


def non_finite_rows(rows: FloatArray) -> int:
    """How many of the (m, d) rows hold a value that is not finite.

    A sum over all values is finite only if they all are, so the values are looked at one by one only when it
    is
    not: then they may still all be finite, and large.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total = rows.sum()
    return 0 if np.isfinite(total) else int((~np.isfinite(rows).all(axis=1)).sum())
