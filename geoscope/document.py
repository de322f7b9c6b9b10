"""A document: what a result says to people and to spreadsheets, before any form of it is chosen.

A kind of result makes one (`geoscope/documents/`); a form writes any (`geoscope/forms/`), and knows no result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal, TypeVar, dataclass_transform

from geoscope.wording import cell_text

Place = tuple[float, float]
Held = TypeVar("Held")

MOST_LEADING = 5
"""Findings said first, at most: more are not read."""


@dataclass_transform(frozen_default=True, eq_default=False)
def _held(kind: type[Held]) -> type[Held]:
    """A frozen data class that is neither compared nor printed: to write what does so takes time at every start."""
    return dataclass(frozen=True, eq=False, repr=False)(kind)


@_held
class Column:
    """One column of a table: the only place where it is named.

    name: in CSV; "" for one that people alone see. label: to people; None for one that CSV alone has. value: of a row,
    else the row's attribute of that name. shown: what people see in its place. words: text, which is not aligned as
    numbers are. heading: what heads the group of rows that a row is of, where that saves the column.
    why: what a footnote to its cell says. absent: the cell of no value that has a footnote. note: tells the same in a
    column of its own. reading: how it is to be read. exact: a page tells its numbers in full too. spare: goes first
    where there is no room, the largest first. rare: CSV leaves it out where no row has it.
    """

    name: str
    label: str | None = ""
    value: Callable[[Any], Any] | None = None
    shown: Callable[[Any], Any] | None = None
    words: bool = False
    heading: Callable[[Any], str] | None = None
    why: Callable[[Any], str | None] | None = None
    absent: str = "undefined"
    note: bool = False
    reading: str = ""
    exact: bool = False
    spare: int = 0
    rare: bool = False

    @property
    def title(self) -> str:
        """What people call it."""
        return self.label or self.name.replace("_", " ")

    def of(self, row: Any) -> Any:
        """A row's cell."""
        return getattr(row, self.name) if self.value is None else self.value(row)

    def told(self, row: Any) -> Any:
        """A row's cell as people see it."""
        return self.of(row) if self.shown is None else self.shown(row)

    def holds(self, row: Any) -> bool:
        """Whether there is something to see of a row: a cell, or why there is none."""
        return self.told(row) not in (None, "") or (self.why is not None and self.why(row) is not None)


Style = Literal["", "strong", "faint", "bad"]


@_held
class Across:
    """How a table may stand more narrowly: a row a `by`, a column an `over`, in it `cell`; all names of columns.

    whose: what the rows are of, where that is several. left: what there is no room for then.
    """

    by: str
    over: str
    cell: str
    whose: str
    left: Sequence[str] = ()


@_held
class Table:
    """Rows and their columns. across: how they may stand side by side.

    telling: the rows that are read first, where a form folds the others away; measure: whose number a row is, by key;
    style: of a row.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Any]
    across: Across | None = None
    telling: Callable[[Any], bool] | None = None
    measure: Callable[[Any], str] | None = None
    style: Callable[[Any], Style] | None = None

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)

    def shown(self) -> list[Column]:
        """The columns that people see: those that hold something."""
        return [
            column
            for column in self.columns
            if column.label is not None and any(column.holds(row) for row in self.rows)
        ]


@_held
class Code:
    """Lines to be copied; language: of a fenced block."""

    caption: str
    text: str
    language: str


@_held
class Point:
    """One number of a series. at: its place on the axis; None for one of no place, which is drawn across it.

    name: where it is from. said: the number in words, or why there is none. ends: of its interval. hollow: drawn so.
    """

    at: float | None
    value: float | None
    name: str
    said: str
    ends: tuple[float, float] | None = None
    null: float | None = None
    hollow: bool = False


@_held
class Series:
    """What one colour stands for; place: among all, which says the colour."""

    place: int
    name: str
    points: Sequence[Point]


@_held
class Chart:
    """Series over the places of an axis, or beside each other where all stand at one.

    places: whole numbers, or a study's levels. line: over its axis at one place too. zero: the line of no change is in
    sight. band: what counts as no news, as place, low and high.
    """

    title: str
    series: Sequence[Series]
    axis: str = "layer"
    places: Sequence[float] = ()
    levels: bool = False
    line: bool = False
    zero: bool = False
    band: Sequence[tuple[float, float, float]] = ()


@_held
class Scatter:
    """Pairs of numbers: a point's `at` lies, its value stands. axes: their names. fit: the ends of a fitted line."""

    title: str
    series: Sequence[Series]
    axes: tuple[str, str]
    fit: Sequence[Place] = ()


@_held
class HeatMap:
    """A matrix of numbers, a colour each. axes: what its lines and its columns are; places: their names, the same of
    both. values: a line a place; said: each in words, or why there is none."""

    title: str
    axes: tuple[str, str]
    places: Sequence[str]
    values: Sequence[Sequence[float | None]]
    said: Sequence[Sequence[str]]


@_held
class Reading:
    """A measure in words: what it is, what is to be known of it by name, and where it is from."""

    title: str
    facts: Mapping[str, str]
    paper: str
    link: str | None


@_held
class Card:
    """One measure: how it is read, its chart, and its number where there is only one. measure: its key."""

    name: str
    chart: Chart | Scatter | HeatMap | None = None
    reading: Reading | None = None
    number: str | None = None
    beside: str | None = None
    measure: str | None = None


@_held
class Cards:
    """Cards side by side, made where a form draws them. drawn: they hold charts, and words alone would be little."""

    make: Callable[[], Sequence[Card]]
    drawn: bool = True


