"""Findings: what a kept result says of a claim, with its interval, and whether that is enough to tell."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from scipy import stats

from benchmarks.papers.steps import CLASSIFICATION, RESULTS

AS_CLAIMED, AGAINST, OPEN, NOT_RUN = "as claimed", "against it", "cannot be told", "not run"


@dataclass(frozen=True)
class Finding:
    """What came out, in words, and the verdict."""

    words: str
    verdict: str


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval (None: too few runs for one)."""

    value: float
    interval: tuple[float, float] | None

    def __str__(self) -> str:
        if self.interval is None:
            return f"{self.value:+.3f} (no interval)"
        low, high = self.interval
        return f"{self.value:+.3f} ({low:+.3f} to {high:+.3f})"

    def verdict(self, sign: int) -> str:
        """Against a claim that the number is above (1) or below (-1) 0."""
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return OPEN
        return AS_CLAIMED if self.value * sign > 0 else AGAINST


@cache
def result(step: str) -> Any:
    """What a step left; None where it was not run."""
    from geoscope.documents.rendering import result_of

    path = RESULTS / f"{step}.json"
    return result_of(path.read_text(encoding="utf-8"), path.name) if path.is_file() else None


def trained() -> dict[str, Any]:
    """The fine-tunings of the classification tasks that were run, by task."""
    found = {task: result(f"trained-{task}") for task in CLASSIFICATION}
    return {task: each for task, each in found.items() if each is not None}


def against_none(study: Any, regularizer: str, measure: str, *, weight: float | None = None, **where: Any) -> Any:
    """A score or measure of one arm less none, over seeds, as an Estimate; None where the study has it not.

    where: `cloud` and `layer` of a measure; a score has neither.
    """
    for arm in study.arms:
        settings = arm.settings
        if settings.get("regularizer") != regularizer or (weight is not None and settings.get("weight") != weight):
            continue
        for spread in (*arm.scores, *arm.geometry):
            if spread.measure == measure and all(getattr(spread, name) == value for name, value in where.items()):
                paired = spread.against_none
                return None if paired is None else Estimate(paired.difference, paired.interval)
    return None


def leading_score(study: Any) -> str:
    """The name of the score that leads a task's."""
    return next(spread.measure for arm in study.arms for spread in arm.scores if spread.measure != "loss")


def over(estimates: Iterable[Estimate]) -> Estimate | None:
    """The mean of several tasks' numbers, with the t interval of tasks as a sample of tasks."""
    held = list(estimates)
    if len(held) < 2:
        return held[0] if held else None
    values = [each.value for each in held]
    mean = statistics.fmean(values)
    if len(values) < 3:
        return Estimate(mean, None)
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return Estimate(mean, (mean - half, mean + half))


def unlearnt(study: Any) -> bool:
    """Whether no run without a regularizer predicts more than one class: then nothing can be held against its score."""
    return any(arm.settings["regularizer"] == "none" and len(arm.one_class) == len(arm.seeds) for arm in study.arms)


def over_tasks(number: Callable[[Any], Estimate | None], sign: int, what: str, *, of_scores: bool = False) -> Finding:
    """A number of each task's study, and of all: each with its interval, and the verdict of the mean.

    of_scores: tasks are left out of which nothing was learnt without a regularizer.
    """
    studies = trained()
    idle = [task for task, study in studies.items() if of_scores and unlearnt(study)]
    found = {task: number(study) for task, study in studies.items() if task not in idle}
    held = {task: each for task, each in found.items() if each is not None}
    if not studies:
        return Finding("", NOT_RUN)
    nothing = f" Left out, as all of none's predictions are of one class: {', '.join(idle)}." if idle else ""
    if not held:
        return Finding(f"{what}:{nothing}", OPEN)
    mean = over(held.values())
    if mean is None:
        return Finding("", NOT_RUN)
    each = "; ".join(f"{task} {estimate}" for task, estimate in held.items())
    lacking = [task for task in CLASSIFICATION if task not in studies]
    told = f" Not run: {', '.join(lacking)}." if lacking else ""
    of_all = f"mean of {len(held)} tasks {mean}. " if len(held) > 1 else ""
    return Finding(f"{what}: {of_all}{each}.{nothing}{told}", mean.verdict(sign))


def correlations(step: str) -> dict[str, Any]:
    """Of a study: each measure's association with the mean of its probes; nothing where it was not run."""
    import geoscope

    study = result(step)
    if study is None:
        return {}
    return {each.measure: each for each in geoscope.correlate([], study).associations if each.task == "mean"}


def scores_of_arms(study: Any, names: Callable[[Any], str] = lambda arm: str(arm.name)) -> str:
    """Every arm's scores but for its loss, in words; names: what an arm is called."""
    return "; ".join(
        f"{names(arm)}: {spread.measure} {spread.mean:.3f}"
        for arm in study.arms
        for spread in arm.scores
        if spread.measure != "loss" and spread.mean is not None
    )


def shown(correlation: Any) -> str:
    """A coefficient with its interval."""
    if correlation is None or correlation.value is None:
        return "none"
    held = "" if correlation.interval is None else " ({:+.2f} to {:+.2f})".format(*correlation.interval)
    return f"{correlation.value:+.2f}{held}"


def of_correlation(correlation: Any, sign: int) -> str:
    """The verdict on a claim that it is above (1) or below (-1) 0; sign 0: that there is none."""
    if correlation is None or correlation.value is None:
        return OPEN
    if correlation.may_be_zero:
        return OPEN
    return AGAINST if sign == 0 or correlation.value * sign < 0 else AS_CLAIMED
