"""Markdown: GitHub's tables, and text with nothing in it that Markdown or HTML would act on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from geoscope.wording import printable, rounded


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], numeric: Sequence[str] = ()) -> str:
    """A GitHub table; the numeric columns are aligned right."""
    lines = [columns, ["---:" if column in numeric else "---" for column in columns]]
    body = [[markdown_text(cell) for cell in row] for row in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in [*lines, *body])


def markdown_text(cell: Any) -> str:
    """One cell or phrase with nothing in it that Markdown or HTML would act on."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return rounded(cell)
    text = printable(str(cell)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\|`*\[\]#])", r"\\\1", text)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\_", text)  # inside a word GitHub leaves it alone
