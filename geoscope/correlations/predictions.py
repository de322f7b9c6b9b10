"""Predicting scores: how far off a line is on points it was not fitted to, and what it says of a new one."""

from __future__ import annotations

from math import sqrt

import numpy as np

from geoscope.correlations.coefficients import basis_of, line
from geoscope.rows import Float64, IntArray
from geoscope.statistics import critical

_UNDETERMINED = 1e-9  # 1 - leverage below this: without these points nothing fixes the line


def left_out_error(columns: Float64, y: Float64, groups: IntArray) -> float | None:
    """Root mean squared error of each group's scores on the regression fitted to all other groups.

    columns: (n, c), regressed on beside a constant; c = 0 predicts the mean. groups: (n,), one number a group that is
    left out together. None where the points that remain do not fix the regression.
    From one fit: with H the projection on constant and columns, the errors of group G are (I - H_GG)^-1 e_G.
    """
    n, basis = len(y), basis_of(columns) if columns.shape[1] else columns
    if basis.shape[1] < columns.shape[1]:
        return None
    basis = np.column_stack([np.full(n, 1 / sqrt(n)), basis])
    rest = y - basis @ (basis.T @ y)
    total = 0.0
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        remaining = np.eye(len(members)) - basis[members] @ basis[members].T
        if np.linalg.eigvalsh(remaining)[0] < _UNDETERMINED:
            return None
        errors = np.linalg.solve(remaining, rest[members])
        total += float(errors @ errors)
    return sqrt(total / n)


def predicted_score(x: Float64, y: Float64, value: float) -> tuple[float, tuple[float, float] | None] | None:
    """The line's score at a value, and the 95 % interval of one new score there (Student's t of n - 2 degrees).

    None where there is no line, or two points leave nothing to judge it by; no interval on a perfect line.
    """
    fitted, n = line(x, y), len(x)
    if fitted is None or n < 3:
        return None
    score = fitted.intercept + fitted.slope * value
    if fitted.standard_error is None:
        return score, None
    rest = y - fitted.intercept - fitted.slope * x
    away = x - x.mean()
    noise = float(rest @ rest) / (n - 2) * (1 + 1 / n + (value - float(x.mean())) ** 2 / float(away @ away))
    reach = critical(0.025, n - 2) * sqrt(noise)
    return score, (score - reach, score + reach)
