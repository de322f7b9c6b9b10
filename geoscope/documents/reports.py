"""A report, or several, as a document: findings, a chart a measure, every number, and what it was measured with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from geoscope.document import Across, Card, Cards, Column, Document, Finding, Folded, Section, Table, side_by_side
from geoscope.documents.details import details_table, left_out_of
from geoscope.documents.findings import findings_of, null_kind, of_finite_corpus
from geoscope.documents.reading import as_isoscore, by_family, family_of, folded, in_order
from geoscope.documents.report_parts.between_layers import left_out, maps, matrices, pairs_of
from geoscope.documents.series import Axis, Held, axis_of, card, labels_of, series_of
from geoscope.report import STUDY_KEYS, Measurement
from geoscope.wording import listed

if TYPE_CHECKING:
    from geoscope.report import Report, Score

_DIGITS = 12  # of a fingerprint, where several stand side by side
_NULL_KINDS = {"isotropic": "isotropic", "matched": "own covariance"}
_VALUE_READ = "No direction is better: see `geoscope measures`."
_ERROR_READ = "standard error: over sequences."
_NULLS_READ = {
    ("isotropic",): "null: what as many isotropic Gaussian points give.",
    ("matched",): "null: what as many Gaussian points of the rows' own covariance give.",
    ("isotropic", "matched"): "null: what as many Gaussian points give, isotropic or of the rows' covariance.",
}
"""By the kinds of null that there are."""

_ACROSS = Across("measure", "layer", "value", "subject", left=("standard_error", "null"))


class _Row(NamedTuple):
    """A measurement, and whose it is."""

    subject: str
    label: str
    finite: bool
    row: Measurement


def document(reports: Sequence[Report]) -> Document:
    """One report or several."""
    labels = labels_of(reports)
    held = [row for report in reports for row in report.measurements]
    axis = axis_of(held)
    series = series_of(reports, axis)
    numbers = _numbers(labels, reports)
    scores = [_scores(label, report) for label, report in zip(labels, reports, strict=True) if report.scores]
    details = details_table(labels, reports)
    between = pairs_of(reports)
    dot = " of one seed, and the line goes through the seeds' means"
    dot = dot if axis.by == "noise_level" else ", its whiskers the 95 % interval over sequences"
    return Document(
        labels[0] if len(labels) == 1 else f"{len(labels)} reports: {listed(labels)}",
        [numbers, *([between] if between.rows else [])],
        [
            *(
                Section(family, [Cards(partial(_cards, members, series, axis))])
                for family, members in by_family(row.measure for row in held)
            ),
            *([Section("scores", [Cards(partial(_score_cards, labels, reports)), *scores])] if scores else []),
            Section("between layers", [Cards(partial(maps, labels, reports)), *matrices(labels, reports)])
            if between.rows
            else Section("between layers", []),
            Section("numbers", [_on_screens(numbers)]),
            *([Section("details", [details])] if details else []),
            Section("subjects", [side_by_side("What was measured, and on what", labels, _subjects(reports))], True),
            Section(
                "settings",
                [
                    side_by_side("Settings", labels, [_settings(report) for report in reports]),
                    side_by_side("Environment", labels, [report.environment for report in reports]),
                ],
                background=True,
            ),
        ],
        facts=_facts(labels, reports),
        findings=[
            *findings_of(reports),
            *left_out(labels, reports),
            *(Finding(sentence) for sentence in left_out_of(reports)),
        ],
        how=f"A dot is a value{dot}. The dashed line is the null.",
        folded=_folded(labels, reports),
        legend=[each.name for each in series],
    )


def _folded(labels: Sequence[str], reports: Sequence[Report]) -> Folded | None:
    """The measures that say again what another one says, in every place of every report."""
    if any(report.settings.get("isoscore_zeta") for report in reports):
        return None
    return folded(
        (
            (label, row.layer, *row.keys.values()),
            row.measure,
            (as_isoscore(row.measure, row.value, report.subject.hidden_size), row.n),
        )
        for label, report in zip(labels, reports, strict=True)
        for row in report.measurements
    )


def facts(report: Report) -> str:
    """What was measured, in a line: architecture, rows, points, sequences, pooling."""
    sample = report.sample
    parts = [
        report.subject.architecture or report.subject.kind,
        f"{sample.rows:,} rows",
        f"{sample.points:,} points",
    ]
    if report.subject.hidden_size is not None:
        parts.insert(1, f"{report.subject.hidden_size} dimensions")
    if "groups" in report.settings:  # nobody said which sequence a row is of
        parts.append(str(report.settings["groups"]))
    elif sample.left_out is not None:
        told = ", ".join(f"{count:,} {why}" for why, count in sample.left_out.items())
        parts.append(f"a token each, left out: {told}")
    elif sample.sequences is not None:
        shares = ", ".join(f"{share.sequences:,} {share.name}" for share in sample.corpora)
        parts.append(f"{sample.sequences:,} sequences" + (f" ({shares})" if shares else ""))
    if sample.pooling is not None:
        parts.append(f"pooling {sample.pooling}")
    layers = report.layers
    if len(layers) == 1 and layers[0] is not None:
        parts.append(f"layer {layers[0]}")
    return ", ".join(parts)


def _facts(labels: Sequence[str], reports: Sequence[Report]) -> list[str]:
    """What is told of each; the same of all told once."""
    told = [facts(report) for report in reports]
    if len(labels) == 1:
        name = reports[0].subject.name
        return told if name == labels[0] else [name, *told]
    if len(set(told)) == 1:
        return [f"all: {told[0]}"]
    return [f"{label}: {each}" for label, each in zip(labels, told, strict=True)]


# Tables


def _numbers(labels: Sequence[str], reports: Sequence[Report]) -> Table:
    """A row a number: each report's columns, a study's keys among them, cautions last."""
    rows = [
        _Row(report.subject.name, label, of_finite_corpus(report), row)
        for label, report in zip(labels, reports, strict=True)
        for row in report.measurements
    ]
    keys = dict.fromkeys(key for each in rows for key in each.row.keys)
    columns = _columns(keys, rows, several=len(reports) > 1)
    across = None if keys else _ACROSS
    return Table("Every number", columns, rows, across=across, measure=lambda each: str(each.row.measure))


def _on_screens(numbers: Table) -> Table:
    """The numbers as their families are ordered; a study of one layer by its levels, as others by their layers."""
    rows = _by_measure(numbers.rows)
    layers = {each.row.layer for each in rows}
    if len(layers) == 1 and all(each.row.keys.keys() <= set(STUDY_KEYS) for each in rows) and numbers.across is None:
        leveled = any((each.row.noise_level, each.row.transform_level) != (None, None) for each in rows)
        named = "level" if leveled else "run"
        level = Column(named, label=None, value=_level, words=True)
        across = replace(_ACROSS, over=level.name)
        return replace(numbers, rows=rows, columns=[*numbers.columns, level], across=across)
    return replace(numbers, rows=rows)


def _level(each: _Row) -> str:
    """A study's level and seed, as short as columns are."""
    seed = each.row.noise_seed
    level = each.row.transform_level if each.row.noise_level is None else each.row.noise_level
    told = [f"{level:g}" if level is not None else "", f"seed {seed}" if seed is not None else ""]
    return "\n".join(filter(None, told)) or "unchanged"


