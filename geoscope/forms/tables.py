"""A report in the forms a person or a spreadsheet reads: table, CSV, Markdown. Rounds for display only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geoscope.catalogue import ENERGY_LIMIT, FAMILIES, MEASURES
from geoscope.comparisons.contrasts import population_of
from geoscope.forms.csv import csv_text
from geoscope.forms.markdown import markdown_table, markdown_text
from geoscope.forms.output import Page
from geoscope.forms.score_rows import markdown_scores, score_rows
from geoscope.forms.terminal import draw
from geoscope.report import COLUMNS
from geoscope.wording import cell_text, printable, rounded

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from geoscope.report import Measurement, Report


_MANY_LAYERS = 8  # more of them than this read better as rows
_FAMILY = {measure.key: measure.family for measure in MEASURES}


def to_csv(report: Report) -> str:
    """A row a number, at full precision."""
    return csv_text(*long_rows(report))


def long_rows(*reports: Report) -> tuple[list[str], list[list[Any]]]:
    """The column names and one row a number, each report's columns among them, cautions last."""
    rows = [row for report in reports for row in report.rows()]
    columns = list(dict.fromkeys([*COLUMNS, *(column for row in rows for column in row)]))
    columns.sort(key="caution".__eq__)
    return columns, [[row.get(column) for column in columns] for row in rows]


def to_markdown(report: Report) -> str:
    """The facts, a table of every number, the scores, and what to be wary of."""
    head = f"### {markdown_text(report.subject.name)}\n\n{markdown_text(facts(report))}\n\n"
    notes = [f"\n**Note:** {markdown_text(reason)}\n" for reason in missing_errors(report)]
    notes += [f"\n**Warning:** {markdown_text(warning)}\n" for warning in warnings_of(report)]
    columns, rows = long_rows(report)
    at = columns.index("standard_error")
    finite = of_finite_corpus(report)
    rows = [
        [error_cell(cell, finite=finite) if place == at else cell for place, cell in enumerate(row)] for row in rows
    ]
    columns[at] = error_heading(finite=finite)
    table = markdown_measurements(columns, rows, without=("subject", "caution"))
    return head + table + markdown_scores(report) + "".join(notes)


