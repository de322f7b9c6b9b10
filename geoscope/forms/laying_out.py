"""Laying out: how a table stands in a terminal: side by side, in lines of bars, or in parts under one another."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from geoscope.document import Column, Table
from geoscope.forms.output import Page
from geoscope.wording import capital, cell_text, cells_wide

GAP = 2
"""Between columns."""

_MANY = 8  # more places than this side by side read better as rows
_MOST_ROWS = 60  # in a terminal, where some rows tell more than others
_NOTE = 5  # of a footnote's number
_LEAST = 12  # characters of a name
_LINE = "line"  # the column of bars
_ENDS: dict[str, Callable[..., Any]] = {"lowest": min, "highest": max}
_BARS, _NO_BAR = "▁▂▃▄▅▆▇█", "·"


@dataclass
class Notes:
    """Footnotes: each reason once, numbered as they come."""

    reasons: dict[str, int] = field(default_factory=dict)

    def cell(self, column: Column, row: Any) -> str:
        text = cell_text(column.told(row))
        why = None if column.why is None else column.why(row)
        if why is None:
            return text
        return f"{text or column.absent} [{self.reasons.setdefault(why, len(self.reasons) + 1)}]"


def first_rows(table: Table, page: Page) -> Table:
    """Of a table longer than anybody reads in a terminal, the telling rows."""
    if table.telling is None or page.width is None or page.all_measures or len(table.rows) <= _MOST_ROWS:
        return table
    return replace(table, rows=[row for row in table.rows if table.telling(row)])


def laid_out(table: Table, page: Page) -> list[Table]:
    """The table with few places side by side; with more than the width has room for, a line and both ends a row.

    Of several subjects, a row each under every measure, or side by side if each has one place. Where there is no width
    to keep to, many places are rows, in a table a group.
    """
    if table.across is None:
        return [table]
    over, by, whose = map(table.column, (table.across.over, table.across.by, table.across.whose))
    cell, heading = table.column(table.across.cell), next(column for column in table.columns if column.heading)
    whose, several = replace(whose, value=whose.told, shown=None), whose.label is not None
    places = _in_order(over.of(row) for row in table.rows)
    named = {place: f"{over.title} {place}" if place is not None else f"no {over.title}" for place in places}
    found = dict.fromkeys((whose.of(row), over.of(row)) for row in table.rows)
    if several and len(found) == len({subject for subject, _ in found}):
        names = {subject: subject + (f"\n{named[place]}" if len(places) > 1 else "") for subject, place in found}
        return [_side_by_side(table, (heading, by), whose, cell, names)]
    if len(places) < 2:
        return [replace(table, columns=[column for column in table.columns if column is not over], across=None)]
    if page.width is None and (several or len(places) > _MANY):
        place = replace(over, label=over.title, shown=lambda row: _in_a_line(over.told(row)))
        return _as_rows(table, heading, (whose, place) if several else (place,), by, cell)
    stubs = (replace(by, label=None, heading=by.told), whose) if several else (heading, by)
    beside = _side_by_side(table, stubs, over, cell, named)
    if page.width is None or page.all_measures or (len(places) <= _MANY and _fits(beside, page.width)):
        return [beside]
    lines = _as_lines(beside, over, places, page.width)
    return [lines] if _fits(lines, page.width) else [beside]


def _in_a_line(place: Any) -> Any:
    return place.replace("\n", ", ") if isinstance(place, str) else place


def _in_order(places: Iterable[Any]) -> list[Any]:
    """Each once; numbers from the lowest, after what has no place."""
    held = list(dict.fromkeys(places))
    numbers = all(isinstance(each, int | None) for each in held)
    return sorted(held, key=lambda each: -1 if each is None else each) if numbers else held


def _as_rows(table: Table, heading: Column, stubs: Sequence[Column], by: Column, cell: Column) -> list[Table]:
    """A table a group, in which what a row was by stands over its column."""
    groups: dict[Any, list[Any]] = {}
    for row in table.rows:
        groups.setdefault(heading.of(row), []).append(row)
    return [
        _side_by_side(
            replace(table, caption=group, rows=rows), stubs, by, cell, {by.of(row): str(by.told(row)) for row in rows}
        )
        for group, rows in groups.items()
    ]


def left_out(table: Table, drawn: Sequence[Table], page: Page) -> list[str]:
    """What first rows, values side by side, or lines have no room for; drawn: the table as it is laid out."""
    if hidden := len(table.rows) - len(first_rows(table, page).rows):
        return [f"{hidden} other rows are left out: --all-measures shows them."]
    if table.across is None or not any(each.across for each in drawn):
        return []
    titles = [f"{column.title}s" for column in table.shown() if column.name in table.across.left]
    lines = any(column.name == _LINE for each in drawn for column in each.columns)
    told = ["every number: --all-measures"] * lines
    told += [f"{' and '.join(titles)}: --format json or csv"] * bool(titles)
    return [f"{capital('; '.join(told))}."] if told else []


def _as_lines(beside: Table, over: Column, places: Sequence[Any], width: int) -> Table:
    """Values side by side, a column a place, as a line of bars, with the lowest and the highest and where they are."""
    stub, values = beside.columns[: -len(places)], beside.columns[-len(places) :]

    def held(line: Any) -> list[float | None]:
        return [column.of(line) for column in values]

    def end(pick: Callable[..., Any]) -> Callable[[Any], str]:
        def told(line: Any) -> str:
            known = [(value, place) for value, place in zip(held(line), places, strict=True) if value is not None]
            if not known:
                return ""
            value, place = pick(known, key=lambda each: each[0])
            return f"{cell_text(value)} ({_short(place)})"

        return told

    def why(line: Any) -> str | None:
        reasons = dict.fromkeys(column.why(line) for column in values if column.why is not None)
        return "; ".join(reason for reason in reasons if reason) or None

    ends = [Column("", name, value=end(pick), reading=values[0].reading) for name, pick in _ENDS.items()]
    first = next(place for place in places if place is not None)
    title = f"{over.title}s {_short(first)} to {_short(places[-1])}"
    room = width - _room_of(replace(beside, columns=[*stub, *ends])) - GAP
    most = min(len(places), max(room - _NOTE * any(why(row) for row in beside.rows), len(title)))
    last = f"({_short(places[-1])}): of {over.title} {_short(places[-1])}"
    read = f"A bar a {over.title}, from its row's lowest value to the highest; {last}."
    line = Column(_LINE, title, value=lambda row: bars(held(row), most), words=True, why=why, reading=read)
    return replace(beside, columns=[*stub, line, *ends])


def _short(place: Any) -> str:
    """The first line of what a place is called."""
    return "none" if place is None else str(place).partition("\n")[0]


def bars(values: Sequence[float | None], most: int) -> str:
    """A bar a value, from the lowest to the highest; a dot for none. Of more than so many, a bar is the mean of some.

    Nothing where there is no value at all.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    count = min(most, len(values))
    edges = [round(place * len(values) / count) for place in range(count + 1)]
    least, reach = min(known), max(known) - min(known)
    drawn = ""
    for first, after in pairwise(edges):
        some = [value for value in values[first:after] if value is not None]
        share = 0.5 if reach == 0 else (sum(some) / len(some) - least) / reach if some else 0.0
        drawn += _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)] if some else _NO_BAR
    return drawn


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
            reading=value.reading,
        )

    def first(stub: Column) -> Column:
        def of(told: Callable[[Any], Any]) -> Callable[[Any], Any]:
            return lambda line: told(next(iter(line.values())))

        return replace(
            stub, value=of(stub.told), shown=None, heading=None if stub.heading is None else of(stub.heading)
        )

    return replace(table, columns=[*map(first, stubs), *map(cell, names)], rows=list(lines.values()))


