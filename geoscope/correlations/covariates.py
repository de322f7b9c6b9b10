"""Covariates: columns that can be taken out of a correlation, as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoscope.correlations.correlations import LOG
from geoscope.correlations.joined_points import JoinedPoint
from geoscope.errors import GeoscopeError
from geoscope.rows import Float64
from geoscope.wording import listed


def parse_given(texts: Sequence[str]) -> list[list[str]]:
    """Lists of columns that are taken out together, from texts such as "noise_level,parameters"."""
    lists = [[name.strip() for name in text.split(",") if name.strip()] for text in texts]
    if not all(lists):
        raise GeoscopeError("expected --given to name a column, got nothing; name one, or several with commas between")
    return lists


def column_of(name: str) -> str:
    """The column that log:COLUMN, or COLUMN itself, is made from."""
    return name.removeprefix(LOG)


def columns_of(points: Sequence[JoinedPoint], names: Sequence[str]) -> Float64:
    """The named columns of n points as an (n, c) array.

    Words become indicators, one a word but for the first. Raises GeoscopeError where a point lacks a column, or its
    logarithm is asked for and it is below 0.
    """
    parts = [_one(points, name) for name in names]
    return np.hstack(parts) if parts else np.empty((len(points), 0))


def logarithms(values: Float64) -> Float64:
    """Natural logarithms, 0 counting as half of the smallest value above it."""
    above = values[values > 0]
    floor = above.min() / 2 if len(above) else 1.0
    logs: Float64 = np.log(np.where(values > 0, values, floor))
    return logs


def _one(points: Sequence[JoinedPoint], name: str) -> Float64:
    column = column_of(name)
    cells = [point.columns.get(column) for point in points]
    lacking = [str(point.case) for point, cell in zip(points, cells, strict=True) if cell is None]
    if lacking:
        raise GeoscopeError(
            f"expected the column {column} of --given for every subject, got none for {listed(lacking)}; add it to the "
            "scores"
        )
    if any(isinstance(cell, str) for cell in cells):
        if name != column:
            raise GeoscopeError(f"expected numbers in {column} for its logarithm, got words; give {column} alone")
        words = [str(cell) for cell in cells]
        levels = list(dict.fromkeys(words))[1:]
        return np.array([[float(word == level) for level in levels] for word in words]).reshape(len(words), len(levels))
    values = np.array(cells, dtype=np.float64)
    if name == column:
        return values[:, None]
    if values.min(initial=0.0) < 0:
        raise GeoscopeError(f"expected {column} to be 0 or more for {name}, got {values.min():g}; give {column} alone")
    return logarithms(values)[:, None]
