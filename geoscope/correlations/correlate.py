"""`correlate`: reports and scores -> correlations, with what confounds them taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack

from geoscope.catalogue import test_of
from geoscope.correlations.association import FEWEST, relate
from geoscope.correlations.cautions import cautions_of, unmatched
from geoscope.correlations.correlations import LEVEL, SUBJECT, Association, Correlation, Correlations
from geoscope.correlations.covariates import column_of, parse_given
from geoscope.correlations.joined_points import Scored, check_names, chosen_scores, is_mean, join, points_of
from geoscope.correlations.measured_numbers import (
    Numbers,
    chosen_measures,
    holds_reports,
    numbers_of_reports,
    numbers_of_scores,
    read_reports,
    scores_of_reports,
)
from geoscope.correlations.score_files.scores import GivenScore, check_once, read_scores
from geoscope.errors import GeoscopeError
from geoscope.report import Report
from geoscope.settings.correlating import CorrelateOptions
from geoscope.settings.option import completed, takes
from geoscope.statistics import benjamini_hochberg

_C = TypeVar("_C", bound=Correlation)


@takes(CorrelateOptions)
def correlate(
    reports: Iterable[str | Path | Report],
    scores: str | Path | Report | Iterable[Mapping[str, Any]],
    **keywords: Unpack[CorrelateOptions],
) -> Correlations:
    """Relate every measure of reports to scores on every task.

    Parameters
    ----------
    reports : iterable of Report or path
        Reports, their files, or folders of them; a study's rows are told apart by noise level and seed. Without any,
        the measures are columns of the scores.
    scores : path, Report or iterable of mappings
        A table or the results of an evaluation harness, or rows with ``subject``, ``task`` and ``score``. Reports that
        carry scores (of `perturb`, a folder of `finetune`) are both.

    Returns
    -------
    Correlations
        An association for each measure, layer and task: coefficients, what is left of them with confounders taken out.

    Raises
    ------
    NotComparable
        Where the reports were not measured the same way.
    GeoscopeError
        For what cannot be joined or is too little.

    Examples
    --------
    >>> import geoscope
    >>> numbers = [(0.1, 60), (0.2, 64), (0.3, 71), (0.4, 70), (0.5, 78)]
    >>> rows = [
    ...     {"subject": f"model-{place}", "task": "cola", "score": score, "isoscore": value}
    ...     for place, (value, score) in enumerate(numbers)
    ... ]
    >>> told = geoscope.correlate([], rows, measures=["isoscore"])
    >>> round(told.association("isoscore").pearson.value, 3)
    0.961
    """
    options = completed(CorrelateOptions, keywords)
    tasks, given, measures = options["tasks"], options["given"], options["measures"]
    lists = None if given is None else parse_given(given)
    read, numbers, newcomers, held = _sources(list(reports), scores, measures, read_reports(options["predict"]))
    chosen_tasks, rows = chosen_scores(held, tasks)
    wanted = chosen_measures(measures, (column.measure for column in numbers.columns))
    check_names(numbers, held)
    scored = join(numbers, rows)
    models = _models(numbers, scored) if options["by"] else []
    found = _associations(numbers, scored, chosen_tasks, wanted, lists, newcomers, models)
    _check_enough(found, chosen_tasks)
    associations = _adjusted(found)
    return Correlations(
        subjects=list(dict.fromkeys(case.subject for case in numbers.values)),
        tasks=chosen_tasks,
        settings={
            "given": None if given is None else list(given),
            "measures": wanted,
            "reports": read,
            **({"by": options["by"]} if options["by"] else {}),
        },
        associations=associations,
        cautions=[*cautions_of(associations), *unmatched(numbers, scored, rows, chosen_tasks)],
        notes=[*_notes(associations), *_notes_on_scores(held, chosen_tasks)],
    )


def _sources(
    reports: list[str | Path | Report], scores: Any, measures: Sequence[str] | None, new: Sequence[Report]
) -> tuple[int, Numbers, Numbers, list[GivenScore]]:
    """How many reports there are, their numbers, those of new subjects, and the scores."""
    path = Path(scores) if isinstance(scores, (str, Path)) else None
    brings_reports = isinstance(scores, Report) or (path is not None and holds_reports(path))
    read = read_reports([*reports, scores] if brings_reports else reports)
    held = scores_of_reports(read) if brings_reports else read_scores(scores)
    numbers, newcomers = numbers_of_reports(read, new)
    if not read:
        columns = dict.fromkeys(name for score in held for name in score.columns)
        numbers = numbers_of_scores(held, chosen_measures(measures, columns))
    check_once(held)
    return len(read), numbers, newcomers, held


def _associations(
    numbers: Numbers,
    scored: Scored,
    tasks: Sequence[str],
    measures: Sequence[str] | None,
    given: list[list[str]] | None,
    newcomers: Numbers,
    models: Sequence[str],
) -> list[Association]:
    """models: those whose points are also related by themselves, and whose means are taken out of all."""
    columns = [column for column in numbers.columns if measures is None or column.measure in measures]
    if not columns:
        raise GeoscopeError(
            "expected measures to relate to the scores, got none; name reports before the scores, or the scores' own "
            "columns with --measures"
        )
    beside = [LEVEL, SUBJECT, *(column_of(name) for names in given or () for name in names)]
    found = []
    for task in tasks:
        points = {column: points_of(numbers, scored.get(task, {}), column, beside) for column in columns}
        apart = [SUBJECT] if models else []
        found += [relate(task, column, points[column], given, newcomers, first=apart) for column in columns]
        scored_here = {case.subject for case, _ in scored.get(task, {})}
        for model in models:
            for column in columns if model in scored_here else ():
                mine = [point for point in points[column] if point.case.subject == model]
                found.append(relate(task, column, mine, given, Numbers(), model=model))
    return found


def _models(numbers: Numbers, scored: Scored) -> list[str]:
    """The subjects, where there are several and one has points enough to say something of it alone."""
    every = list(dict.fromkeys(case.subject for case in numbers.values))
    counts = [Counter(case.subject for case in {case for case, _ in places}) for places in scored.values()]
    most = max((number for count in counts for number in count.values()), default=0)
    if len(every) < 2 or most < FEWEST:
        got = f"{most} of the model that has most" if len(every) > 1 else "one model"
        raise GeoscopeError(
            f"expected several models with {FEWEST} points or more for --by model, got {got}; give it a study of each, "
            "or leave it out"
        )
    return every


def _check_enough(found: Sequence[Association], tasks: Sequence[str]) -> None:
    most = max(row.n for row in found)
    if most < FEWEST:
        raise GeoscopeError(
            f"expected at least {FEWEST} models with both a measure and a score, got {most} on {', '.join(tasks)}; "
            "measure or score more of them"
        )


def _test(row: Association, p: float | None) -> Hashable:
    return row.task, row.model, row.layer, row.quantizer, test_of(row.measure, p)


def _adjusted(rows: Sequence[Association]) -> list[Association]:
    """The rows with p adjusted for their number: Pearson's, Spearman's and each list of given columns by itself."""
    pearsons = _adjust(rows, [row.pearson for row in rows])
    spearmans = _adjust(rows, [row.spearman for row in rows])
    names = list(dict.fromkeys(partial.name for row in rows for partial in row.partials))
    partials = {
        name: iter(
            _adjust(
                [row for row in rows for partial in row.partials if partial.name == name],
                [partial for row in rows for partial in row.partials if partial.name == name],
            )
        )
        for name in names
    }
    return [
        row.model_copy(
            update={"pearson": r, "spearman": rho, "partials": [next(partials[each.name]) for each in row.partials]}
        )
        for row, r, rho in zip(rows, pearsons, spearmans, strict=True)
    ]


def _adjust(rows: Sequence[Association], correlations: Sequence[_C]) -> list[_C]:
    """The correlations, each of a row, with p adjusted for how many tests they are."""
    tests = [_test(row, each.p) for row, each in zip(rows, correlations, strict=True)]
    adjusted = benjamini_hochberg([each.p for each in correlations], tests)
    return [each.model_copy(update={"p_adjusted": p}) for each, p in zip(correlations, adjusted, strict=True)]


def _notes(rows: Sequence[Association]) -> list[str]:
    """How some of it was computed."""
    notes = []
    levels = sorted({point.noise_level for row in rows for point in row.points if point.noise_level is not None})
    if len(levels) > 1 and levels[0] == 0:
        notes.append(f"level 0 enters the level's logarithm as {levels[1] / 2:g}, half of the smallest level above it")
    if any(row.left_out is not None and row.left_out.left_out == "repeats" for row in rows):
        notes.append("a prediction error leaves out all repeats of a level or subject at a time")
    tested = len({_test(row, row.pearson.p) for row in rows if row.pearson.p is not None})
    if tested > 1:
        notes.append(f"p is adjusted by Benjamini and Hochberg over {tested} rows")
    return notes


def _notes_on_scores(scores: Sequence[GivenScore], tasks: Sequence[str]) -> list[str]:
    notes = []
    lower = sorted({score.task for score in scores if score.higher_is_better is False and not score.asked_only})
    means = [task for task in tasks if is_mean(task)]
    if len(means) > 1:
        notes.append("scores of probes and of fine-tunings have a mean each")
    if lower and means:
        notes.append(f"the mean leaves out what is better when lower: {', '.join(lower)}")
    if any(score.asked_only for score in scores):
        notes.append("a task's first metric is its score; --task TASK:METRIC takes another")
    return notes
