"""Measured numbers: what reports, or the measure columns of a scores file, say of each model that was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from geoscope.bounds import RESULT_BYTES, read_whole
from geoscope.catalogue import FAMILIES, KEYS, MEASURES, QUANTIZED
from geoscope.comparisons.comparability import check_comparable, transform_of_study
from geoscope.comparisons.matching import match_layers
from geoscope.correlations.correlations import Case
from geoscope.correlations.quantizer_names import Labels, quantizer_labels, quantizer_of
from geoscope.correlations.score_files.cells import FACTS
from geoscope.correlations.score_files.numbers import Cell
from geoscope.correlations.score_files.scores import GivenScore
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.files import json_content, path_of
from geoscope.report import Measurement, Report
from geoscope.report import Score as ReportedScore

Layer = int | str | None
"""A number; 0 or last where models differ in depth; None for a file that is one cloud, or the union of layers."""

_ARM = "arm"  # of a run of `finetune`: its regularizer and weight


@dataclass(frozen=True)
class MeasureColumn:
    """One measure of one layer; quantizer: what its codebooks were, for the measures that have any."""

    layer: Layer
    measure: str
    quantizer: str | None = None


@dataclass(frozen=True)
class Number:
    """A measure's value, None where it is undefined, and the rows it is from."""

    value: float | None
    n: int | None = None


@dataclass
class Numbers:
    """What was measured of each case; facts: further columns of a case that can be controlled for."""

    values: dict[Case, dict[MeasureColumn, Number]] = field(default_factory=dict)
    facts: dict[Case, dict[str, Cell]] = field(default_factory=dict)

    @property
    def columns(self) -> list[MeasureColumn]:
        """Every measure of every layer: by layer as they came, then in the catalogue's order, others last."""
        held = list(dict.fromkeys(column for row in self.values.values() for column in row))
        layers = {layer: place for place, layer in enumerate(dict.fromkeys(column.layer for column in held))}
        order = {key: place for place, key in enumerate(KEYS)}
        return sorted(held, key=lambda column: (layers[column.layer], order.get(column.measure, len(order))))


def case_of(report: Report, row: Measurement | ReportedScore) -> Case:
    """The model that a report's row is of. Runs of `finetune` from several seeds are seeds of one subject."""
    seed = report.settings.get("seed")
    if _ARM in report.settings and isinstance(seed, int):
        return Case(report.subject.name.removesuffix(f"/seed{seed}"), None, seed)
    return Case(report.subject.name + _moved(report, row), row.noise_level, row.noise_seed)


def _moved(report: Report, row: Measurement | ReportedScore) -> str:
    """What tells a state of a study of transforms from the others: /whiten=0.5."""
    moved = transform_of_study(report)
    return "" if moved is None or row.transform_level is None else f"/{moved}={row.transform_level:zg}"


def read_reports(sources: Iterable[str | Path | Report]) -> list[Report]:
    """Reports from files, from folders of them (other JSON in a folder is passed over), or as they are."""
    reports: list[Report] = []
    for source in sources:
        if isinstance(source, Report):
            reports.append(source)
        elif path_of(source).is_dir():
            reports += _of_folder(Path(source))
        else:
            reports.append(Report.read(source))
    return reports


def holds_reports(path: Path) -> bool:
    """Whether a path is a report, a folder with one, or standard input, which only a report is read from."""
    if path_of(path).is_dir():
        return any(_looks_like_a_report(each) for each in path.rglob("*.json"))
    return str(path) == "-" or (path.suffix.lower() == ".json" and _looks_like_a_report(path))


def _of_folder(folder: Path) -> list[Report]:
    paths = [path for path in sorted(folder.rglob("*.json")) if _looks_like_a_report(path)]
    if not paths:
        raise GeoscopeError(
            f"expected reports in the folder {folder}, got none; `geoscope measure SUBJECT -o {folder}/NAME.json` "
            "writes one"
        )
    return [Report.read(path) for path in paths]


