"""CSV: rows of plain cells with full precision, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

from geoscope.document import Document
from geoscope.wording import printable

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for a formula's beginning; the wide ones too where it reads Chinese or Japanese."""


def text(document: Document) -> str:
    """A header and a row a row; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    names, rows = cells(document)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(_cell, names))
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return file.getvalue()


def cells(document: Document) -> tuple[list[str], list[list[Any]]]:
    """The names of the columns, and every row's cells as they are."""
    columns = [column for table in document.data for column in table.columns if column.name]
    names = list(dict.fromkeys(column.name for column in columns))
    rows = []
    for table in document.data:
        held = {column.name: column for column in table.columns}
        rows += [[held[name].of(row) if name in held else None for name in names] for row in table.rows]
    rare = {column.name for column in columns if column.rare}
    kept = [at for at, name in enumerate(names) if name not in rare or any(row[at] is not None for row in rows)]
    return [names[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _cell(cell: Any) -> Any:
    if isinstance(cell, str):
        return ("'" if cell.startswith(_FORMULA) else "") + printable(cell, kept="\n\t")
    return repr(cell + 0.0) if isinstance(cell, float) else cell  # + 0.0: a zero has no sign