@_held
class Section:
    """What stands under one heading. background: what it was made with, for those who look for it.

    foremost: to be seen first, and so at the end of what scrolls by.
    """

    title: str
    blocks: Sequence[Table | Code | Cards]
    background: bool = False
    foremost: bool = False


@dataclass(frozen=True)
class Finding:
    """A sentence; a warning is written after that word, without a capital. further: told where there is room.

    lead: may stand above everything else, where there are not too many before it.
    """

    text: str
    warning: bool = False
    further: bool = False
    lead: bool = False


@_held
class Folded:
    """Measures whose number another row tells already, by their keys, and the sentence that says so in their place."""

    measures: Collection[str]
    why: str


@_held
class GateCase:
    """A test of a gate: what came of it and why. sentence: the same for those who see nothing else of it."""

    suite: str
    name: str
    outcome: Literal["passed", "failed", "skipped"]
    text: str = ""
    sentence: str | None = None


@_held
class Document:
    """A result in words, tables and charts. data: what a spreadsheet gets. cases: of a gate; None where none is held.

    findings: those that may lead come first, the most telling one first. outcome: all of a gate in a line. how: how the
    charts are to be read, reading: how the tables are beside their columns, a line each. legend: the series, in their
    colours' order. folded: what screens leave out unless asked for all.
    """

    title: str
    data: Sequence[Table]
    sections: Sequence[Section]
    facts: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    how: str = ""
    reading: Sequence[str] = ()
    folded: Folded | None = None
    legend: Sequence[str] = ()
    outcome: str | None = None
    cases: Sequence[GateCase] | None = None

    def blocks(self, *, foremost_last: bool = False) -> list[Table | Code | Cards]:
        """What is no background, and holds something."""
        sections = [section for section in self.sections if not section.background]
        if foremost_last:
            sections.sort(key=lambda section: section.foremost)
        held = [block for section in sections for block in section.blocks]
        return [block for block in held if not isinstance(block, Table) or block.rows]

    def drawn(self) -> list[list[Card]]:
        """The cards of each section that have charts."""
        return [
            [card for block in section.blocks if isinstance(block, Cards) for card in block.make() if card.chart]
            for section in self.sections
        ]

    @property
    def opening(self) -> list[Finding]:
        """What is said first: of the findings that may lead, so many."""
        return [each for each in self.findings if each.lead][:MOST_LEADING]

    @property
    def rest(self) -> list[Finding]:
        """The findings that are not said first."""
        opening = self.opening
        return [each for each in self.findings if not any(each is led for led in opening)]

    def outcome_lines(self, most: int) -> list[str]:
        """What came of it, for those who see nothing else of it: the outcome, then what is said first."""
        told = self.opening or list(self.findings)
        lines = [f"warning: {each.text}" if each.warning else each.text for each in told]
        return [*([self.outcome] if self.outcome else []), *lines[:most]]

    def how_to_read(self, tables: Sequence[Table] | None = None) -> list[str]:
        """How tables of it, or all, are to be read: each of the columns that are seen, then what holds of them all."""
        if tables is None:
            tables = [block for block in self.blocks() if isinstance(block, Table)]
        columns = dict.fromkeys(column.reading for table in tables for column in table.shown() if column.reading)
        return [*columns, *(self.reading if tables else ())]

    def told(self, *, warning: bool) -> list[str]:
        """Of the rest, the warnings, or the other findings, that are told everywhere."""
        return [each.text for each in self.rest if each.warning == warning and not each.further]

    def without_folded(self) -> Document:
        """The document as screens show it: without the rows and cards of the measures whose number is another's."""
        if self.folded is None:
            return self
        sections = [replace(each, blocks=[self._unfolded(block) for block in each.blocks]) for each in self.sections]
        return replace(self, sections=sections, findings=[*self.findings, Finding(self.folded.why)], folded=None)

    def _unfolded(self, block: Table | Code | Cards) -> Table | Code | Cards:
        measures = () if self.folded is None else self.folded.measures
        if isinstance(block, Table) and block.measure is not None:
            measure = block.measure
            return replace(block, rows=[row for row in block.rows if measure(row) not in measures])
        if isinstance(block, Cards):
            make = block.make
            return replace(block, make=lambda: [card for card in make() if card.measure not in measures])
        return block


def in_turn(sections: Sequence[Sequence[Card]]) -> list[Card]:
    """The cards of some sections, the first of each before the second of any."""
    return [card for cards in zip_longest(*sections) for card in cards if card is not None]


def side_by_side(caption: str, labels: Sequence[str], contents: Sequence[Mapping[str, Any]]) -> Table:
    """A row a name, a column a content; one column where all contents are the same."""
    flat = [flattened(content) for content in contents]
    names = list(dict.fromkeys(name for content in flat for name in content))
    if all(content == flat[0] for content in flat[1:]):
        flat, labels = flat[:1], ["all" if len(flat) > 1 else "value"]
    rows = [{"name": name} | {at: cell_text(content.get(name)) for at, content in enumerate(flat)} for name in names]
    columns = [Column("", label, entry(at), words=True) for at, label in enumerate(labels)]
    return Table(caption, [Column("", "name", entry("name"), words=True), *columns], rows)


def entry(key: Any, of: str = "") -> Callable[[Any], Any]:
    """What a row, or the mapping that is its attribute of that name, has under a key."""
    return lambda row: (getattr(row, of) if of else row).get(key)


def flattened(content: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """Nested settings as one level, parts joined by spaces."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        key = f"{head} {name}".strip()
        if isinstance(value, Mapping):
            flat |= flattened(value, key)
        else:  # as written: a setting is not rounded
            flat[key] = repr(value + 0.0) if isinstance(value, float) else value
    return flat
