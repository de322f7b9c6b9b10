"""Row columns: which columns of a table hold a row's numbers, told by their names and kinds, and which are left out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.tables import refuse_twice
from geoscope.wording import listed

_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)
_INDEX = re.compile(r"(__index_level_\d+__|Unnamed: \d+[\d.]*|level_\d+|index|)", re.IGNORECASE)
_NO_DIMENSION = frozenset(
    [
        "id",
        "ids",
        "idx",
        "row",
        "label",
        "labels",
        "target",
        "targets",
        "class",
        "classes",
        "category",
        "cluster",
        "group",
        "split",
        "fold",
        "score",
        "scores",
        "weight",
        "token",
        "tokens",
        "token_id",
        "token_ids",
        "input_id",
        "input_ids",
        "index",
        "year",
        "date",
        "time",
        "timestamp",
    ]
)
_NO_ROWS = frozenset(
    ["attention_mask", "input_ids", "labels", "position_ids", "special_tokens_mask", "token_ids", "token_type_ids"]
)
"""What columns of lists are called that hold a tokenized text."""
_FEWEST = 2  # columns side by side that make a row
_RIVALS = 8  # numbered columns beside a column of lists, which may as well be the row
_SHOWN = 6
_TEXTS = ("text", "string", "large_string", "string_view")


class Cells(StrEnum):
    """What a column's cells are."""

    LISTS = "lists of numbers"
    JSON = "lists of numbers in JSON"
    FLOATS = "floats"
    WHOLE = "whole numbers"
    OTHER = "something else"


@dataclass(frozen=True)
class RowColumn:
    """kind: its type in words, as errors tell it."""

    name: str
    cells: Cells
    kind: str

    @property
    def is_number(self) -> bool:
        return self.cells in (Cells.FLOATS, Cells.WHOLE)

    @property
    def is_list(self) -> bool:
        return self.cells in (Cells.LISTS, Cells.JSON)

    @property
    def family(self) -> tuple[str, str] | None:
        """What stands before and behind the number in its name: "dim_" and "" of dim_3; None where there is none."""
        match = None if _INDEX.fullmatch(self.name) else _NUMBERED.fullmatch(self.name)
        return None if match is None else (match[1], match[3])


@dataclass(frozen=True)
class RowColumns:
    """The places of the columns that make a row: one of lists, or several of numbers side by side."""

    places: tuple[int, ...]
    cells: Cells

    @property
    def in_lists(self) -> bool:
        return self.cells in (Cells.LISTS, Cells.JSON)


def row_columns(columns: Sequence[RowColumn], origin: str, *, column: str | None, groups: str | None) -> RowColumns:
    """Which of the columns are the row.

    column: the one of lists that was asked for, or how the names of those side by side begin ("dim_"). Without it: the
    only column of lists, else the only family of numbered names (dim_0, dim_1), else, where nothing but floats is
    left, all of them; warns where columns are left out or names tell nothing. groups: a column that is no part of the
    row. Raises GeoscopeError where it is not clear which they are.
    """
    free = [place for place, each in enumerate(columns) if each.name != groups]
    chosen = _asked(columns, free, origin, column) if column is not None else _found(columns, free, origin)
    names = [columns[place].name for place in chosen]
    refuse_twice([each.name for each in columns if each.name in {*names, groups}], origin)
    in_lists = columns[chosen[0]].is_list
    if not in_lists:
        _refuse_broken(columns, free, chosen, origin)
    said = _said_of_lists(columns, free, chosen, origin) if in_lists else _said(columns, free, chosen, origin)
    if said is not None and not (in_lists and column is not None):
        warnings.warn(said, stacklevel=2)
    if in_lists:
        return RowColumns(tuple(chosen), columns[chosen[0]].cells)
    floats = any(columns[place].cells is Cells.FLOATS for place in chosen)
    return RowColumns(tuple(chosen), Cells.FLOATS if floats else Cells.WHOLE)


def _asked(columns: Sequence[RowColumn], free: Sequence[int], origin: str, asked: str) -> list[int]:
    named = [place for place in free if columns[place].name == asked]
    if named:
        if not columns[named[0]].is_list:
            raise GeoscopeError(
                f"expected lists of numbers in the column '{asked}' of {origin}, got {columns[named[0]].kind}; name "
                "another, or how the names of columns of numbers begin"
            )
        return named
    family = [
        place
        for place in free
        if columns[place].is_number and (key := columns[place].family) is not None and key[0] == asked
    ]
    if len(family) < _FEWEST:
        raise GeoscopeError(
            f"expected --column to be a column of {origin}, or how the names of several begin, got '{asked}'; there "
            f"are {_told(columns, free)}"
        )
    return family


