"""Lines: a document in at most six lines, as Python shows a result that is typed at its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geoscope.document import Column, Document, Table
from geoscope.wording import cell_text, listed, printable

MOST = 6
"""Lines."""

_WIDTH = 100
_FACTS = 2
_ROWS = 3
_CELLS = 4


def text(document: Document, kind: str) -> str:
    """What it is of, what came out, a few of its numbers, and what to be wary of."""
    lines = [f"{kind}: {document.title}"]
    more = len(document.facts) - 1
    lines += document.facts if more < _FACTS else [f"{document.facts[0]} (and {more} more)"]
    lines += [document.outcome] if document.outcome else []
    warnings = [f"warning: {each}" for each in document.told(warning=True)]
    lines += _numbers(document)[: MOST - len(lines) - bool(warnings)]
    lines += [*warnings, *document.told(warning=False)][: MOST - len(lines)]
    return "\n".join(_cut(printable(line)) for line in lines)


def _cut(line: str) -> str:
    """A line that fits; what does not ends with dots at a word."""
    if len(line) <= _WIDTH:
        return line
    kept = line[: _WIDTH - 3]
    return (kept.rpartition(" ")[0] or kept).rstrip(",;:") + "..."


def _numbers(document: Document) -> list[str]:
    """The last place of each group where a table stands over places, else the first rows of what is read first."""
    whole = next(iter(document.data), None)
    if whole is not None and whole.across is not None and whole.rows:
        return _by_place(whole)
    table = next((block for block in document.blocks(foremost_last=True) if isinstance(block, Table)), None)
    if table is None:
        return []
    lines = [_row(table, row) for row in table.rows[:_ROWS]]
    named = table.telling is None and 0 < len(table.caption) < _WIDTH // 3
    lines[0] = f"{table.caption}: {lines[0]}" if named else lines[0]
    rest = len(table.rows) - len(lines)
    return [*lines[:-1], lines[-1] + (f"; and {rest} more" if rest else "")]


def _by_place(table: Table) -> list[str]:
    """One number a group of the last place, and which other places there are."""
    across = table.across
    if across is None:
        return []
    by, over, cell = (table.column(name) for name in (across.by, across.over, across.cell))
    places = list(dict.fromkeys(over.of(row) for row in table.rows))
    last = [row for row in table.rows if over.of(row) == places[-1]]
    heading = next((column.heading for column in table.columns if column.heading), None)
    first = {heading(row) if heading else by.of(row): row for row in reversed(last)}
    shown = [f"{by.told(row)} {cell_text(cell.told(row)) or cell.absent}" for row in reversed(first.values())]
    where = "" if places[-1] is None else f"{over.title} {places[-1]}: "
    lines = [where + listed(shown, _CELLS)] if len(shown) <= _CELLS else [where + ", ".join(shown[:_CELLS]) + ","]
    lines += [] if len(shown) <= _CELLS else ["  " + listed(shown[_CELLS:], _CELLS)]
    rest = len(last) - len(shown)
    lines[-1] += f" and {rest} more" if rest else ""
    return lines + ([f"{over.title}s {listed(places, 12)}"] if len(places) > 1 else [])


def _row(table: Table, row: Any) -> str:
    """A row's name and its first cells."""
    columns = [column for column in table.shown() if not column.note]
    stub = next((column for column in columns if column.words and not column.heading), columns[0])
    held = [column for column in columns if column is not stub and column.told(row) not in (None, "")]
    return f"{cell_text(stub.told(row))}: {_cells(held[:_CELLS], row)}"


def _cells(columns: Sequence[Column], row: Any) -> str:
    told = [(column, cell_text(column.told(row))) for column in columns]
    return ", ".join(cell if column.words else f"{column.title} {cell}" for column, cell in told)
