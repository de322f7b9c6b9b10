"""Rows as plain text, safely: CSV, Markdown, and the cells of both."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geoscope.comparisons.comparison import Difference
    from geoscope.comparisons.holding import HeldLimit


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV with full precision; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return file.getvalue()


def _csv_cell(cell: Any) -> Any:
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + cell
    return repr(cell + 0.0) if isinstance(cell, float) else cell  # + 0.0: a zero has no sign


def key_names(keys: Mapping[str, Any]) -> str:
    """A study's key columns in words: noise level 5, noise seed 0."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value:zg}" if isinstance(value, float) else f"{name.replace('_', ' ')} {value}"
        for name, value in keys.items()
    )


def crosses_layers(row: Difference | HeldLimit) -> bool:
    """Whether it holds a layer against another of the candidate's."""
    return row.candidate is not None and row.candidate_layer != row.layer


def layer_cell(row: Difference | HeldLimit) -> int | str | None:
    """The layer in a column of layers: a number, or words where it takes two."""
    return layer_name(row).removeprefix("layer ") if crosses_layers(row) else row.layer


def layer_name(row: Difference | HeldLimit) -> str:
    """The layer, and the candidate's where it is another; empty for a file's only cloud."""
    if crosses_layers(row):
        return layers_in_words(row.layer, row.candidate_layer)
    return "" if row.layer is None else f"layer {row.layer}"


def layers_in_words(base: int | None, candidate: int | None) -> str:
    """A layer of the base and the other one of the candidate that it is held against."""
    mine, theirs = ("one cloud" if layer is None else f"layer {layer}" for layer in (base, candidate))
    return f"{mine} (candidate: {theirs})"


def to_markdown(columns: Sequence[str], rows: Iterable[Sequence[Any]], numeric: Sequence[str] = ()) -> str:
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


def rounded(value: float) -> str:
    """Four significant digits, for display."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        return f"{value:.3e}"
    return f"{value:.0f}" if size >= 1000 else f"{value:#.4g}".rstrip(".")


def signed(value: float) -> str:
    """One decimal with its sign, for display; what rounds to nothing has no sign."""
    shown = f"{value:+.1f}"
    return "0.0" if shown in ("+0.0", "-0.0") else shown


def percent_change(value: float) -> str:
    """A change's share of what it changed, in percent, for display."""
    return f"{signed(100 * value)} %"


def coefficient(value: float) -> str:
    """A number from -1 to 1, for display."""
    return f"{value:z.3f}"


def printable(text: str) -> str:
    """Text without control characters, which could steer a terminal or break a table."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
