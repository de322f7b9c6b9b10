"""Along settings: the trend of scores and geometry with one setting of a regularizer's arms, all others alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log2
from typing import Literal

from geoscope.finetuning.outcome import AlongTrend, RunRow
from geoscope.finetuning.runs import Run
from geoscope.finetuning.significance import within_seeds
from geoscope.statistics import holm
from geoscope.training.arms import Arm

SCALES: Mapping[str, Literal["linear", "log2"]] = {
    "weight": "linear",
    "shrinkage": "linear",
    "selection_factor": "log2",
    "epochs": "log2",
    "batch_size": "log2",
    "learning_rate": "log2",
}
"""The settings whose values are numbers, and what a line along each is of. A selection is a name: it has no line."""

_USUAL = {"selection_factor": 1.0}  # of arms that do not say it


def along(rows: Mapping[Run, Sequence[RunRow]]) -> list[AlongTrend]:
    """Of each regularizer and each setting that enough of its runs differ in, every number's line, after training."""
    regularizers = list(dict.fromkeys(run.arm.regularizer for run in rows))
    found: list[AlongTrend] = []
    for regularizer in regularizers:
        mine = {run: held for run, held in rows.items() if run.arm.regularizer == regularizer}
        for setting in SCALES:
            values = {run: value for run in mine if (value := _value(run, setting)) is not None}
            if len(values) - len(_groups(values, setting)) > 1:  # else nothing judges a line: there is none
                found += _lines(regularizer, setting, values, mine)
    return found


def _value(run: Run, setting: str) -> float | None:
    """The setting's value, if the arm has it and it has a place on the scale."""
    value = getattr(run.arm, setting)
    if value is None and run.arm.selection is not None:
        value = _USUAL.get(setting)
    return None if value is not None and SCALES[setting] == "log2" and value <= 0 else value


def _alike(run: Run, setting: str) -> tuple[Arm, int]:
    """What is alike in runs that differ in one setting alone."""
    return run.arm.without(setting), run.seed


def _groups(runs: Iterable[Run], setting: str) -> dict[tuple[Arm, int], int]:
    """The groups of runs that differ in one setting alone, numbered."""
    return {group: place for place, group in enumerate(dict.fromkeys(_alike(run, setting) for run in runs))}


def _lines(
    regularizer: str, setting: str, values: Mapping[Run, float], rows: Mapping[Run, Sequence[RunRow]]
) -> list[AlongTrend]:
    """One line a number: of runs that differ in this setting alone, together with those that differ from these."""
    scale = SCALES[setting]
    groups = _groups(values, setting)
    last = {run: {(row.cloud, row.measure): row.value for row in after(rows[run])} for run in values}
    lines: list[AlongTrend] = []
    for cloud, measure in last[next(iter(values))]:
        points = [
            (log2(value) if scale == "log2" else value, y, groups[_alike(run, setting)])
            for run, value in values.items()
            if (y := last[run][cloud, measure]) is not None
        ]
        line = within_seeds(points)
        lines.append(
            AlongTrend(
                regularizer=regularizer, setting=setting, scale=scale, cloud=cloud, measure=measure, slope=line.slope,
                correlation=line.correlation, p=line.p, values=sorted(set(values.values())), runs=len(points),
                reason=line.reason,
            )
        )  # fmt: skip
    adjusted = holm([line.p for line in lines])
    return [line.model_copy(update={"p_adjusted": p}) for line, p in zip(lines, adjusted, strict=True)]


def after(rows: Sequence[RunRow]) -> list[RunRow]:
    """The numbers after the last epoch."""
    last = max(row.epoch for row in rows)
    return [row for row in rows if row.epoch == last]