def _by_measure(rows: Sequence[_Row]) -> list[_Row]:
    """Rows as their families are ordered, those of a measure as they came."""
    places = {key: at for at, key in enumerate(in_order(each.row.measure for each in rows))}
    return sorted(rows, key=lambda each: places[each.row.measure])


def _columns(keys: Iterable[str], rows: Sequence[_Row], *, several: bool) -> list[Column]:
    finite = any(each.finite for each in rows)
    kinds = {null_kind(each.row) for each in rows}
    return [
        Column("", None, value=_family, heading=_family),
        Column("subject", "subject" if several else None, shown=lambda each: each.label, words=True),
        Column("layer", value=lambda each: each.row.layer),
        Column("measure", value=lambda each: each.row.measure, words=True),
        Column("value", value=lambda each: each.row.value, why=_undefined, reading=_VALUE_READ, exact=True),
        Column(
            "standard_error", "standard error (of this corpus)" if finite else "",
            value=lambda each: each.row.standard_error, shown=_error, reading=_ERROR_READ,
        ),
        Column(
            "null", value=lambda each: each.row.null,
            reading=_NULLS_READ.get(tuple(kind for kind in _NULL_KINDS if kind in kinds), ""),
        ),
        Column("", "null of", value=lambda each: _NULL_KINDS.get(null_kind(each.row) or ""), words=True, spare=1),
        Column("n", value=lambda each: each.row.n, spare=2),
        Column("reason", value=lambda each: each.row.reason, shown=_undefined, note=True),
        *(Column(key, value=partial(_key, key)) for key in keys),
        Column("caution", label=None, value=lambda each: each.row.caution, rare=True),
    ]  # fmt: skip