def _found(columns: Sequence[RowColumn], free: Sequence[int], origin: str) -> list[int]:
    lists = [place for place in free if columns[place].is_list]
    families = _families(columns, free)
    largest = max(families, key=len, default=[])
    if len(lists) > 1 or (lists and len(largest) >= _RIVALS):
        rest = f" beside {_span(columns, largest)}" if len(lists) == 1 else ""
        raise GeoscopeError(
            f"expected one column of lists of numbers, got {_names(columns, lists)}{rest} in {origin}; choose one "
            "with --column"
        )
    if lists and columns[lists[0]].name.strip().lower() in _NO_ROWS:
        raise GeoscopeError(
            f"expected a column that holds rows, got lists in '{columns[lists[0]].name}' alone in {origin}, as of "
            "tokens or boxes; choose with --column if they are rows"
        )
    if lists:
        return lists
    if len(families) > 1:
        spans = listed([_span(columns, family) for family in families])
        raise GeoscopeError(
            f"expected columns of one kind of name, as dim_0, dim_1, got {spans} in {origin}; choose one kind with "
            f"--column {columns[families[0][0]].name.rstrip('0123456789') or 'NAME'}"
        )
    floats = [place for place in free if columns[place].cells is Cells.FLOATS and not is_index(columns[place])]
    others = [place for place in floats if place not in largest]
    if families and len(others) < len(largest):
        return largest
    if families or len(floats) < _FEWEST or any(_is_no_dimension(columns[place]) for place in floats):
        raise GeoscopeError(
            f"expected one column of lists of numbers, or several columns of floats with one kind of name, as dim_0, "
            f"dim_1, got {_told(columns, free)} in {origin}; choose or rename them{_if_text(columns, free)}"
        )
    return floats


def _families(columns: Sequence[RowColumn], free: Sequence[int]) -> list[list[int]]:
    """Columns of numbers whose names differ in a number only; those of whole numbers only where no other has floats."""
    found: dict[tuple[str, str], list[int]] = {}
    for place in free:
        key = columns[place].family
        if key is not None and columns[place].is_number and not _is_no_dimension(columns[place]):
            found.setdefault(key, []).append(place)
    several = [places for places in found.values() if len(places) >= _FEWEST]
    floats = [places for places in several if any(columns[place].cells is Cells.FLOATS for place in places)]
    return floats or several


def _refuse_broken(columns: Sequence[RowColumn], free: Sequence[int], chosen: Sequence[int], origin: str) -> None:
    """Refuse a column whose name says that it is of the row, but that holds no numbers."""
    family = columns[chosen[0]].family
    if family is None or any(columns[place].family != family for place in chosen):
        return
    for place in free:
        if columns[place].family == family and not columns[place].is_number:
            raise GeoscopeError(
                f"expected numbers in the column '{columns[place].name}' of {origin}, as in {_span(columns, chosen)}, "
                f"got {columns[place].kind}; mend it, or give it another name"
            )


def _said(columns: Sequence[RowColumn], free: Sequence[int], chosen: Sequence[int], origin: str) -> str | None:
    """What of the columns side by side was left out, or chosen with nothing in their names to go by."""
    left = [place for place in free if place not in set(chosen) and not is_index(columns[place])]
    if len({columns[place].family for place in chosen}) > 1 or columns[chosen[0]].family is None:
        rest = f", and {_names(columns, left)} {'are' if len(left) > 1 else 'is'} left out" if left else ""
        return f"the columns {_names(columns, chosen)} of {origin} are read as the row{rest}"
    return _left_out(columns, left, _span(columns, chosen), origin) if left else None


def _said_of_lists(columns: Sequence[RowColumn], free: Sequence[int], chosen: Sequence[int], origin: str) -> str | None:
    """What numbered columns of floats were left out beside the one of lists."""
    left = [
        place
        for family in _families(columns, free)
        for place in family
        if any(columns[each].cells is Cells.FLOATS for each in family)
    ]
    return _left_out(columns, left, columns[chosen[0]].name, origin) if left else None


def _left_out(columns: Sequence[RowColumn], left: Sequence[int], row: str, origin: str) -> str:
    many = len(left) > 1
    return (
        f"the column{'s' * many} {_names(columns, left)} of {origin} {'are' if many else 'is'} left out: the row is "
        f"{row}"
    )


def is_index(column: RowColumn) -> bool:
    return _INDEX.fullmatch(column.name) is not None


def _is_no_dimension(column: RowColumn) -> bool:
    """Whether its name, but for a number at its end, is that of a label or an id."""
    return column.name.strip().lower().rstrip("0123456789").rstrip("_-. ") in _NO_DIMENSION


def _span(columns: Sequence[RowColumn], places: Sequence[int]) -> str:
    return f"{columns[places[0]].name} to {columns[places[-1]].name} ({len(places)} columns)"


def _names(columns: Sequence[RowColumn], places: Sequence[int]) -> str:
    return listed([columns[place].name or "without a name" for place in places], _SHOWN)


def _told(columns: Sequence[RowColumn], free: Sequence[int]) -> str:
    told = [f"{columns[place].name or 'without a name'} ({columns[place].kind})" for place in free]
    return f"the column{'s' * (len(told) > 1)} {listed(told, _SHOWN)}" if told else "no column"


def _if_text(columns: Sequence[RowColumn], free: Sequence[int]) -> str:
    alone = all(columns[place].cells is Cells.OTHER for place in free)
    return (
        ""
        if not alone or not any(columns[place].kind in _TEXTS for place in free)
        else "; text is read by --corpus, with a checkpoint"
    )
