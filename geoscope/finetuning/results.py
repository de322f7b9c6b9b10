"""Results: what the finished runs of a folder found: scores and geometry by arm, and how sure differences are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.finetuning.along_settings import after, along
from geoscope.finetuning.outcome import ArmResult, FineTuning, Penalty, RunRow, Spread, Trend
from geoscope.finetuning.preparation.labelled_texts import PREDICTED_CLASSES
from geoscope.finetuning.runs import Run
from geoscope.finetuning.significance import paired, within_seeds
from geoscope.statistics import holm
from geoscope.training.arms import COLUMNS, REGULARIZERS, TRAINING, Arm
from geoscope.training.geometry import layer_of
from geoscope.training.penalties import LOGGED

_TREND_SETTINGS = 3  # of one regularizer and none: with fewer there is a difference, not a trend


def finished_runs(folder: Path) -> list[Run]:
    """Every finished run of a folder: without a regularizer first, then by regularizer, settings and seed."""
    found = []
    for path in folder.glob("*/seed*/scores.json"):
        run = Run.at(path.parent)
        if run.finished:
            found.append(run)
    return sorted(found, key=lambda run: (_order(run.arm), run.seed))


def _order(arm: Arm) -> tuple[Any, ...]:
    place = REGULARIZERS.index(arm.regularizer)
    trained = [arm.training.get(name, 0) for name in TRAINING]
    return *trained, place, arm.weight or 0.0, arm.shrinkage or 0.0, arm.selection_factor or 1.0, arm.name


def collect(folder: Path, settings: Mapping[str, Any], environment: Mapping[str, Any]) -> FineTuning:
    """The results of a folder's finished runs."""
    runs = finished_runs(folder)
    rows = {run: rows_of(run, settings) for run in runs}
    arms = _arm_results(rows)
    return FineTuning(
        settings=dict(settings),
        before=[row for row in rows[runs[0]] if row.epoch == 0] if runs else [],
        arms=arms,
        trends=[trend for name in REGULARIZERS[1:] for trend in _trends(name, rows)],
        along=along(rows),
        measurements=[row for run in runs for row in rows[run]],
        environment=dict(environment),
    )


def rows_of(run: Run, settings: Mapping[str, Any]) -> list[RunRow]:
    """The numbers of a finished run, epoch after epoch, geometry before scores."""
    keys = {name: getattr(run.arm, name) for name in COLUMNS}
    layers = settings["checkpoint"]["layers"]
    rows = [
        RunRow(**keys, seed=run.seed, epoch=entry["epoch"], layer=layer_of(found["cloud"], layers), **found)
        for entry in run.read("geometry.json")
        for found in entry["geometry"]
    ]
    for entry in run.read("scores.json")["epochs"]:
        rows += [
            RunRow(
                **keys, seed=run.seed, epoch=entry["epoch"], cloud=None, layer=None, measure=name, value=value,
                n=settings["task"]["evaluation"]["examples"],
                reason=None if value is not None else "the score has no value where predictions are all the same",
            )
            for name, value in entry.items()
            if name != "epoch"
        ]  # fmt: skip
    return rows


def _arm_results(rows: Mapping[Run, list[RunRow]]) -> list[ArmResult]:
    by_arm: dict[Arm, list[Run]] = {}
    for run in rows:
        by_arm.setdefault(run.arm, []).append(run)
    last = {run: {(row.cloud, row.measure): row for row in after(found)} for run, found in rows.items()}
    base = {(_trained(run), run.seed): last[run] for run in rows if run.arm.penalty == Arm("none")}
    results = []
    for arm, runs in by_arm.items():
        spreads = [_spread(key, [last[run] for run in runs], runs, base) for key in last[runs[0]]]
        results.append(
            ArmResult(
                name=arm.name,
                settings=arm.settings,
                seeds=[run.seed for run in runs],
                scores=[spread for spread in spreads if spread.cloud is None],
                geometry=[spread for spread in spreads if spread.cloud is not None],
                penalties=_penalties(runs),
                one_class=[run.seed for run in runs if _last_predicted(run) == 1],
            )
        )
    return _adjusted(results)


def _trained(run: Run) -> tuple[Any, ...]:
    """The training that is a run's own."""
    return tuple(getattr(run.arm, name) for name in TRAINING)


def _penalties(runs: Sequence[Run]) -> list[Penalty]:
    """What the penalties of some runs were, epoch after epoch."""
    by_epoch: dict[float, list[dict[str, float]]] = {}
    for run in runs:
        for entry in run.read("scores.json").get("penalties", []):
            by_epoch.setdefault(entry["epoch"], []).append(entry)
    return [
        Penalty(epoch=epoch, **{name: _mean(entry.get(name) for entry in entries) for name in LOGGED})
        for epoch, entries in sorted(by_epoch.items())
    ]


