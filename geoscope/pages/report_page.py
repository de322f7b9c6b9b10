"""The page of reports: findings first, a chart a measure, every number, and what it was measured with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from geoscope.forms.tables import error_cell, error_heading, facts, of_finite_corpus
from geoscope.pages.findings import findings_of
from geoscope.pages.grids import Grid, side_by_side
from geoscope.pages.page import Card, render_page
from geoscope.pages.reading import by_family, reading_of
from geoscope.pages.series import Axis, Series, axis_of, chart_of, labels_of, series_of
from geoscope.report import Measurement
from geoscope.wording import listed, rounded

if TYPE_CHECKING:
    from geoscope.report import Report, Score

_DIGITS = 12  # of a fingerprint, where several stand side by side


def to_html(*reports: Report) -> str:
    """The page of one report or several."""
    axis = axis_of(reports)
    series = series_of(reports, axis)
    keys = [row.measure for report in reports for row in report.measurements]
    labels, finite = labels_of(reports), [of_finite_corpus(report) for report in reports]
    scored = [
        Series(place, label, tuple(_as_measurement(score) for score in report.scores or []))
        for place, (label, report) in enumerate(zip(labels, reports, strict=True))
    ]
    tasks = list(dict.fromkeys(row.measure for each in scored for row in each.rows))
    return render_page(
        "reports",
        listed(labels),
        heading=labels[0] if len(labels) == 1 else f"{len(labels)} reports",
        facts=_facts(labels, reports),
        findings=findings_of(reports),
        families=[
            (family, [card for key in members for card in _cards(key, series, axis)])
            for family, members in by_family(keys)
        ],
        legend=series if len(series) > 1 else [],
        study=axis.by == "noise_level",
        scores=[_card(task, scored, axis) for task in tasks],
        subjects=side_by_side("What was measured, and on what", labels, _subjects(reports)),
        numbers=_numbers(labels, [report.measurements for report in reports], finite, "number", "measure"),
        score_numbers=_numbers(labels, [each.rows for each in scored], finite, "score", "task"),
        settings=side_by_side("Settings", labels, [_settings(report) for report in reports]),
        environment=side_by_side("Environment", labels, [report.environment for report in reports]),
    )


def _facts(labels: Sequence[str], reports: Sequence[Report]) -> list[tuple[str, str]]:
    """Who is told about, and what; the same of all told once."""
    told = [facts(report) for report in reports]
    if all(each == told[0] for each in told[1:]):
        return [(", ".join(labels) if len(labels) > 1 else "", told[0])]
    return list(zip(labels, told, strict=True))


def _cards(key: str, series: Sequence[Series], axis: Axis) -> Iterable[Card]:
    """A card a measure, or one a size under a quantizer grid: a line through several would mean nothing."""
    for size in dict.fromkeys(row.quantizer_size for each in series for row in each.rows if row.measure == key):
        of_size = [replace(each, rows=tuple(row for row in each.rows if row.quantizer_size == size)) for each in series]
        card = _card(key, of_size, axis)
        yield card if size is None else replace(card, name=f"{key}, {size[0]}x{size[1]}")


def _card(key: str, series: Sequence[Series], axis: Axis) -> Card:
    rows = [row for each in series for row in each.rows if row.measure == key]
    chart = chart_of(key, series, axis)
    return Card(key, chart, reading_of(key), *(_headline(rows[0]) if len(rows) == 1 else ()))


def _as_measurement(score: Score) -> Measurement:
    """A score, to be drawn as measurements are."""
    keys = {"noise_level": score.noise_level, "noise_seed": score.noise_seed}
    name = f"{score.task}, {score.metric}" + (", fine-tuned" if score.method == "finetune" else "")
    return Measurement(layer=None, measure=name, value=score.score, n=score.n, reason=score.reason, **keys)


def _headline(row: Measurement) -> tuple[str, str]:
    """A number large, and what belongs to it small."""
    if row.value is None:
        return "undefined", row.reason or ""
    extra = [("standard error", row.standard_error), ("null", row.null)]
    return rounded(row.value), ", ".join(f"{name} {rounded(number)}" for name, number in extra if number is not None)


def _subjects(reports: Sequence[Report]) -> list[Mapping[str, Any]]:
    return [_subject(report, short=len(reports) > 1) for report in reports]


def _subject(report: Report, *, short: bool) -> dict[str, Any]:
    """A report's subject and sample, what is not known left out."""
    subject, sample = report.subject, report.sample
    corpora = [
        f"{share.name}: {share.sequences:,} sequences, {_print(share.fingerprint, short=short)}"
        for share in sample.corpora
    ]
    share = sample.sampling_fraction if sample.left_out is None else None  # a vocabulary is of no corpus
    drawn = None if share is None else f"{100 * share:.3g} % of the corpora"
    told = {
        "kind": subject.kind,
        "architecture": subject.architecture,
        "revision": subject.revision,
        "parameters": None if subject.parameters is None else f"{subject.parameters:,}",
        "blocks": subject.layers,
        "dimensions": subject.hidden_size,
        "fingerprint": _print(subject.fingerprint, short=short),
        "corpora": "; ".join(corpora) or None,
        "sequences": None if sample.sequences is None else f"{sample.sequences:,}",
        "drawn": drawn,
        "rows": f"{sample.rows:,}",
        "points": f"{sample.points:,}",
        "pooling": sample.pooling,
        "max length": sample.max_length,
        "seed": sample.seed,
        "sample's fingerprint": _print(sample.fingerprint, short=short),
        "geoscope": report.geoscope_version,
    }
    return {name: value for name, value in told.items() if value is not None}


def _print(fingerprint: str | None, *, short: bool) -> str | None:
    if fingerprint is None or not short:
        return fingerprint
    scheme, _, digits = fingerprint.rpartition(":")
    return f"{scheme}:{digits[:_DIGITS]}".lstrip(":")


def _settings(report: Report) -> Mapping[str, Any]:
    return {name: "none" if value is None else value for name, value in report.settings.items()}


def _numbers(
    labels: Sequence[str], held: Sequence[Sequence[Measurement]], finite: Sequence[bool], what: str, first: str
) -> Grid:
    """Every measurement of every report, by measure, then as in its report; findings say why errors are missing."""
    keys = list(dict.fromkeys(key for rows in held for row in rows for key in row.keys))
    members = [key for _, members in by_family(row.measure for rows in held for row in rows) for key in members]
    place = {key: at for at, key in enumerate(members)}
    cells: list[list[Any]] = [
        [
            row.measure, label if len(labels) > 1 else None, row.layer, *(row.keys.get(key) for key in keys),
            row.value, error_cell(row.standard_error, finite=one), row.null, row.n,
            row.reason if row.value is None else None,
        ]
        for label, rows, one in zip(labels, held, finite, strict=True)
        for row in rows
    ]  # fmt: skip
    cells.sort(key=lambda row: place[row[0]])
    columns = [
        first, "subject", "layer", *(key.replace("_", " ") for key in keys), "value",
        error_heading(finite=any(finite)), "null", "n", "reason",
    ]  # fmt: skip
    return Grid(f"Every {what}", columns, cells, frozenset({"value"})).without_empty()
