"""Many subjects' reports in every form: one list, one table, one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from geoscope.catalogue import FAMILIES, MEASURES
from geoscope.forms.csv import csv_text
from geoscope.forms.markdown import markdown_text
from geoscope.forms.output import Page
from geoscope.forms.tables import long_rows, markdown_measurements, missing_errors, warnings_of
from geoscope.forms.terminal import draw
from geoscope.json_text import json_text
from geoscope.wording import printable, rounded

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from geoscope.report import Report


def to_csv(reports: Sequence[Report]) -> str:
    """A row a number of every report."""
    return csv_text(*long_rows(*reports))


def to_json(reports: Sequence[Report]) -> str:
    """A list of the reports."""
    return json_text([report.model_dump(mode="json") for report in reports])


def to_markdown(reports: Sequence[Report]) -> str:
    """One table of every number, and what to be wary of."""
    notes = [
        f"\n**Note:** {markdown_text(', '.join(names))}: {markdown_text(text)}\n"
        for text, names in _missing_errors(reports).items()
    ]
    notes += [f"\n**Warning:** {markdown_text(name)}: {markdown_text(text)}\n" for name, text in _warnings(reports)]
    return markdown_measurements(*long_rows(*reports), without=("caution",)) + "".join(notes)


def _missing_errors(reports: Sequence[Report]) -> dict[str, list[str]]:
    """Each reason for which values have no standard error, and the subjects it is told of."""
    found: dict[str, list[str]] = {}
    for report in reports:
        for text in missing_errors(report):
            found.setdefault(text, []).append(report.subject.name)
    return found


def _warnings(reports: Sequence[Report]) -> list[tuple[str, str]]:
    return [(report.subject.name, text) for report in reports for text in warnings_of(report)]


def to_table(reports: Sequence[Report], page: Page) -> str:
    """A table a family, under one another: a row a subject and layer, a column a measure."""
    from rich.text import Text

    held = dict.fromkeys(row.measure for report in reports for row in report.measurements)
    reasons: list[str] = []
    parts: list[RenderableType] = []
    for family in FAMILIES:
        keys = [measure.key for measure in MEASURES if measure.family == family and measure.key in held]
        for block in _blocks(reports, keys, page.width):
            parts += [Text()] if parts else []
            parts += [Text(family, style="bold"), _table(reports, block, reasons)]
    parts += [Text(f"[{number}] {reason}") for number, reason in enumerate(reasons, 1)]
    parts += [Text(f"warning: {printable(name)}: {text}", style="yellow") for name, text in _warnings(reports)]
    return draw(parts, page)


def _blocks(reports: Sequence[Report], keys: Sequence[str], width: int | None) -> list[list[str]]:
    """The measures in as many tables as the width asks for."""
    left = 8 + max((len(report.subject.name) for report in reports), default=0)
    blocks: list[list[str]] = []
    used = 0
    for key in keys:
        size = 2 + max(14, *(len(part) + 1 for part in key.split("_")))
        if not blocks or (width is not None and used + size > width):
            blocks.append([])
            used = left
        blocks[-1].append(key)
        used += size
    return blocks


def _table(reports: Sequence[Report], keys: Sequence[str], reasons: list[str]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("subject", no_wrap=True)
    table.add_column("layer", justify="right")
    for key in keys:
        table.add_column(Text(key.replace("_", "_\n")), justify="right", overflow="fold")
    for report in reports:
        found = {(row.measure, row.layer): row for row in report.measurements}
        for layer in report.layers:
            rows = [found.get((key, layer)) for key in keys]
            cells = ["" if row is None else _cell(row.value, row.reason, reasons) for row in rows]
            name = Text(printable(report.subject.name))
            table.add_row(name, "" if layer is None else str(layer), *(Text(cell) for cell in cells))
    return table


def _cell(value: float | None, why: str | None, reasons: list[str]) -> str:
    """A number, or where its footnote is."""
    if value is not None:
        return rounded(value)
    reason = printable(why or "")
    if reason not in reasons:
        reasons.append(reason)
    return f"undefined [{reasons.index(reason) + 1}]"
