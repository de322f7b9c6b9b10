"""Table rows: columns of a table as an (n, d) matrix that is read a block at a time, whatever kind of file it is."""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError
from geoscope.rows import FloatArray
from geoscope.subjects.row_files import array_files
from geoscope.subjects.row_files.array_files import read_dtype
from geoscope.subjects.row_files.row_columns import Cells, RowColumn, row_columns

_PEEKED = 64  # rows in which the first cell of a column of strings is looked for
_LIST_DEPTH = 2  # lists of one list are rows of shape (1, d)
_LABELS_AT_ONCE = 1 << 16


class RowTable(ABC):
    """A table that hands over any of its columns as pyarrow's record batches, as often as it is asked.

    origin: what holds it, as errors name it. first_row: how errors number row 0.
    """

    origin: str
    columns: tuple[RowColumn, ...]
    rows: int
    first_row = 0

    @abstractmethod
    def batches(self, places: Sequence[int], rows: int, *, text: bool = False) -> Iterator[Any]:
        """Record batches of the columns at some places, in that order, of about so many rows each.

        text: whether numbers that stand in text are left as they stand there.
        """

    @abstractmethod
    def stored(self, place: int) -> np.dtype[Any] | None:
        """The dtype of a column's numbers; None where they stand in text."""

    def labels(self, name: str) -> npt.NDArray[Any]:
        """One column's values, (n,)."""
        import pyarrow as pa
        from pyarrow.types import is_nested

        place = next(place for place, each in enumerate(self.columns) if each.name == name)
        chunks = [batch.column(0) for batch in self.batches([place], _LABELS_AT_ONCE, text=True)]
        values = pa.chunked_array(chunks)
        if is_nested(values.type):
            raise GeoscopeError(
                f"expected integers or strings in the column '{name}' of {self.origin}, got {values.type}; name another"
            )
        array: npt.NDArray[Any] = values.to_numpy()
        blank = values.null_count or sum(isinstance(each, str) and not each.strip() for each in array)
        if blank:
            raise GeoscopeError(
                f"expected a label in every row of the column '{name}' of {self.origin}, got {blank} empty cells; "
                "fill them"
            )
        return array


