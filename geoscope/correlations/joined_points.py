"""Joining numbers and scores: which score belongs to which measured model, as points of a scatter plot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from statistics import fmean

from geoscope.correlations.correlations import SUBJECT, Case
from geoscope.correlations.measured_numbers import MeasureColumn, Number, Numbers
from geoscope.correlations.score_files.numbers import Cell
from geoscope.correlations.score_files.scores import GivenScore
from geoscope.errors import GeoscopeError

MEAN = "mean"
"""The task that is the mean of the others, of the subjects that have them all. Of scores that came about in several
ways each has a mean of its own, MEAN/WAY: what a probe and what fine-tuning says of a task are two things."""

Scored = dict[str, dict[tuple[Case, int | None], GivenScore]]
"""By task, then by case and layer (None: a score of the whole model)."""


@dataclass(frozen=True)
class JoinedPoint:
    """One case's measure (x) and score (y); n: the rows the measure is from; columns: what can be controlled for."""

    case: Case
    x: float
    y: float
    n: int | None
    columns: Mapping[str, Cell]


def chosen_scores(scores: Sequence[GivenScore], tasks: Sequence[str] | None) -> tuple[list[str], list[GivenScore]]:
    """The tasks and their scores: those named, else all and, where there are several, their mean.

    A mean is of scores that came about in one way. It leaves out what is known to be better when lower, such as a
    perplexity.
    Raises GeoscopeError for a task that no score is on.
    """
    held = list(dict.fromkeys(score.task for score in scores))
    usual = list(dict.fromkeys(score.task for score in scores if not score.asked_only))
    named = list(dict.fromkeys(tasks or ()))
    means = {MEAN, *(f"{MEAN}/{method}" for method in _methods(scores).values())}
    unknown = [task for task in named if task not in held and task not in means]
    if unknown:
        close = get_close_matches(unknown[0], held, n=3)
        raise GeoscopeError(
            f"expected --task among {', '.join(usual)} and mean, got {unknown[0]!r}"
            + (f"; the nearest is {', '.join(close)}" if close else "; name one of them")
        )
    averaged = [task for task in named if task not in means] or usual
    for task in averaged:
        metrics = list(dict.fromkeys(score.metric for score in scores if score.task == task))
        if len(metrics) > 1:
            raise GeoscopeError(
                f"expected one metric of {task}, got {' and '.join(map(str, metrics))} from different results; "
                f"name one with --task {task}:{metrics[0]}"
            )
    kept = [score for score in scores if score.task in (named or usual) or score.task in averaged]
    lower = {score.task for score in scores if score.higher_is_better is False}
    alike = [task for task in averaged if task not in lower]
    wanted = {} if MEAN in held else _averaged(scores, alike)
    if named:
        wanted = {name: tasks for name, tasks in wanted.items() if {name, MEAN} & set(named)}
    else:
        wanted = {name: tasks for name, tasks in wanted.items() if len(tasks) > 1}
    if wanted:
        kept += [score for name, tasks in wanted.items() for score in _means(kept, tasks, name)]
        return [*(averaged if not named or set(named) - means else []), *wanted], kept
    return named or usual, kept


def is_mean(task: str) -> bool:
    """Whether a task is a mean of others."""
    return task.partition("/")[0] == MEAN


def _methods(scores: Iterable[GivenScore]) -> dict[str, str]:
    """The way in which each task's scores came about, of those where it is known."""
    return {score.task: score.method for score in scores if score.method is not None}


def _averaged(scores: Iterable[GivenScore], tasks: Sequence[str]) -> dict[str, list[str]]:
    """The means that there are of some tasks, each with those it is of."""
    known = _methods(scores)
    methods = list(dict.fromkeys(known.get(task) for task in tasks))
    if len(methods) < 2:
        return {MEAN: list(tasks)} if tasks else {}
    return {
        MEAN if method is None else f"{MEAN}/{method}": [task for task in tasks if known.get(task) == method]
        for method in methods
    }


def _means(scores: Iterable[GivenScore], tasks: Sequence[str], name: str) -> list[GivenScore]:
    """The mean score of every case that has all of the tasks, as a task of its own."""
    gathered: dict[tuple[object, ...], dict[str, GivenScore]] = defaultdict(dict)
    for score in scores:
        if score.task in tasks:
            key = (score.subject, score.noise_level, score.noise_seed, score.layer)
            gathered[key][score.task] = score
    means = []
    for found in gathered.values():
        if len(found) == len(tasks):
            rows = list(found.values())
            shared = {
                name: cell
                for name, cell in rows[0].columns.items()
                if all(row.columns.get(name) == cell for row in rows)
            }
            means.append(replace(rows[0], task=name, value=fmean(row.value for row in rows), columns=shared))
    return means


