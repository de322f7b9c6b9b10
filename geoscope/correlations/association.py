"""Relating one measure to the scores on one task: every number of an association, from its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from geoscope.correlations.coefficients import ON_ONE_LINE, line, partial, pearson, spearman
from geoscope.correlations.correlations import (
    LEVEL,
    LOG,
    Association,
    LeftOutError,
    LevelAlone,
    Partial,
    Prediction,
    Repeats,
    ScatterPoint,
)
from geoscope.correlations.covariates import columns_of, logarithms
from geoscope.correlations.joined_points import JoinedPoint
from geoscope.correlations.measured_numbers import MeasureColumn, Number, Numbers
from geoscope.correlations.predictions import left_out_error, predicted_score
from geoscope.rows import Float64, IntArray

FEWEST = 3
"""Points below which nothing is said."""


def relate(
    task: str,
    column: MeasureColumn,
    points: Sequence[JoinedPoint],
    given: Sequence[list[str]] | None,
    newcomers: Numbers,
    *,
    model: str | None = None,
    first: Sequence[str] = (),
) -> Association:
    """One measure of one layer against the scores on one task.

    given: lists of columns, each taken out in turn; None: the noise level and its logarithm, where all points have
    one. newcomers: subjects whose score the measure is to predict. model: the one whose points these are. first:
    columns that are taken out by themselves, and beside every list.
    """
    x = np.array([point.x for point in points], dtype=np.float64)
    y = np.array([point.y for point in points], dtype=np.float64)
    levels, groups = _levels(points), _groups(points)
    repeated = len(np.unique(groups)) < len(points)
    if given is None:
        given = [] if levels is None else [[LEVEL], [LOG + LEVEL]]
    if first:
        given = [list(first), *([*first, *names] for names in given)]
    enough = len(points) >= FEWEST
    return Association(
        task=task,
        model=model,
        layer=column.layer,
        measure=column.measure,
        quantizer=column.quantizer,
        n=len(points),
        pearson=pearson(x, y),
        spearman=spearman(x, y),
        line=line(x, y),
        level=None if levels is None else _level_alone(levels, y),
        partials=[_partial(x, y, points, names) for names in given] if enough else [],
        left_out=_left_out(x, y, levels, groups, repeated) if enough else None,
        repeats=_repeats(x, y, groups) if repeated else None,
        predictions=_predictions(x, y, column, newcomers),
        points=[_scatter(point) for point in points],
    )


def _levels(points: Sequence[JoinedPoint]) -> Float64 | None:
    """The noise levels, where every point has one and they are not all the same."""
    levels = [point.case.noise_level for point in points if point.case.noise_level is not None]
    if len(levels) < len(points) or len(set(levels)) < 2:
        return None
    return np.array(levels, dtype=np.float64)


def _groups(points: Sequence[JoinedPoint]) -> IntArray:
    """A number for each point, the same for repeats: points of one subject and level.

    Where every point has a name of its own, names do not say what it was made from, and the level alone counts.
    """
    subjects = [point.case.subject for point in points]
    leveled = all(point.case.noise_level is not None for point in points)
    apart = leveled and len(set(subjects)) == len(subjects)
    keys = [("" if apart else point.case.subject, point.case.noise_level) for point in points]
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return np.array([places[key] for key in keys], dtype=np.int64)


def _level_alone(levels: Float64, y: Float64) -> LevelAlone:
    return LevelAlone(pearson=pearson(levels, y), log_pearson=pearson(logarithms(levels), y))


def _partial(x: Float64, y: Float64, points: Sequence[JoinedPoint], names: list[str]) -> Partial:
    return Partial(given=names, **partial(x, y, columns_of(points, names)).model_dump())


def _left_out(x: Float64, y: Float64, levels: Float64 | None, groups: IntArray, repeated: bool) -> LeftOutError:
    """Of the measure and its rivals; repeats are left out together, or one would give another away."""
    rivals = {} if levels is None else {"level": levels, "log_level": logarithms(levels)}
    return LeftOutError(
        left_out="repeats" if repeated else "point",
        measure=left_out_error(x[:, None], y, groups),
        mean=left_out_error(np.empty((len(y), 0)), y, groups),
        **{name: left_out_error(column[:, None], y, groups) for name, column in rivals.items()},
    )


def _repeats(x: Float64, y: Float64, groups: IntArray) -> Repeats:
    counts = np.bincount(groups)
    mean_x, mean_y = (np.bincount(groups, weights=column) / counts for column in (x, y))
    indicators = (groups[:, None] == np.arange(1, len(counts))).astype(np.float64)
    return Repeats(
        groups=len(counts),
        most=int(counts.max()),
        pearson=pearson(mean_x, mean_y),
        spearman=spearman(mean_x, mean_y),
        line=line(mean_x, mean_y),
        within=partial(x, y, indicators),
    )


def _predictions(x: Float64, y: Float64, column: MeasureColumn, newcomers: Numbers) -> list[Prediction]:
    found = []
    for case, held in newcomers.values.items():
        number = _counterpart(column, held)
        if number is None:
            continue
        told: dict[str, Any] = {"subject": case.subject, "value": number.value}
        told |= {"noise_level": case.noise_level, "noise_seed": case.noise_seed}
        line_there = None if number.value is None else predicted_score(x, y, number.value)
        if number.value is None:
            told["reason"] = "the measure is undefined for it"
        elif line_there is None:
            told["reason"] = "there is no line to predict from"
        else:
            told["score"], told["interval"] = line_there
            if told["interval"] is None:
                told["reason"] = f"{ON_ONE_LINE}, and an interval comes from what is off it"
            told["outside"] = not float(x.min()) <= number.value <= float(x.max())
        found.append(Prediction(**told))
    return found


def _counterpart(column: MeasureColumn, held: Mapping[MeasureColumn, Number]) -> Number | None:
    """A new subject's number for a column; that of its only layer where the column is of a scores file."""
    if column in held or column.layer is not None or column.quantizer is not None:
        return held.get(column)
    alike = [number for other, number in held.items() if other.measure == column.measure]
    return alike[0] if len(alike) == 1 else None


def _scatter(point: JoinedPoint) -> ScatterPoint:
    case = point.case
    return ScatterPoint(
        x=point.x, y=point.y, subject=case.subject, noise_level=case.noise_level, noise_seed=case.noise_seed, n=point.n
    )