def _looks_like_a_report(path: Path) -> bool:
    try:
        content = json_content(read_whole(path, "a report", RESULT_BYTES))
    except (GeoscopeError, OSError, ValueError):
        return False
    return isinstance(content, dict) and {"schema_version", "subject", "measurements"} <= content.keys()


def numbers_of_reports(reports: Sequence[Report], others: Sequence[Report] = ()) -> tuple[Numbers, Numbers]:
    """The numbers of reports, and of others that are held against them, columns named alike.

    All must be measured the same way, but for the quantizer, which makes columns of its own.
    Raises NotComparable where they differ in anything else, GeoscopeError for a number that is there twice.
    """
    every = [*reports, *others]
    for report in every[1:]:
        check_comparable(_plain(every[0]), _plain(report))
    _check_noise(every)
    labels, layers = quantizer_labels(every), _layer_names(every)
    first = len(reports)
    return (
        _gathered(reports, labels[:first], layers[:first]),
        _gathered(others, labels[first:], layers[first:]),
    )


def _gathered(
    reports: Sequence[Report], labels: Sequence[Labels], layers: Sequence[Mapping[int | None, Layer]]
) -> Numbers:
    numbers = Numbers()
    holders: dict[tuple[Case, MeasureColumn], Report] = {}
    for report, labels_there, names in zip(reports, labels, layers, strict=True):
        for row in report.measurements:
            if row.layer not in names:
                continue
            case = case_of(report, row)
            label = labels_there[row.quantizer_size] if row.measure in QUANTIZED else None
            column = MeasureColumn(names[row.layer], row.measure, label)
            held = numbers.values.setdefault(case, {})
            if column not in held:
                held[column] = Number(row.value, row.n)
                holders[case, column] = report
                numbers.facts.setdefault(case, _facts(report))
                continue
            holder = holders[case, column]
            if holder is report or column.quantizer is not None or quantizer_of(holder) == quantizer_of(report):
                raise GeoscopeError(
                    f"expected each subject once, got {case} with two numbers of {row.measure}; leave one report out, "
                    "or measure them under names of their own"
                )
    return numbers


def scores_of_reports(reports: Sequence[Report]) -> list[GivenScore]:
    """The scores that reports carry: a task's is its first metric; each is also there as TASK:METRIC.

    A task that is scored both by a probe and fine-tuned is two: TASK/probe and TASK/finetune.
    """
    found: list[GivenScore] = []
    methods = {(row.task, row.method) for report in reports for row in report.scores or [] if row.method}
    counted = Counter(task for task, _ in methods)
    for report in reports:
        first: dict[str, str] = {}
        for row in report.scores or []:
            task = f"{row.task}/{row.method}" if row.method and counted[row.task] > 1 else row.task
            leads = first.setdefault(task, row.metric) == row.metric
            if row.score is None:
                continue
            case = case_of(report, row)
            whole = GivenScore(
                case.subject, task, row.score, case.noise_level, case.noise_seed, metric=row.metric,
                higher_is_better=False if row.metric == "loss" else None, method=row.method, source="the reports",
            )  # fmt: skip
            found += [whole] if leads else []
            found.append(replace(whole, task=f"{task}:{row.metric}", asked_only=True))
    if not found:
        raise GeoscopeError(
            "expected scores, got reports without any; name a file of scores last, or make the reports with "
            "`geoscope perturb --probe` or `--finetune`"
        )
    return found