def join(numbers: Numbers, scores: Sequence[GivenScore]) -> Scored:
    """The score of each case on each task.

    Subjects are joined by name; a noise level and seed must be equal where both sides have them.
    Raises GeoscopeError where two scores or two cases would do.
    """
    rows: dict[str, list[GivenScore]] = defaultdict(list)
    for score in scores:
        rows[_spelled(score.subject)].append(score)
    exact = {id(score) for case in numbers.values for score in rows[_spelled(case.subject)] if _is_of(case, score)}
    scored: Scored = defaultdict(dict)
    taken: dict[int, Case] = {}
    for case in numbers.values:
        for score in rows[_spelled(case.subject)]:
            if not _is_of(case, score) and (id(score) in exact or not _may_be_of(case, score)):
                continue
            other = scored[score.task].setdefault((case, score.layer), score)
            if other is not score:
                raise GeoscopeError(
                    f"expected one score of {case} on {score.task}, got several levels or seeds in {score.source}, "
                    "where the reports have one model; measure each, or score one"
                )
            owner = taken.setdefault(id(score), case)
            if owner != case:
                raise GeoscopeError(
                    f"expected scores with the columns noise_level and noise_seed, got one on {score.task} in "
                    f"{score.source} that could be of {owner} or of {case}; add the columns"
                )
    return dict(scored)


def points_of(
    numbers: Numbers,
    scored: Mapping[tuple[Case, int | None], GivenScore],
    column: MeasureColumn,
    wanted: Sequence[str] = (),
) -> list[JoinedPoint]:
    """The points of one measure and one task, in the order of the cases; those without a value are left out.

    wanted: the columns to put beside them, from the scores, the subject's facts, or the layer's other measures.
    """
    points = []
    for case, held in numbers.values.items():
        number = held.get(column)
        layer = column.layer if isinstance(column.layer, int) else None
        score = scored.get((case, layer)) or scored.get((case, None))
        if number is None or number.value is None or score is None:
            continue
        level = score.noise_level if case.noise_level is None else case.noise_level
        seed = score.noise_seed if case.noise_seed is None else case.noise_seed
        own: dict[str, Cell] = {**numbers.facts.get(case, {}), **score.columns}
        own[SUBJECT] = case.subject
        own |= {name: float(key) for name, key in (("noise_level", level), ("noise_seed", seed)) if key is not None}
        cells = {name: own.get(name, _measure(held, column, name)) for name in wanted}
        known = {name: cell for name, cell in cells.items() if cell is not None}
        points.append(JoinedPoint(Case(case.subject, level, seed), number.value, score.value, number.n, known))
    return points


def _measure(held: Mapping[MeasureColumn, Number], column: MeasureColumn, name: str) -> float | None:
    """Another measure of the same layer, from the same quantizer where that has a say."""
    for quantizer in (None, column.quantizer):
        number = held.get(replace(column, measure=name, quantizer=quantizer))
        if number is not None:
            return number.value
    return None


def _is_of(case: Case, score: GivenScore) -> bool:
    return (case.noise_level, case.noise_seed) == (score.noise_level, score.noise_seed)


def _may_be_of(case: Case, score: GivenScore) -> bool:
    return all(
        ours is None or theirs is None or ours == theirs
        for ours, theirs in ((case.noise_level, score.noise_level), (case.noise_seed, score.noise_seed))
    )


def _spelled(name: str) -> str:
    """A path however it was typed."""
    return name.strip().removeprefix("./").rstrip("/")


def check_names(numbers: Numbers, scores: Sequence[GivenScore]) -> None:
    """Refuse a measured subject that has no score at all, with the names nearest to its own."""
    known = list(dict.fromkeys(_spelled(score.subject) for score in scores))
    subjects = dict.fromkeys(case.subject for case in numbers.values)
    lonely = [subject for subject in subjects if _spelled(subject) not in known]
    if lonely:
        sources = {score.source for score in scores}
        nearest = get_close_matches(_spelled(lonely[0]), known, n=3, cutoff=0)
        raise GeoscopeError(
            f"expected a score of every measured subject, got none of {', '.join(lonely)} in "
            f"{sources.pop() if len(sources) == 1 else 'the scores'}; "
            f"the nearest name{'s' * (len(nearest) > 1)} to {lonely[0]}: {', '.join(nearest)}"
        )
