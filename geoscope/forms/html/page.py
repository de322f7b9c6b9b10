"""The page: one HTML file without script or network, from a document, one template and one style sheet."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from geoscope import __version__
from geoscope.document import Cards, Column, Document, Section, Table
from geoscope.forms.html.charts import chart
from geoscope.forms.html.drawing import swatch
from geoscope.wording import capital, cell_text, printable

_LONG = 24  # characters of words that go on one line


def text(document: Document) -> str:
    """The whole page. Every string is escaped, whoever wrote it."""
    sections = [section for section in document.sections if any(map(_holds, section.blocks))]
    drawn = environment().get_template("page.html").render(document=document, sections=sections, version=__version__)
    return drawn.rstrip("\n") + "\n"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """What templates are drawn with."""
    made = Environment(
        loader=PackageLoader("geoscope", "forms/html/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finished,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"anchor": _anchor, "capital": capital, "chart": chart, "kind": _kind, "swatch": swatch}
    made.filters |= {"cells": _cells}
    made.tests |= {"table": lambda block: isinstance(block, Table), "cards": lambda one: isinstance(one, Cards)}
    return made


def _finished(value: Any) -> Any:
    """What a template writes: control characters cannot hide in text, None is nothing."""
    if value is None:
        return ""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _holds(block: Any) -> bool:
    return not isinstance(block, Table) or bool(block.rows)


def _anchor(section: Section) -> str:
    return section.title.lower().replace(" ", "-").replace(",", "")


def _kind(cell: Any) -> str:
    """A cell's class in the style sheet: none for numbers, and words by whether they may be broken into lines."""
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return ""
    return "words" if len(cell_text(cell)) > _LONG else "word"


def _cells(row: Any, columns: list[Column]) -> list[tuple[str, str, float | None]]:
    """A row's cells: text, class, and the number in full where the column tells it."""
    found = [(column, column.told(row)) for column in columns]
    return [
        (cell_text(told), _kind(told), told + 0.0 if column.exact and isinstance(told, float) else None)
        for column, told in found
    ]