class TableMatrix:
    """The (n, d) matrix in a table: its one column of lists, or columns of numbers side by side.

    column, groups: as of `row_columns`. Raises GeoscopeError where it is not clear which columns are the row.
    """

    def __init__(self, table: RowTable, *, column: str | None = None, groups: str | None = None) -> None:
        self.table = table
        self._chosen = row_columns(table.columns, table.origin, column=column, groups=groups)
        stored = [table.stored(place) for place in self._chosen.places]
        self.stored: np.dtype[Any] | None = None
        self.dtype: np.dtype[Any] = np.dtype(np.float64)
        known = [dtype for dtype in stored if dtype is not None]
        if known and self._chosen.cells is not Cells.JSON:
            self.stored = known[0] if len(set(known)) == 1 else None
            self.dtype = max((read_dtype(dtype) for dtype in known), key=lambda dtype: dtype.itemsize)
        self.shape = (table.rows, self._width() if table.rows else 0)

    @property
    def row_names(self) -> tuple[str, ...]:
        """The columns that make the row, in its order."""
        return tuple(self.table.columns[place].name for place in self._chosen.places)

    def in_order(self, names: Sequence[str]) -> TableMatrix:
        """The same matrix, its columns in the order of their names here."""
        places = dict(zip(self.row_names, self._chosen.places, strict=True))
        ordered = copy.copy(self)
        ordered._chosen = replace(self._chosen, places=tuple(places[name] for name in names))
        return ordered

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        rows, width = self.shape
        step = max(1, array_files.BLOCK_BYTES // (width * self.dtype.itemsize))
        start, filled = 0, 0
        block = np.empty((min(step, rows), width), self.dtype)
        for batch in self.table.batches(self._chosen.places, step):
            taken = 0
            while taken < batch.num_rows:
                count = min(batch.num_rows - taken, len(block) - filled)
                self._fill(block[filled : filled + count], batch.slice(taken, count), start + filled)
                taken, filled = taken + count, filled + count
                if filled == len(block):
                    yield start, block
                    start, filled = start + filled, 0
                    block = np.empty((min(step, rows - start), width), self.dtype)
                    if start == rows:
                        return
        raise GeoscopeError(
            f"expected {rows} rows in {self.table.origin}, as at first, got {start + filled}; leave it while it is read"
        )

    def whole(self) -> FloatArray:
        rows = np.empty(self.shape, dtype=self.dtype)
        for start, block in self.blocks():
            rows[start : start + len(block)] = block
        return rows

    def _width(self) -> int:
        if not self._chosen.in_lists:
            return len(self._chosen.places)
        cells = plain(next(self.table.batches(self._chosen.places, 1)).column(0).slice(0, 1))
        if self._chosen.cells is Cells.LISTS and _is_list(cells.type.value_type):
            self._refuse_other_widths(_lengths(cells), 0, 1)
        first = cells[0].as_py()
        if self._chosen.cells is Cells.JSON:
            first = self._parsed(first, 0)
        width = len(_without_outer(first or ()))
        if not width:
            raise GeoscopeError(
                f"expected numbers in every row of the column '{self._name}' of {self.table.origin}, got none in "
                f"row {self.table.first_row}"
            )
        return width

    def _fill(self, block: FloatArray, batch: Any, start: int) -> None:
        """A batch's rows, of which the first is row `start` of the table, into a block of as many."""
        if not self._chosen.in_lists:
            for place, values in enumerate(batch.columns):
                block[:, place] = values.to_numpy(zero_copy_only=False)
        elif self._chosen.cells is Cells.JSON:
            for row, cell in enumerate(batch.column(0).to_pylist()):
                numbers = self._parsed(cell, start + row)
                self._refuse_other_widths(np.array([len(numbers)]), start + row)
                try:
                    block[row] = numbers
                except OverflowError as error:
                    raise GeoscopeError(
                        f"expected numbers that a float64 holds, got a larger one in row "
                        f"{self.table.first_row + start + row} of {self.table.origin}; mend the row or leave it out"
                    ) from error
        else:
            self._fill_from_lists(block, plain(batch.column(0)), start)

    def _fill_from_lists(self, block: FloatArray, lists: Any, start: int) -> None:
        if _is_list(lists.type.value_type):
            self._refuse_other_widths(_lengths(lists), start, 1)
            lists = lists.flatten()
        self._refuse_other_widths(_lengths(lists), start)
        values = lists.flatten().to_numpy(zero_copy_only=False)
        block[:] = values.reshape(block.shape)

    def _refuse_other_widths(self, lengths: npt.NDArray[Any], start: int, expected: int | None = None) -> None:
        width = self.shape[1] if expected is None else expected
        uneven = np.flatnonzero(lengths != width)
        if len(uneven):
            what = f"{width} numbers" if expected is None else "one list of numbers"
            raise GeoscopeError(
                f"expected {what} in every row, as row {self.table.first_row} has, got "
                f"{max(int(lengths[uneven[0]]), 0)} in row {self.table.first_row + start + int(uneven[0])} of "
                f"{self.table.origin}; mend the row or leave it out"
            )

    def _parsed(self, cell: Any, row: int) -> list[Any]:
        numbers = json_numbers(cell)
        if numbers is None:
            raise GeoscopeError(
                f"expected a list of numbers in JSON in every row of the column '{self._name}' of "
                f"{self.table.origin}, got {str(cell)[:40]!r} in row {self.table.first_row + row}; mend the row"
            )
        return numbers

    @property
    def _name(self) -> str:
        return self.table.columns[self._chosen.places[0]].name


def json_numbers(cell: Any) -> list[Any] | None:
    """The numbers of "[0.1, 0.2]" or "[[0.1, 0.2]]"; None where the cell is no such text."""
    if not isinstance(cell, str) or not cell.lstrip().startswith("["):
        return None
    try:
        return plain_numbers(json.loads(cell))
    except (ValueError, RecursionError):
        return None


def plain_numbers(given: Any) -> list[Any] | None:
    """A list of numbers, or the only one in a list, null among them as NaN; None where it is none."""
    numbers = _without_outer(given) if isinstance(given, list) else None
    if not numbers or any(type(each) not in (float, int) and each is not None for each in numbers):
        return None
    return [np.nan if each is None else each for each in numbers]


def typed_column(name: str, kind: Any) -> RowColumn:
    """What a column of an arrow type holds; strings are looked into by `looked_into`."""
    import pyarrow.types as types

    told = str(kind)
    told = told if len(told) <= 60 else f"{told[:57]}..."
    inner, depth = _plain_type(kind), 0
    while _is_list(inner):
        inner, depth = inner.value_type, depth + 1
    number = types.is_floating(inner) or types.is_integer(inner)
    if number and 0 < depth <= _LIST_DEPTH and not _is_matrix(kind):
        return RowColumn(name, Cells.LISTS, told)
    if number and depth == 0:
        return RowColumn(name, Cells.FLOATS if types.is_floating(inner) else Cells.WHOLE, told)
    return RowColumn(name, Cells.OTHER, told)


def looked_into(table: RowTable, kinds: Sequence[Any]) -> tuple[RowColumn, ...]:
    """The table's columns, those of strings that hold lists in JSON told apart, where there are no other lists."""
    import pyarrow.types as types

    columns = list(table.columns)
    strings = [
        place
        for place, kind in enumerate(kinds)
        if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    ]
    if not table.rows or not strings or any(each.cells is Cells.LISTS for each in columns):
        return table.columns
    batch = next(table.batches(strings, _PEEKED))
    for place, cells in zip(strings, batch.columns, strict=True):
        first = next((cell for cell in cells.slice(0, _PEEKED).to_pylist() if cell is not None), None)
        if json_numbers(first) is not None:
            columns[place] = RowColumn(columns[place].name, Cells.JSON, "lists in JSON")
    return tuple(columns)


def stored_dtype(kind: Any) -> np.dtype[Any] | None:
    """numpy's dtype of the numbers in a column of an arrow type; None where they are none."""
    import pyarrow.types as types

    inner = _plain_type(kind)
    while _is_list(inner):
        inner = inner.value_type
    return np.dtype(inner.to_pandas_dtype()) if types.is_floating(inner) or types.is_integer(inner) else None


def plain(values: Any) -> Any:
    """An array without the extension type around it, which tensors and `datasets` arrays have."""
    return values.storage if hasattr(values.type, "storage_type") else values


def _plain_type(kind: Any) -> Any:
    return getattr(kind, "storage_type", kind)


def _is_matrix(kind: Any) -> bool:
    """Whether each cell is a tensor with more than one axis that is longer than 1."""
    shape = getattr(kind, "shape", None)
    return isinstance(shape, (list, tuple)) and sum(size != 1 for size in shape) > 1


def _is_list(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _lengths(lists: Any) -> npt.NDArray[Any]:
    """Of each list; -1 where there is none."""
    import pyarrow.compute as pc

    lengths: npt.NDArray[Any] = pc.fill_null(pc.list_value_length(lists), -1).to_numpy(zero_copy_only=False)
    return lengths


def _without_outer(given: Sequence[Any]) -> Sequence[Any]:
    """The row in a list of one row."""
    return given[0] if len(given) == 1 and isinstance(given[0], list) else given
