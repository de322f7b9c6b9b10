"""The terminal: tables as wide as it is, reasons as footnotes, what to be wary of below."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from geoscope.document import Cards, Code, Column, Document, Finding, Section, Style, Table
from geoscope.forms.output import Page
from geoscope.wording import capital, cell_text, code_and_words, printable, sentence

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_MANY = 8  # more places than this side by side read better as rows
_MOST_ROWS = 60  # in a terminal, where some rows tell more than others
_AT_ONCE = 500  # lines of a table that are drawn as one text
_GAP = 2  # between columns
_NOTE = 5  # of a footnote's number
_STICKS = "\N{NO-BREAK SPACE}"  # a number to its unit
_LEAST = 12  # characters of a name
_LINE = "line"  # the column of bars
_BARS, _NO_BAR = "▁▂▃▄▅▆▇█", "·"
_STYLES: dict[Style, str] = {"": "", "strong": "bold", "faint": "dim", "bad": "red"}


@dataclass
class _Notes:
    """Footnotes: each reason once, numbered as they come."""

    reasons: dict[str, int] = field(default_factory=dict)

    def cell(self, column: Column, row: Any) -> str:
        text = cell_text(column.told(row))
        why = None if column.why is None else column.why(row)
        if why is None:
            return text
        return f"{text or column.absent} [{self.reasons.setdefault(why, len(self.reasons) + 1)}]"


def text(document: Document, page: Page) -> str:
    """What rich draws of it, with escape codes only in color."""
    from rich.text import Text

    notes, blocks = _Notes(), document.blocks(foremost_last=True)
    wide = page.width
    parts: list[RenderableType] = [_lines(document.title, wide, style="bold")]
    parts += [_lines(line, wide) for line in document.facts]
    parts += [Text()] if document.opening else []
    parts += [_lines(_told(each), wide, "- ", style="yellow" if each.warning else "") for each in document.opening]
    whole = [block for block in blocks if isinstance(block, Table)]
    laid_out = [_laid_out(_first_rows(table, page), page) for table in whole]
    tables = [each for drawn in laid_out for each in drawn]
    for table in filter(lambda each: each.rows, tables):
        parts += [Text()]
        parts += [_lines(table.caption, wide, style="bold")] if len(tables) > 1 and table.caption else []
        for number, grid in enumerate(_grids(table, notes, page.width)):
            parts += [Text(), *grid] if number else grid
    parts += [_lines(reason, wide, f"[{number}] ") for reason, number in notes.reasons.items()]
    for section in document.sections:
        parts += _described(section)
    further = [line for table, drawn in zip(whole, laid_out, strict=True) for line in _left_out(table, drawn, page)]
    below = [*(document.reading if tables else ()), *document.told(warning=False), *further]
    parts += [Text()] if below else []
    parts += [_lines(line, wide, style="dim") for line in below]
    parts += [_lines(f"warning: {line}", wide, style="yellow") for line in document.told(warning=True)]
    for block in blocks:
        if isinstance(block, Code):
            parts += [Text(), Text(block.text.rstrip("\n"))]
    if document.outcome is not None:
        parts += [Text(), _lines(document.outcome, wide, style="bold")]
    return _drawn(parts, page)


def _told(finding: Finding) -> str:
    return sentence(f"warning: {finding.text}" if finding.warning else finding.text)


def _lines(text: str, width: int | None, head: str = "", style: str = "") -> Text:
    """A text in lines of whole words, all after the first as far in as what heads it; nothing longer is cut."""
    from rich.text import Text

    words = "".join(piece for piece, _ in code_and_words(printable(text))).replace(" %", f"{_STICKS}%")
    lines = textwrap.wrap(
        words, (width or 100_000) - len(head), break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
    indent = "\n" + " " * len(head)
    return Text(head + indent.join(lines).replace(_STICKS, " "), style=style)


def _drawn(parts: Sequence[RenderableType], page: Page) -> str:
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=io.StringIO(),
        width=page.width or 100_000,
        force_terminal=page.color,
        force_jupyter=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    drawn = []
    for part in parts:
        if isinstance(part, Text) and not page.color:  # its lines are whole already
            drawn.append(part.plain + part.end)
            continue
        with console.capture() as capture:
            console.print(part, soft_wrap=isinstance(part, Text), end=part.end if isinstance(part, Text) else "\n")
        drawn.append(capture.get())
    return "".join(line.rstrip() + "\n" for line in "".join(drawn).splitlines())


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


def _first_rows(table: Table, page: Page) -> Table:
    """Of a table longer than anybody reads in a terminal, the telling rows."""
    if table.telling is None or page.width is None or page.all_measures or len(table.rows) <= _MOST_ROWS:
        return table
    return replace(table, rows=[row for row in table.rows if table.telling(row)])


def _laid_out(table: Table, page: Page) -> list[Table]:
    """The table with few places side by side; with more than the width has room for, a line and both ends a row.

    Where that has no room either, of several subjects, or if all is asked for: a row a place and a table a group.
    """
    if table.across is None:
        return [table]
    over, by, whose = map(table.column, (table.across.over, table.across.by, table.across.whose))
    places = list(dict.fromkeys(over.of(row) for row in table.rows))
    heading = next(column for column in table.columns if column.heading)
    several = whose.label is not None
    if len(places) < 2 and not several:
        return [replace(table, columns=[column for column in table.columns if column is not over], across=None)]
    cell = table.column(table.across.cell)
    if not several:
        names = {place: f"{over.title} {place}" for place in places}
        beside = _side_by_side(table, (heading, by), over, cell, names)
        if len(places) <= _MANY and _fits(beside, page.width):
            return [beside]
        if page.width is not None and not page.all_measures:
            lines = _as_lines(beside, over, places, page.width)
            if _fits(lines, page.width):
                return [lines]
        if len(places) <= _MANY:
            return [beside]
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


def _left_out(table: Table, drawn: Sequence[Table], page: Page) -> list[str]:
    """What first rows, values side by side, or lines have no room for; drawn: the table as it is laid out."""
    if hidden := len(table.rows) - len(_first_rows(table, page).rows):
        return [f"{hidden} other rows are left out: --all-measures shows them."]
    if table.across is None or not any(each.across for each in drawn):
        return []
    titles = [f"{column.title}s" for column in table.shown() if column.name in table.across.left]
    lines = any(column.name == _LINE for each in drawn for column in each.columns)
    told = ["--all-measures shows every number in full"] * lines
    if titles:
        told.append(f"{' and '.join(titles)} are in --format json and csv")
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

    ends = [Column("", "lowest", value=end(min)), Column("", "highest", value=end(max))]
    title = f"{over.title}s {_short(places[0])} to {_short(places[-1])}"
    room = width - _room_of(replace(beside, columns=[*stub, *ends])) - _GAP
    most = min(len(places), max(room - _NOTE * any(why(row) for row in beside.rows), len(title)))
    line = Column(_LINE, title, value=lambda row: bars(held(row), most), words=True, why=why)
    return replace(beside, columns=[*stub, line, *ends])


def _short(place: Any) -> str:
    """The first line of what a place is called."""
    return str(place).partition("\n")[0]


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
    parts = _parts(table, _Notes(), None)
    return parts.first + sum(parts.sizes)


@dataclass(frozen=True)
class _Parts:
    """What a table is drawn from. stub: the column that names the rows, first: how wide it is; sizes: of the others."""

    stub: Column
    heading: Column | None
    labels: list[str]
    columns: list[Column]
    cells: list[list[str]]
    first: int
    sizes: list[int]


def _parts(table: Table, notes: _Notes, width: int | None) -> _Parts:
    """Names longer than there is room for lose their beginning, so that nothing is broken in two."""
    columns = [column for column in table.shown() if not column.note]
    heading = next((column for column in table.columns if column.heading), None)
    stub = next((column for column in columns if column.words and not column.heading), columns[0])
    columns = [column for column in columns if column is not heading and column is not stub]
    labels = [("  " if heading is not None else "") + cell_text(stub.told(row)) for row in table.rows]
    cells = [[notes.cell(column, row) for column in columns] for row in table.rows]
    heads = [] if heading is None or heading.heading is None else [heading.heading(row) for row in table.rows]
    if width:
        widest = max((_size(column, [line[at] for line in cells]) for at, column in enumerate(columns)
                      if not column.words), default=0)  # fmt: skip
        labels = [_shortened(label, max(width - widest, width // 3)) for label in labels]
    first = max(len(told) for told in (stub.title, *labels, *heads))
    if width:
        cells = [
            [_shortened(cell, width - first - _GAP) if column.words else cell
             for column, cell in zip(columns, line, strict=True)]
            for line in cells
        ]  # fmt: skip
    sizes = [_size(column, [line[at] for line in cells]) for at, column in enumerate(columns)]
    return _Parts(stub, heading, labels, columns, cells, first, sizes)


def _size(column: Column, cells: Sequence[str]) -> int:
    return _GAP + max(len(piece) for told in (column.title, *cells) for piece in told.split("\n"))


def _shortened(name: str, room: int) -> str:
    """The end of a name that is longer than its room."""
    return name if len(name) <= max(room, _LEAST) else f"…{name[1 - max(room, _LEAST) :]}"


def _grids(table: Table, notes: _Notes, width: int | None) -> list[list[Text]]:
    """The table, or several under one another where its columns do not fit the width even without spare ones."""
    parts = _parts(table, notes, width)
    first, sizes, columns = parts.first, parts.sizes, parts.columns
    kept = list(range(len(columns)))
    for at in sorted(kept, key=lambda at: -columns[at].spare):
        if width and columns[at].spare and first + sum(sizes[place] for place in kept) > width:
            kept.remove(at)
    blocks: list[list[int]] = [[]]
    for at in kept:
        if blocks[-1] and width and first + sum(sizes[place] for place in blocks[-1]) + sizes[at] > width:
            blocks.append([])
        blocks[-1].append(at)
    return [
        _grid(table, parts.stub, parts.heading, parts.labels,
              [(columns[at], [line[at] for line in parts.cells]) for at in block])
        for block in blocks
    ]  # fmt: skip


def _grid(
    table: Table, stub: Column, heading: Column | None, labels: Sequence[str], block: Sequence[tuple[Column, list[str]]]
) -> list[Text]:
    """The lines of a table, some hundred in a text: rich's own tables take minutes for a hundred thousand rows."""
    from rich.text import Text

    groups = [""] * len(labels)
    if heading is not None and heading.heading is not None:
        groups = [printable(heading.heading(row)) for row in table.rows]
    titles = [[printable(line) for line in title.split("\n")] for title in (stub.title, *(c.title for c, _ in block))]
    columns = [labels, *(cells for _, cells in block)]
    sizes = [max(map(_wide, (*title, *cells))) for title, cells in zip(titles, columns, strict=True)]
    sizes[0] = max(sizes[0], *map(_wide, dict.fromkeys(groups)))
    left = [True, *(column.words for column, _ in block)]

    def line(cells: Sequence[str]) -> list[str]:
        fills = [" " * (size - _wide(cell)) for cell, size in zip(cells, sizes, strict=True)]
        aligned = [cell + fill if here else fill + cell for cell, fill, here in zip(cells, fills, left, strict=True)]
        return [aligned[0], "".join(" " * _GAP + cell for cell in aligned[1:])]

    made = Text()
    for each in reversed(list(zip_longest(*(title[::-1] for title in titles), fillvalue=""))):
        made.append("".join(line(each)) + "\n", "bold")
    made.append("─" * (sum(sizes) + _GAP * len(block)))
    texts, group = [made], ""
    for at, row in enumerate(table.rows):
        if at % _AT_ONCE == 0:
            texts.append(Text(end=""))
        if groups[at] != group:
            group = groups[at]
            texts[-1].append(f"{group}\n" * bool(group), "bold")
        label, cells = line([column[at] for column in columns])
        texts[-1].append(label)
        texts[-1].append(f"{cells}\n", _STYLES[table.style(row) if table.style is not None else ""])
    return texts


def _wide(text: str) -> int:
    """How many columns of a terminal a text takes."""
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)