def _last_predicted(run: Run) -> int | None:
    """Of how many classes a run's last predictions are; None where that is not known."""
    found = run.read("scores.json").get(PREDICTED_CLASSES, [])
    return found[-1] if found else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


_Last = Mapping[tuple[str | None, str], RunRow]


def _spread(
    key: tuple[str | None, str], found: Sequence[_Last], runs: Sequence[Run], base: Mapping[Any, _Last]
) -> Spread:
    values = [last[key].value for last in found]
    known = [value for value in values if value is not None]
    whole = len(known) == len(values)
    pairs = [
        (value, other)
        for value, run in zip(values, runs, strict=True)
        if value is not None
        and (none := base.get((_trained(run), run.seed))) is not None
        and (other := none[key].value) is not None
    ]
    alone = runs[0].arm.regularizer == "none"
    return Spread(
        cloud=key[0],
        layer=found[0][key].layer,
        measure=key[1],
        mean=float(np.mean(known)) if whole else None,
        sd=float(np.std(known, ddof=1)) if whole and len(known) > 1 else None,
        values=values,
        against_none=None if alone or not pairs else paired(*zip(*pairs, strict=True)),
        reason=None if whole else _why([last[key] for last in found]),
    )


def _why(rows: Sequence[RunRow]) -> str:
    """Why some of a number's seeds have no value, and how many where it is not all."""
    without = [row.reason for row in rows if row.value is None]
    reasons = "; ".join(dict.fromkeys(reason for reason in without if reason))
    return reasons if len(without) == len(rows) else f"{reasons} (in {len(without)} of {len(rows)} seeds)"


def _adjusted(results: list[ArmResult]) -> list[ArmResult]:
    """The arms with p values adjusted over the arms, each score and measure for itself."""

    def adjust(kind: str) -> list[list[Spread]]:
        columns = [list(column) for column in zip(*(getattr(arm, kind) for arm in results), strict=True)]
        for column in columns:
            tests = [spread.against_none for spread in column]
            for place, p in enumerate(holm([test.p if test else None for test in tests])):
                test = tests[place]
                if test is not None and p is not None:
                    column[place] = column[place].model_copy(
                        update={"against_none": test.model_copy(update={"p_adjusted": p})}
                    )
        return [list(row) for row in zip(*columns, strict=True)]

    scores, geometry = adjust("scores"), adjust("geometry")
    return [
        arm.model_copy(update={"scores": scores[place], "geometry": geometry[place]})
        for place, arm in enumerate(results)
    ]


def _trends(regularizer: str, rows: Mapping[Run, list[RunRow]]) -> list[Trend]:
    """Every score against every measure over the settings of a regularizer and none, where there are enough."""
    runs = [run for run in rows if run.arm.regularizer in ("none", regularizer)]
    settings = {run.arm.penalty for run in runs}
    if len(settings) < _TREND_SETTINGS or {arm.regularizer for arm in settings} <= {"none"}:
        return []
    last = {run: after(rows[run]) for run in runs}
    first = last[runs[0]]
    trends: list[Trend] = []
    scores = [row.measure for row in first if row.cloud is None]
    for score in [name for name in scores if name != "loss"] or scores:
        found = [
            _trend(regularizer, score, (row.cloud, row.measure), last, len(settings))
            for row in first
            if row.cloud is not None
        ]
        adjusted = holm([trend.p for trend in found])
        trends += [trend.model_copy(update={"p_adjusted": p}) for trend, p in zip(found, adjusted, strict=True)]
    return trends


def _trend(
    regularizer: str, score: str, key: tuple[str, str], last: Mapping[Run, Sequence[RunRow]], settings: int
) -> Trend:
    points: list[tuple[float, float, int]] = []
    groups = {group: place for place, group in enumerate(dict.fromkeys((_trained(run), run.seed) for run in last))}
    for run, rows in last.items():
        value = {(row.cloud, row.measure): row.value for row in rows}
        geometry, scored = value[key], value[None, score]
        if geometry is not None and scored is not None:
            points.append((geometry, scored, groups[_trained(run), run.seed]))
    found = within_seeds(points)
    return Trend(
        regularizer=regularizer, score=score, cloud=key[0], measure=key[1], slope=found.slope,
        correlation=found.correlation, p=found.p, runs=len(points), settings=settings, reason=found.reason,
    )  # fmt: skip