def markdown_measurements(columns: Sequence[str], rows: Sequence[Sequence[Any]], without: Sequence[str] = ()) -> str:
    """Long rows as a Markdown table less empty columns; why a value has no error is told below it, once."""
    value, why = COLUMNS.index("value"), COLUMNS.index("reason")
    told = [[None if at == why and row[value] is not None else cell for at, cell in enumerate(row)] for row in rows]
    shown = [
        place
        for place, column in enumerate(columns)
        if column not in without
        and (column in ("subject", "measure", "value") or any(row[place] is not None for row in told))
    ]
    return markdown_table(
        [columns[place].replace("_", " ") for place in shown],
        [[row[place] for place in shown] for row in told],
        numeric=("layer", "value", "standard error", error_heading(finite=True), "null", "n"),
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


def warnings_of(report: Report) -> list[str]:
    """A sentence for each warning sign above its limit, with the layers it is about."""
    sentences = []
    for measure, warning in [(each.key, each.warning) for each in MEASURES if each.warning is not None]:
        over = [
            (row.value, row.layer)
            for row in report.measurements
            if row.measure == measure and row.value is not None and row.value > ENERGY_LIMIT
        ]
        if over:
            layers = ", ".join(str(layer) for layer in dict.fromkeys(layer for _, layer in over) if layer is not None)
            where = f" in layer{'s' if ',' in layers else ''} {layers}" if layers else ""
            most = max(value for value, _ in over)
            share = f"{'up to ' if len(over) > 1 else ''}{100 * most:.0f} %"
            sentences.append(warning.format(share=share, where=where))
    return sentences + cautions_of(report)


def cautions_of(report: Report) -> list[str]:
    """Each caution once, with the measures it is of and the layers, where not of all."""
    held: dict[str, dict[str, None]] = {}
    where: dict[str, dict[str, None]] = {}
    for row in report.measurements:
        if row.caution is not None:
            held.setdefault(row.caution, {})[row.measure] = None
            where.setdefault(row.caution, {})[_layer(row.layer)] = None
    every = {_layer(layer) for layer in report.layers}
    sentences = []
    for told, measures in held.items():
        some = "" if set(where[told]) == every else f" of layer {', '.join(where[told])}"
        sentences.append(f"{', '.join(measures)}{some}: {told}")
    return sentences


def missing_errors(report: Report) -> list[str]:
    """Each reason why values have no standard error, once, with the measures it is told of."""
    valued = {row.measure: None for row in report.measurements if row.value is not None}
    holders: dict[str, dict[str, None]] = {}
    for row in report.measurements:
        if row.value is not None and row.reason:
            holders.setdefault(row.reason, {})[row.measure] = None
    return [f"{reason} ({_most_or_few(found, valued)})" for reason, found in holders.items()]


def _most_or_few(chosen: Iterable[str], every: Iterable[str]) -> str:
    """Some of the measures by name, or where they are most of them, the others."""
    named = list(chosen)
    others = [measure for measure in every if measure not in named]
    if len(named) <= max(len(others), 1):
        return ", ".join(named)
    return "every measure" + (f" but {', '.join(others)}" if others else "")


@dataclass
class _Notes:
    """Footnotes: each reason once, numbered as they come."""

    reasons: list[str] = field(default_factory=list)

    def cell(self, row: Measurement | None) -> str:
        return "" if row is None else self.number(row.value, row.reason)

    def number(self, value: float | None, why: str | None) -> str:
        if value is not None:
            return rounded(value)
        reason = printable(why or "")
        if reason not in self.reasons:
            self.reasons.append(reason)
        return f"undefined [{self.reasons.index(reason) + 1}]"


@dataclass(frozen=True)
class _Line:
    label: str
    cells: tuple[str, ...] = ()
    heading: bool = False


def to_table(report: Report, page: Page) -> str:
    """Measures under their families, layers beside each other, scores, and what to be wary of."""
    from rich.text import Text

    notes = _Notes()
    parts: list[RenderableType] = [
        Text(printable(report.subject.name), style="bold"),
        Text(printable(facts(report))),
    ]
    for drawn in [*_tables_of(report, notes, page.width), *_tables_of_scores(report, notes, page.width)]:
        parts += [Text(), drawn]
    parts += [Text(f"[{number}] {reason}") for number, reason in enumerate(notes.reasons, 1)]
    parts += [Text(printable(reason), style="dim") for reason in missing_errors(report)]
    if len(report.layers) > 1 and any(row.standard_error is not None for row in report.measurements):
        parts.append(Text("Standard errors and nulls of several layers: --format json or csv.", style="dim"))
    parts += [Text(f"warning: {warning}", style="yellow") for warning in warnings_of(report)]
    return draw(parts, page)


def _tables_of(report: Report, notes: _Notes, width: int | None) -> list[Table]:
    if any(row.keys for row in report.measurements):
        return _tables_of_study(report, notes, width)
    found = {(row.measure, row.layer): row for row in report.measurements}
    measures = list(dict.fromkeys(row.measure for row in report.measurements))
    layers = report.layers
    if len(layers) > _MANY_LAYERS:
        return [
            table
            for _, members in _by_family(measures)
            for table in _tables(
                "layer",
                [key.replace("_", "_\n") for key in members],
                [_Line(_layer(at), tuple(notes.cell(found.get((key, at))) for key in members)) for at in layers],
                width,
            )
        ]
    if len(layers) == 1:
        columns, cells = _one_layer(found, layers[0], notes, finite=of_finite_corpus(report))
    else:
        columns, cells = _some_layers(found, layers, notes)
    lines = []
    for family, members in _by_family(measures):
        lines.append(_Line(family, heading=True))
        lines += [_Line("  " + key, cells(key)) for key in members]
    return _tables("measure", columns, lines, width)


_Found = dict[tuple[str, int | None], "Measurement"]
_Cells = Callable[[str], tuple[str, ...]]


def _one_layer(found: _Found, layer: int | None, notes: _Notes, *, finite: bool) -> tuple[list[str], _Cells]:
    held = [
        column
        for column in ("standard_error", "null")
        if any(getattr(row, column) is not None for row in found.values())
    ]

    def cells(key: str) -> tuple[str, ...]:
        row = found[key, layer]
        shown = {"standard_error": error_cell(row.standard_error, finite=finite), "null": row.null}
        return (notes.cell(row), *(cell_text(shown[column]) for column in held), str(row.n))

    names = {"standard_error": error_heading(finite=finite), "null": "null"}
    return ["value", *(names[column] for column in held), "n"], cells


def of_finite_corpus(report: Report) -> bool:
    """Whether standard errors are of drawing from a finite corpus, part of which was drawn."""
    return population_of(report) != "endless" and report.sample.sampling_fraction is not None


def error_heading(*, finite: bool) -> str:
    """What the column of standard errors is called."""
    return "standard error (of this corpus)" if finite else "standard error"


def error_cell(error: float | None, *, finite: bool) -> float | str | None:
    """A standard error for display: of a finite corpus that was drawn whole there is none."""
    return "all drawn" if finite and error == 0 else error


def _some_layers(found: _Found, layers: Sequence[int | None], notes: _Notes) -> tuple[list[str], _Cells]:
    def cells(key: str) -> tuple[str, ...]:
        return tuple(notes.cell(found.get((key, layer))) for layer in layers)

    return [f"layer {_layer(layer)}" for layer in layers], cells


def _tables_of_study(report: Report, notes: _Notes, width: int | None) -> list[Table]:
    keys = list(dict.fromkeys(key for row in report.measurements for key in row.keys))
    lines = [
        _Line(
            row.measure,
            (*(printable(str(row.keys.get(key, ""))) for key in keys), _layer(row.layer), notes.cell(row)),
        )
        for row in report.measurements
    ]
    return _tables("measure", [*keys, "layer", "value"], lines, width)


def _tables_of_scores(report: Report, notes: _Notes, width: int | None) -> list[Table]:
    if not report.scores:
        return []
    columns, rows = score_rows(report)
    lines = [
        _Line(
            row[0],
            (*("" if cell is None else printable(str(cell)) for cell in row[1:-3]), notes.number(row[-3], row[-1])),
        )
        for row in rows
    ]
    return _tables("task", columns[1:-2], lines, width)


def _layer(layer: int | None) -> str:
    return "" if layer is None else str(layer)


def _by_family(measures: Sequence[str]) -> list[tuple[str, list[str]]]:
    families = [*FAMILIES, *dict.fromkeys(_FAMILY.get(key, "other") for key in measures)]
    groups = [
        (family, [k for k in measures if _FAMILY.get(k, "other") == family]) for family in dict.fromkeys(families)
    ]
    return [(family, members) for family, members in groups if members]


def _tables(first: str, columns: Sequence[str], lines: Sequence[_Line], width: int | None) -> list[Table]:
    """One table, or several under one another where the columns do not fit the width."""
    sizes = [
        2 + max(len(piece) for text in (column, *_column(lines, place)) for piece in text.split("\n"))
        for place, column in enumerate(columns)
    ]
    label = 2 + max(len(text) for text in (first, *(line.label for line in lines)))
    blocks: list[list[int]] = [[]]
    for place, size in enumerate(sizes):
        if blocks[-1] and width and label + sum(sizes[i] for i in blocks[-1]) + size > width:
            blocks.append([])
        blocks[-1].append(place)
    return [_table(first, columns, lines, block) for block in blocks]


def _column(lines: Sequence[_Line], place: int) -> list[str]:
    return [line.cells[place] for line in lines if line.cells]


def _table(first: str, columns: Sequence[str], lines: Sequence[_Line], block: Sequence[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(first, no_wrap=True)
    for place in block:
        table.add_column(Text(columns[place]), justify="right", overflow="fold")
    for line in lines:
        cells = [Text(line.cells[place]) for place in block] if line.cells else []
        table.add_row(Text(line.label, style="bold" if line.heading else ""), *cells)
    return table
