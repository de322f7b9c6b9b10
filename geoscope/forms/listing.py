"""The list of measures, for `geoscope measures`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from geoscope.catalogue import FAMILIES, Measure
from geoscope.forms.csv import csv_text
from geoscope.forms.markdown import markdown_table
from geoscope.forms.output import Page
from geoscope.forms.terminal import draw
from geoscope.json_text import json_text

if TYPE_CHECKING:
    from rich.console import RenderableType


_COLUMNS = [field.name for field in fields(Measure)]


def to_json(measures: Sequence[Measure]) -> str:
    """Every column of the catalogue, its lists as lists."""
    return json_text([{column: getattr(measure, column) for column in _COLUMNS} for measure in measures])


def to_csv(measures: Sequence[Measure]) -> str:
    """A row a measure."""
    return csv_text(_COLUMNS, _cells(measures))


def to_markdown(measures: Sequence[Measure]) -> str:
    """A table of a row a measure."""
    return markdown_table([column.replace("_", " ") for column in _COLUMNS], _cells(measures))


def _cells(measures: Sequence[Measure]) -> list[list[Any]]:
    """Rows whose lists are text, as the cells of a table are."""
    rows = ([getattr(measure, column) for column in _COLUMNS] for measure in measures)
    return [[", ".join(cell) if isinstance(cell, tuple) else cell for cell in row] for row in rows]


def to_table(measures: Sequence[Measure], page: Page) -> str:
    """What there is to know of each, under its family."""
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = []
    for family in FAMILIES:
        parts.append(Text(family, style="bold"))
        for measure in (each for each in measures if each.family == family):
            parts.append(Padding(Text(f"{measure.key}: {measure.title}"), (0, 0, 0, 2)))
            told = ("range", "direction", "null", "blind_to", "cost", "paper")
            named = {name.replace("_", " "): getattr(measure, name) for name in told}
            named["moves with"] = ", ".join(measure.moves_with) or "none of rows, sequences and density"
            lines = "\n".join(f"{name}: {text}" for name, text in named.items())
            parts.append(Padding(Text(lines, style="dim"), (0, 0, 0, 6)))
    return draw(parts, page)
