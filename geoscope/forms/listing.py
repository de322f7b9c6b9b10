"""The list of measures, for `geoscope measures`."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from geoscope.catalogue import FAMILIES, MEASURES, Measure
from geoscope.forms.csv import to_csv
from geoscope.forms.markdown import to_markdown
from geoscope.forms.output import Page
from geoscope.forms.terminal import draw

if TYPE_CHECKING:
    from rich.console import RenderableType


def render_measures(form: str, page: Page) -> str:
    """The list of measures as text in one of the forms."""
    columns = [field.name for field in fields(Measure)]
    rows = [[getattr(measure, column) for column in columns] for measure in MEASURES]
    if form == "json":
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        return to_csv(columns, _cells(rows))
    if form == "markdown":
        return to_markdown([column.replace("_", " ") for column in columns], _cells(rows))
    if form == "html":
        from geoscope.pages.measures_page import to_html

        return to_html()
    return _measures_page(page)


def _cells(rows: list[list[Any]]) -> list[list[Any]]:
    """Rows whose lists are text, as the cells of a table are."""
    return [[", ".join(cell) if isinstance(cell, tuple) else cell for cell in row] for row in rows]


def _measures_page(page: Page) -> str:
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = []
    for family in FAMILIES:
        parts.append(Text(family, style="bold"))
        for measure in (each for each in MEASURES if each.family == family):
            parts.append(Padding(Text(f"{measure.key}: {measure.title}"), (0, 0, 0, 2)))
            told = ("range", "direction", "null", "blind_to", "cost", "paper")
            named = {name.replace("_", " "): getattr(measure, name) for name in told}
            named["moves with"] = ", ".join(measure.moves_with) or "none of rows, sequences and density"
            lines = "\n".join(f"{name}: {text}" for name, text in named.items())
            parts.append(Padding(Text(lines, style="dim"), (0, 0, 0, 6)))
    return draw(parts, page)