def _fits(table: Table, width: int | None) -> bool:
    return width is None or _room_of(table) <= width


def _room_of(table: Table) -> int:
    """How many columns of a terminal the whole table takes."""
    return parts_of(table, Notes(), None).room


@dataclass(frozen=True)
class Parts:
    """What a table is drawn from. stub: the column that names the rows, first: how wide it is; sizes: of the others."""

    stub: Column
    heading: Column | None
    labels: list[str]
    columns: list[Column]
    titles: list[str]
    cells: list[list[str]]
    first: int
    sizes: list[int]

    @property
    def room(self) -> int:
        """How many columns of a terminal the whole table takes."""
        return self.first + sum(self.sizes)

    def stacked(self) -> Parts:
        """With the words of a title under one another where the numbers below are narrower."""
        titles = [
            title if column.words else _stacked(title, max(cells_wide(line[at]) for line in self.cells))
            for at, (column, title) in enumerate(zip(self.columns, self.titles, strict=True))
        ]
        sizes = [_size(title, [line[at] for line in self.cells]) for at, title in enumerate(titles)]
        return replace(self, titles=titles, sizes=sizes)


def parts_of(table: Table, notes: Notes, width: int | None) -> Parts:
    """Names longer than there is room for lose their beginning, so that nothing is broken in two."""
    columns = [column for column in table.shown() if not column.note]
    heading = next((column for column in table.columns if column.heading), None)
    stub = next((column for column in columns if column.words and not column.heading), columns[0])
    columns = [column for column in columns if column is not heading and column is not stub]
    labels = [("  " if heading is not None else "") + cell_text(stub.told(row)) for row in table.rows]
    cells = [[notes.cell(column, row) for column in columns] for row in table.rows]
    heads = [] if heading is None or heading.heading is None else [heading.heading(row) for row in table.rows]
    titles = [column.title for column in columns]
    if width:
        widest = max((_size(title, [line[at] for line in cells])
                      for at, (column, title) in enumerate(zip(columns, titles, strict=True))
                      if not column.words), default=0)  # fmt: skip
        labels = [_shortened(label, max(width - widest, width // 3)) for label in labels]
    first = max(map(cells_wide, (stub.title, *labels, *heads)))
    if width:
        room = width - first - GAP
        titles = ["\n".join(_shortened(line, room) for line in title.split("\n")) for title in titles]
        cells = [
            [_shortened(cell, room) if column.words else cell for column, cell in zip(columns, line, strict=True)]
            for line in cells
        ]
    sizes = [_size(title, [line[at] for line in cells]) for at, title in enumerate(titles)]
    return Parts(stub, heading, labels, columns, titles, cells, first, sizes)


def _stacked(title: str, room: int) -> str:
    words = [
        textwrap.wrap(line, max(room, 1), break_long_words=False, break_on_hyphens=False) for line in title.split("\n")
    ]
    return "\n".join(piece for pieces in words for piece in pieces)


def _size(title: str, cells: Sequence[str]) -> int:
    """How wide a column is with what parts it from the one before."""
    return GAP + max(map(cells_wide, (*title.split("\n"), *cells)))


def _shortened(name: str, room: int) -> str:
    """The end of a name that is longer than its room."""
    return name if len(name) <= max(room, _LEAST) else f"…{name[1 - max(room, _LEAST) :]}"
