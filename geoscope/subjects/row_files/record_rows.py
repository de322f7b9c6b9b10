"""Record rows: the embeddings in a .jsonl, read a line at a time; numbers are float64."""

from __future__ import annotations

import copy
import itertools
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from geoscope.bounds import ROW_BYTES
from geoscope.errors import GeoscopeError
from geoscope.files import TwiceError
from geoscope.rows import FloatArray
from geoscope.subjects.row_files import array_files
from geoscope.subjects.row_files.groups import one_kind
from geoscope.subjects.row_files.row_columns import Cells, RowColumn, row_columns
from geoscope.subjects.row_files.table_rows import json_numbers, plain_numbers
from geoscope.subjects.tables.encodings import unpacked
from geoscope.subjects.tables.record_files import parsed

_LOOKED_AT = 64  # records in which a field's kind is looked for


class _Record(NamedTuple):
    line: int
    value: Any


class RecordMatrix:
    """The (n, d) matrix in a .jsonl: of records the field of lists, or fields of numbers; or each line a list.

    column, groups: as of `row_columns`, of fields. Raises GeoscopeError, with the line, for what is no such row.
    """

    dtype: np.dtype[Any] = np.dtype(np.float64)
    stored: np.dtype[Any] | None = None

    def __init__(self, path: Path, *, column: str | None = None, groups: str | None = None) -> None:
        self.path = path
        first = next(self._records(), None)
        if first is None:
            raise GeoscopeError(f"expected {path} to have at least one row, got none")
        self.names: tuple[str, ...] = ()
        self._fields: tuple[str, ...] | None = None
        if isinstance(first.value, dict):
            columns = self._columns(first.value)
            chosen = row_columns(columns, str(path), column=column, groups=groups)
            self.names = tuple(first.value)
            self._fields = tuple(columns[place].name for place in chosen.places)
            self._in_lists = chosen.in_lists
        elif isinstance(first.value, list) and any(isinstance(each, dict) for each in first.value):
            raise GeoscopeError(
                f"expected a record in each line of {path}, got a list of them in line {first.line}; write one a line"
            )
        elif column is not None:
            raise GeoscopeError(
                f"expected records with the field '{column}', got a list in line {first.line} of {path}"
            )
        self.shape = (self._count(), 0)
        self.shape = (self.shape[0], len(self._numbers(first)))

    @property
    def row_names(self) -> tuple[str, ...]:
        """The fields that make the row, in its order; none where each line is a list."""
        return self._fields or ()

    def in_order(self, names: Sequence[str]) -> RecordMatrix:
        """The same matrix, its fields in the order of their names here."""
        ordered = copy.copy(self)
        ordered._fields = tuple(names)
        return ordered

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        rows, width = self.shape
        step = max(1, array_files.BLOCK_BYTES // (width * self.dtype.itemsize))
        records = self._records()
        for start in range(0, rows, step):
            block = np.empty((min(step, rows - start), width))
            for place in range(len(block)):
                record = next(records, None)
                if record is None:
                    raise GeoscopeError(
                        f"expected {rows} rows in {self.path}, as at first, got fewer; let it be while it is read"
                    )
                try:
                    block[place] = self._numbers(record)
                except OverflowError as error:
                    raise GeoscopeError(
                        f"expected numbers that a float64 holds, got a larger one in line {record.line} of "
                        f"{self.path}; mend the line or leave it out"
                    ) from error
            yield start, block

    def whole(self) -> FloatArray:
        rows = np.empty(self.shape)
        for start, block in self.blocks():
            rows[start : start + len(block)] = block
        return rows

    def labels(self, name: str) -> npt.NDArray[Any]:
        """One field's values, (n,)."""
        found = [self._field(record, name) for record in self._records()]
        for record, label in zip(self._records(), found, strict=True):
            if not isinstance(label, (str, int)):
                raise GeoscopeError(
                    f"expected an integer or a string as '{name}', got {type(label).__name__} in line {record.line} "
                    f"of {self.path}; mend it or name another"
                )
        return one_kind(found)

    def _columns(self, first: Mapping[str, Any]) -> list[RowColumn]:
        """The first record's fields; one of whole numbers is of floats where one of the next records has a float."""
        columns = [_column(name, value) for name, value in first.items()]
        for record in itertools.islice(self._records(), _LOOKED_AT):
            for place, column in enumerate(columns):
                held = record.value.get(column.name) if isinstance(record.value, dict) else None
                if column.cells is Cells.WHOLE and isinstance(held, float):
                    columns[place] = RowColumn(column.name, Cells.FLOATS, "float")
        return columns

    def _count(self) -> int:
        with _opened(self.path) as stream:
            return sum(1 for _ in _lines(stream, self.path))

    def _records(self) -> Iterator[_Record]:
        with _opened(self.path) as stream:
            for number, line in _lines(stream, self.path):
                try:
                    value: Any = parsed(line.decode(json.detect_encoding(line)))
                except TwiceError as error:
                    raise GeoscopeError(
                        f"expected every field once in a record, got {error} in line {number} of {self.path}; "
                        "mend the line"
                    ) from error
                except (ValueError, RecursionError) as error:
                    raise GeoscopeError(
                        f"expected a record of JSON in every line, got something else in line {number} of "
                        f"{self.path}; mend the line or leave it out"
                    ) from error
                yield _Record(number, value)

    def _refuse_further(self, record: _Record) -> None:
        """Refuse a number in a field that the first record lacks: it may be of the row."""
        further = next(
            (name for name, held in record.value.items() if name not in self.names and type(held) in (int, float)), None
        )
        if further is not None:
            raise GeoscopeError(
                f"expected the fields of the first record in every one, got the number '{further}' too in line "
                f"{record.line} of {self.path}; add it to all or leave it out"
            )

    def _field(self, record: _Record, name: str) -> Any:
        if not isinstance(record.value, dict) or name not in record.value:
            raise GeoscopeError(
                f"expected the field '{name}' in every record, got none in line {record.line} of {self.path}; add it "
                "or leave the line out"
            )
        return record.value[name]

    def _numbers(self, record: _Record) -> list[Any]:
        if self._fields is None:
            given = record.value
        elif self._in_lists:
            given = self._field(record, self._fields[0])
        else:
            given = [self._field(record, name) for name in self._fields]
            if len(record.value) > len(self.names):
                self._refuse_further(record)
        numbers = json_numbers(given) if isinstance(given, str) else plain_numbers(given)
        width = self.shape[1] or len(numbers or ())
        if numbers is None or len(numbers) != width:
            expected = (
                f"{width} numbers in every row, as the first has," if width else "a list of numbers in every row,"
            )
            what = type(given).__name__ if numbers is None else f"{len(numbers)}"
            raise GeoscopeError(
                f"expected {expected} got {what} in line {record.line} of {self.path}; mend the line or leave it out"
            )
        return numbers


def _column(name: str, value: Any) -> RowColumn:
    """What a field holds, by its first value."""
    if isinstance(value, list):
        numbers = plain_numbers(value)
        return RowColumn(name, Cells.LISTS if numbers is not None else Cells.OTHER, "a list")
    if isinstance(value, str):
        return RowColumn(name, Cells.JSON if json_numbers(value) is not None else Cells.OTHER, "text")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return RowColumn(name, Cells.OTHER, "an object" if isinstance(value, dict) else type(value).__name__)
    return RowColumn(name, Cells.FLOATS if isinstance(value, float) else Cells.WHOLE, type(value).__name__)


def _opened(path: Path) -> Any:
    return unpacked(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _lines(stream: Any, path: Path) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line) of those that are not blank."""
    number = 0
    while True:
        try:
            line = stream.readline(ROW_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise GeoscopeError(
                f"expected records in {path}, got a file that cannot be read on after line {number}: {error}; write "
                "it again"
            ) from error
        if not line:
            return
        number += 1
        if len(line) == ROW_BYTES:
            raise GeoscopeError(
                f"expected a row in each line, got over {ROW_BYTES >> 20} MB in line {number} of {path}; give each "
                "row a line of its own"
            )
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, line