def _key(key: str, each: _Row) -> Any:
    return each.row.keys.get(key)


def _family(each: _Row) -> str:
    return family_of(each.row.measure)


def _undefined(each: _Row) -> str | None:
    """Why there is no value; why one has no error is told once, in the findings."""
    return each.row.reason if each.row.value is None else None


def _error(each: _Row) -> float | str | None:
    """A standard error; of a finite corpus that was drawn whole there is none."""
    return "all drawn" if each.finite and each.row.standard_error == 0 else each.row.standard_error


_SCORES = (
    Column("task", words=True), Column("metric", words=True), Column("method", words=True),
    *(Column(key) for key in STUDY_KEYS),
    Column("score", why=lambda row: None if row.score is not None else row.reason, exact=True), Column("n"),
    Column("reason", note=True),
)  # fmt: skip


def _scores(label: str, report: Report) -> Table:
    return Table(f"Every score of {label}", _SCORES, report.scores or [])


# Charts


def _cards(keys: Sequence[str], series: Sequence[Held], axis: Axis) -> list[Card]:
    """A card a measure, or one a size under a quantizer grid: a line through several would mean nothing."""
    found = []
    for key in keys:
        for size in dict.fromkeys(row.quantizer_size for each in series for row in each.rows if row.measure == key):
            held = [replace(one, rows=tuple(r for r in one.rows if r.quantizer_size == size)) for one in series]
            drawn = card(key, held, axis)
            found.append(drawn if size is None else replace(drawn, name=f"{key}, {size[0]}x{size[1]}"))
    return found


def _score_cards(labels: Sequence[str], reports: Sequence[Report]) -> list[Card]:
    series = [
        Held(place, label, tuple(_as_measurement(score) for score in report.scores or []))
        for place, (label, report) in enumerate(zip(labels, reports, strict=True))
    ]
    rows = [row for each in series for row in each.rows]
    return [card(task, series, axis_of(rows)) for task in dict.fromkeys(row.measure for row in rows)]


def _as_measurement(score: Score) -> Measurement:
    """A score, to be drawn as measurements are."""
    keys = {key: getattr(score, key) for key in STUDY_KEYS}
    name = f"{score.task}, {score.metric}" + (", fine-tuned" if score.method == "finetune" else "")
    return Measurement(layer=None, measure=name, value=score.score, n=score.n, reason=score.reason, **keys)


# What it was measured with


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
    told = {
        "name": subject.name,
        "kind": subject.kind,
        "architecture": subject.architecture,
        "revision": subject.revision,
        "parameters": None if subject.parameters is None else f"{subject.parameters:,}",
        "blocks": subject.layers,
        "dimensions": subject.hidden_size,
        "fingerprint": _print(subject.fingerprint, short=short),
        "corpora": "; ".join(corpora) or None,
        "sequences": None if sample.sequences is None else f"{sample.sequences:,}",
        "drawn": None if share is None else f"{100 * share:.3g} % of the corpora",
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