def numbers_of_scores(scores: Sequence[GivenScore], measures: Sequence[str] | None) -> Numbers:
    """The numbers in the measure columns of a scores file: those named, else those with a measure's key as name."""
    numbers = Numbers()
    held = list(dict.fromkeys(column for score in scores for column in score.columns))
    chosen = [name for name in held if (name in KEYS if measures is None else name in measures)]
    for score in scores:
        case = Case(score.subject, score.noise_level, score.noise_seed)
        mine = numbers.values.setdefault(case, {})
        numbers.facts.setdefault(case, {})
        for name in chosen:
            cell = score.columns.get(name)
            if isinstance(cell, str):
                raise GeoscopeError(f"expected numbers in the column {name}, got {cell!r} for {case}; mend it")
            column = MeasureColumn(score.layer, name)
            if cell is None:
                continue
            if mine.setdefault(column, Number(cell)).value != cell:
                raise GeoscopeError(
                    f"expected one {name} of {case}, got {mine[column].value:g} and {cell:g} in its rows; "
                    "tell them apart by a noise_level, noise_seed or layer column"
                )
    return numbers


def chosen_measures(names: Sequence[str] | None, held: Iterable[str]) -> list[str] | None:
    """The measures that names and family names stand for; None for all. held: what there is to choose from."""
    if names is None:
        return None
    there = list(dict.fromkeys(held))
    found: list[str] = []
    for name in names:
        members = [measure.key for measure in MEASURES if measure.family == name and measure.key in there]
        if name not in there and not members:
            known = f"{name!r}, which none of them has" if name in (*KEYS, *FAMILIES) else repr(name)
            raise GeoscopeError(
                f"expected --measures among what was measured, got {known}; there is {', '.join(there) or 'nothing'}"
            )
        found += [name] if name in there else members
    return list(dict.fromkeys(found))


def _check_noise(reports: Iterable[Report]) -> None:
    """Levels of one study are those of another only where the same noise goes to the same weights."""
    scales: dict[tuple[Any, Any, Any], Report] = {}
    for report in reports:
        settings = report.settings.get("perturbation")
        if isinstance(settings, Mapping) and settings.get("kind") == "noise":
            draws = settings.get("noise_draws", "straight")  # as studies of before drew
            scales.setdefault((settings.get("noise_kind"), settings.get("targets"), draws), report)
    if len(scales) > 1:
        told = " and ".join(
            f"{report.subject.name}'s {kind} on {targets}, drawn {draws}"
            for (kind, targets, draws), report in scales.items()
        )
        raise NotComparable(f"expected noise of one kind on the same weights, got {told}; correlate them one by one")


def _plain(report: Report) -> Report:
    """The report as `compare` takes it: one number a layer and measure, and no quantizer to differ in."""
    first = {(row.layer, row.measure): row for row in reversed(report.measurements)}
    settings = {name: value for name, value in report.settings.items() if name != "quantizer"}
    return report.model_copy(update={"measurements": list(first.values()), "settings": settings})


def _layer_names(reports: Sequence[Report]) -> list[dict[int | None, Layer]]:
    """What each report's layers are called: by the first's number, or 0 and last where models differ in depth."""
    depths = [report.subject.layers for report in reports]
    pairs = [match_layers(_plain(reports[0]), _plain(report)) for report in reports]
    if all(ours == theirs or None in (ours, theirs) for found in pairs for ours, theirs in found):
        return [{theirs: ours for ours, theirs in found} for found in pairs]
    for found, depth, report in zip(pairs, depths, reports, strict=True):
        if any(theirs not in (None, 0, depth) for _, theirs in found):
            raise GeoscopeError(
                f"expected the first or last layer of every model, got another of {report.subject.name} beside models "
                "of other depths; measure each with --layers last, or 0,-1"
            )
    return [{theirs: ours if ours == theirs and not ours else "last" for ours, theirs in found} for found in pairs]


def _facts(report: Report) -> dict[str, Cell]:
    found: dict[str, Any] = {name: getattr(report.subject, name) for name in FACTS}
    arm = report.settings.get(_ARM)
    if isinstance(arm, Mapping):  # without a regularizer its weight is 0
        found |= {"weight": 0.0, **arm}
    return {
        name: value if isinstance(value, str) else float(value)
        for name, value in found.items()
        if isinstance(value, (str, int, float))
    }
