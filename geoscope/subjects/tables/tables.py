"""Tables: rows of cells under named columns, and where each row is, whatever file they are from."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from geoscope.bounds import LINE_CHARACTERS, refuse_unpacked
from geoscope.errors import GeoscopeError, first_line
from geoscope.subjects.tables.encodings import PACKED, opened_bytes


@dataclass(frozen=True)
class CellTable(ABC):
    """n rows of cells under named columns. origin: what holds them, as errors name it. notes: what of how they were
    read a user should hear."""

    origin: str
    columns: tuple[str, ...]
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def cells(self, place: int) -> Sequence[Any]:
        """The n cells of the column at a place."""

    @abstractmethod
    def holds_text(self, place: int) -> bool:
        """Whether the column at a place is of text: strings, and in a .csv or .tsv one at least that is no number."""

    @abstractmethod
    def where(self, row: int) -> str:
        """Where row 0 to n - 1 is: "line 2 of FILE"."""

    def rows(self, *places: int) -> Iterator[tuple[Any, ...]]:
        """The cells at some places, row after row."""
        return zip(*(self.cells(place) for place in places), strict=True)

    def place(self, *names: str) -> int | None:
        """Where the first of some names is among the columns, None where none is; refused where it is there twice."""
        name = next((name for name in names if name in self.columns), None)
        if name is None:
            return None
        self._refuse_twice(name)
        return self.columns.index(name)

    def mappings(self) -> list[Mapping[str, Any]]:
        """The rows as mappings of column to cell; every column must have a name of its own."""
        refuse_twice(self.columns, self.origin)
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows(*range(len(self.columns)))]

    def _refuse_twice(self, name: str) -> None:
        refuse_twice([column for column in self.columns if column == name], self.origin)


class Row(NamedTuple):
    """line: the one that it begins on, from 1."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True)
class SeparatedTable(CellTable):
    """Rows of a .csv or .tsv."""

    held: Sequence[Row]

    def __len__(self) -> int:
        return len(self.held)

    def cells(self, place: int) -> Sequence[str]:
        return [row.cells[place] for row in self.held]

    def holds_text(self, place: int) -> bool:
        return any(not is_number(row.cells[place]) for row in self.held)

    def where(self, row: int) -> str:
        return f"line {self.held[row].line} of {self.origin}"


@dataclass(frozen=True)
class ParquetTable(CellTable):
    """A column is read when its cells are asked for."""

    file: Any

    def __len__(self) -> int:
        return int(self.file.metadata.num_rows)

    def cells(self, place: int) -> Sequence[Any]:
        name = self.columns[place]
        self._refuse_twice(name)
        with parquet_errors(self.origin, "a column"):
            cells: list[Any] = self.file.read(columns=[name]).column(name).to_pylist()
        return cells

    def holds_text(self, place: int) -> bool:
        return is_text(self.file.schema_arrow.field(place).type)

    def where(self, row: int) -> str:
        return f"row {row + 1} of {self.origin}"


@dataclass(frozen=True)
class RecordTable(CellTable):
    """Mappings whose keys are the columns. lines: of each, the line that it is on, where they are of lines."""

    records: Sequence[Mapping[str, Any]]
    lines: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.records)

    def cells(self, place: int) -> Sequence[Any]:
        name = self.columns[place]
        lacking = next((row for row, record in enumerate(self.records) if name not in record), None)
        if lacking is not None:
            where = self.where(lacking)
            raise GeoscopeError(f"expected the field {name!r} in every record, got none in {where}; add it")
        return [record[name] for record in self.records]

    def holds_text(self, place: int) -> bool:
        return any(isinstance(record.get(self.columns[place]), str) for record in self.records)

    def where(self, row: int) -> str:
        place = f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"
        return f"{place} of {self.origin}"

    def mappings(self) -> list[Mapping[str, Any]]:
        """The records as they are: one may lack a column."""
        return list(self.records)


def records_table(records: Sequence[Mapping[str, Any]], origin: str, lines: Sequence[int] | None = None) -> RecordTable:
    """Mappings as a table of all their keys, in the order in which they first come."""
    columns = dict.fromkeys(name for record in records for name in record)
    return RecordTable(origin, tuple(columns), records, lines)


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is one of strings."""
    import pyarrow.types as types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_number(cell: str) -> bool:
    """Whether a cell of a .csv or .tsv is a number, or blank."""
    try:
        float(cell if cell.strip() else "0")
    except ValueError:
        return False
    return True


def is_missing(cell: Any) -> bool:
    """Whether a cell is null: None, or the NaN that data frames write for it."""
    return cell is None or (isinstance(cell, float) and cell != cell)


def text_cell(cell: Any, where: str, advice: str = "mend the row or leave it out") -> str:
    """A cell as a text; GeoscopeError where it is none, or half a character that no tokenizer reads."""
    if not isinstance(cell, str):
        found = "none" if cell is None else type(cell).__name__
        raise GeoscopeError(f"expected a text in every row, got {found} in {where}; {advice}")
    if len(cell) > LINE_CHARACTERS:
        raise GeoscopeError(
            f"expected texts of at most {LINE_CHARACTERS >> 20} million characters, got {len(cell):,} in {where}; cut "
            "it, for a text is a sequence"
        )
    try:
        cell.encode("utf-8")
    except UnicodeEncodeError as error:
        raise GeoscopeError(
            f"expected whole characters, got half of one ({cell[error.start]!a}) in {where}; mend the row"
        ) from error
    return cell


def refuse_twice(columns: Sequence[str], origin: str) -> None:
    """Refuse columns of one name."""
    twice = sorted(name for name, times in Counter(columns).items() if times > 1)
    if twice:
        names = ", ".join(name or "a blank name" for name in twice)
        raise GeoscopeError(f"expected each column once, got {names} twice in {origin}; rename one")


def open_parquet(path: Path, what: str) -> Any:
    """A parquet file, its schema read, as pyarrow's ParquetFile."""
    import pyarrow.parquet as pq

    with parquet_errors(path, what):
        whole = _unpacked(path, what) if path.suffix.lower() == PACKED else None
        file = pq.ParquetFile(path if whole is None else whole)
        if whole is not None:
            weakref.finalize(file.reader, whole.close)
        file.schema_arrow  # noqa: B018 - here is where a schema that cannot be read is told
        refuse_unpacked(_unpacked_size(file), path, what)
        return file


_WIDTHS = {"BOOLEAN": 1, "INT64": 8, "DOUBLE": 8, "INT96": 12}


def _unpacked_size(file: Any) -> int:
    """What a parquet file's columns take in memory, about: those of one value take next to nothing in the file."""
    told, size = file.metadata, 0
    for group in range(told.num_row_groups):
        columns = told.row_group(group)
        for place in range(told.num_columns):
            column = columns.column(place)
            size += max(column.total_uncompressed_size, column.num_values * _WIDTHS.get(column.physical_type, 4))
    return size


def _unpacked(path: Path, what: str) -> Any:
    """A packed file's content in a file without a name, which goes when it is closed."""
    whole = tempfile.TemporaryFile()  # noqa: SIM115 - it is read as long as the table is
    with opened_bytes(path, what, text=False) as stream:
        shutil.copyfileobj(stream, whole)
    whole.seek(0)
    return whole


@contextmanager
def parquet_errors(origin: object, what: str) -> Iterator[None]:
    """Turn what pyarrow says of a file that it cannot read into a sentence."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise GeoscopeError(
            f"expected {what} in parquet, got {origin}, which cannot be read: {first_line(error)}; write it again"
        ) from error
