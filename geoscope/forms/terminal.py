"""The terminal: tables as wide as it is, reasons as footnotes, what to be wary of below."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from geoscope.document import Cards, Code, Column, Document, Section, Style, Table
from geoscope.forms.output import Page
from geoscope.wording import capital, cell_text, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table as Grid

_MANY = 8  # more places than this side by side read better as rows
_STYLES: dict[Style, str] = {"": "", "strong": "bold", "faint": "dim", "bad": "red"}


@dataclass
class _Notes:
    """Footnotes: each reason once, numbered as they come."""

    reasons: list[str] = field(default_factory=list)

    def cell(self, column: Column, row: Any) -> str:
        text = cell_text(column.told(row))
        why = None if column.why is None else column.why(row)
        if why is None:
            return text
        if why not in self.reasons:
            self.reasons.append(why)
        return f"{text or column.absent} [{self.reasons.index(why) + 1}]"


def text(document: Document, page: Page) -> str:
    """What rich draws of it, with escape codes only in color."""
    from rich.text import Text

    notes, blocks = _Notes(), document.blocks(foremost_last=True)
    parts: list[RenderableType] = [Text(printable(document.title), style="bold")]
    parts += [Text(printable(line)) for line in document.facts]
    whole = [block for block in blocks if isinstance(block, Table)]
    tables = [each for table in whole for each in _laid_out(table)]
    for table in tables:
        parts += [Text()]
        parts += [Text(printable(table.caption), style="bold")] if len(tables) > 1 and table.caption else []
        for number, grid in enumerate(_grids(table, notes, page.width)):
            parts += [Text(), grid] if number else [grid]
    parts += [Text(f"[{number}] {printable(reason)}") for number, reason in enumerate(notes.reasons, 1)]
    for section in document.sections:
        parts += _described(section)
    further = [line for table in whole for line in _left_out(table)]
    parts += [Text(printable(line), style="dim") for line in (*document.told(warning=False), *further)]
    parts += [Text(f"warning: {printable(line)}", style="yellow") for line in document.told(warning=True)]
    for block in blocks:
        if isinstance(block, Code):
            parts += [Text(), Text(block.text.rstrip("\n"))]
    if document.outcome is not None:
        parts += [Text(), Text(document.outcome, style="bold")]
    return _drawn(parts, page)


def _drawn(parts: Sequence[RenderableType], page: Page) -> str:
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=page.width or 100_000,
        force_terminal=page.color,
        force_jupyter=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())


def _described(section: Section) -> list[RenderableType]:
    """Cards that have no chart, in words, under what heads them."""
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = []
    cards = [block for block in section.blocks if isinstance(block, Cards) and not block.drawn]
    for card in (card for block in cards for card in block.make()):
        parts += [] if parts else [Text(section.title, style="bold")]
        facts = dict(card.reading.facts) | {"paper": card.reading.paper} if card.reading is not None else {}
        title = "" if card.reading is None else card.reading.title
        parts.append(Padding(Text(f"{card.name}: {title}"), (0, 0, 0, 2)))
        told = "\n".join(f"{name}: {fact}" for name, fact in facts.items())
        parts.append(Padding(Text(told, style="dim"), (0, 0, 0, 6)))
    return parts


# How a table stands


def _laid_out(table: Table) -> list[Table]:
    """The table with few places side by side; with many, or of several subjects, a row a place and a table a group."""
    if table.across is None:
        return [table]
    over, by, whose = map(table.column, (table.across.over, table.across.by, table.across.whose))
    places = list(dict.fromkeys(over.of(row) for row in table.rows))
    heading = next(column for column in table.columns if column.heading)
    several = whose.label is not None
    if len(places) < 2 and not several:
        return [replace(table, columns=[column for column in table.columns if column is not over], across=None)]
    cell = table.column(table.across.cell)
    if len(places) <= _MANY and not several:
        names = {place: f"{over.title} {place}" for place in places}
        return [_side_by_side(table, (heading, by), over, cell, names)]
    found = []
    for group in dict.fromkeys(heading.of(row) for row in table.rows):
        rows = [row for row in table.rows if heading.of(row) == group]
        names = {key: key.replace("_", "_\n") for key in dict.fromkeys(by.of(row) for row in rows)}
        found.append(
            _side_by_side(
                replace(table, caption=group, rows=rows), (whose, over) if several else (over,), by, cell, names
            )
        )
    return found


def _left_out(table: Table) -> list[str]:
    """What values side by side have no room for."""
    if table.across is None or not any(each.across for each in _laid_out(table)):
        return []
    titles = [f"{column.title}s" for column in table.shown() if column.name in table.across.left]
    return [f"{capital(' and '.join(titles))} are in --format json and csv."] if titles else []


def _side_by_side(table: Table, stubs: Sequence[Column], across: Column, value: Column, names: dict[Any, str]) -> Table:
    """The values over one column as columns; names: what they are called."""
    lines: dict[tuple[Any, ...], dict[Any, Any]] = {}
    for row in table.rows:
        lines.setdefault(tuple(stub.told(row) for stub in stubs), {})[across.of(row)] = row

    def cell(place: Any) -> Column:
        return Column(
            "",
            names[place],
            value=lambda line: None if place not in line else value.told(line[place]),
            why=lambda line: None if place not in line or value.why is None else value.why(line[place]),
        )

    def first(stub: Column) -> Column:
        def of(told: Callable[[Any], Any]) -> Callable[[Any], Any]:
            return lambda line: told(next(iter(line.values())))

        return replace(
            stub, value=of(stub.told), shown=None, heading=None if stub.heading is None else of(stub.heading)
        )

    return replace(table, columns=[*map(first, stubs), *map(cell, names)], rows=list(lines.values()))


def _grids(table: Table, notes: _Notes, width: int | None) -> list[Grid]:
    """The table, or several under one another where its columns do not fit the width even without spare ones."""
    columns = [column for column in table.shown() if not column.note]
    heading = next((column for column in table.columns if column.heading), None)
    stub = next((column for column in columns if column.words and not column.heading), columns[0])
    columns = [column for column in columns if column is not heading and column is not stub]
    labels = [("  " if heading is not None else "") + cell_text(stub.told(row)) for row in table.rows]
    cells = [[notes.cell(column, row) for column in columns] for row in table.rows]
    sizes = [
        3 + max(len(piece) for told in (column.title, *(line[at] for line in cells)) for piece in told.split("\n"))
        for at, column in enumerate(columns)
    ]
    heads = [] if heading is None or heading.heading is None else [heading.heading(row) for row in table.rows]
    first = max(len(told) for told in (stub.title, *labels, *heads))
    kept = list(range(len(columns)))
    for at in sorted(kept, key=lambda at: -columns[at].spare):
        if width and columns[at].spare and first + sum(sizes[place] for place in kept) > width:
            kept.remove(at)
    blocks: list[list[int]] = [[]]
    for at in kept:
        if blocks[-1] and width and first + sum(sizes[place] for place in blocks[-1]) + sizes[at] > width:
            blocks.append([])
        blocks[-1].append(at)
    return [_grid(table, stub, heading, labels, [(columns[at], [line[at] for line in cells]) for at in block])
            for block in blocks]  # fmt: skip


def _grid(
    table: Table, stub: Column, heading: Column | None, labels: Sequence[str], block: Sequence[tuple[Column, list[str]]]
) -> Grid:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    grid.add_column(Text(printable(stub.title)), no_wrap=True)
    for column, _ in block:
        title = "\n".join(map(printable, column.title.split("\n")))
        grid.add_column(Text(title), justify="left" if column.words else "right", overflow="fold")
    group = ""
    for at, row in enumerate(table.rows):
        head = "" if heading is None or heading.heading is None else printable(heading.heading(row))
        if head != group:
            group = head
            if head:
                grid.add_row(Text(head, style="bold"))
        style = _STYLES[table.style(row) if table.style is not None else ""]
        grid.add_row(Text(labels[at]), *(Text(cells[at], style=style) for _, cells in block))
    return grid
