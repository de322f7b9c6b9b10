"""Text files: one sequence per line, record or row, read anew whenever they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.encodings import read_lines, unpacked_name
from geoscope.subjects.tables.record_files import read_json, read_json_lines
from geoscope.subjects.tables.separated_files import Dialect, counted, found, read_rows
from geoscope.subjects.tables.tables import (
    Row,
    is_missing,
    is_number,
    is_text,
    open_parquet,
    parquet_errors,
    refuse_twice,
    text_cell,
)
from geoscope.subjects.tables.text_columns import refuse_no_name, refuse_no_text

TEXT_SUFFIXES = (".txt", ".jsonl", ".json", ".csv", ".tsv", ".parquet")
"""What a corpus file may be called, each also with .gz; `.text` and `.tokens` (WikiText's own) read like `.txt`."""

_PLAIN = (".txt", ".text", ".tokens")
_WHAT = "a corpus"
COLUMNS = ("text", "sentence")
"""What the column of texts is called where nobody names it, the first that there is."""

_BATCH_ROWS = 4096
_SHOWN_COLUMNS = 12
_NAME_ONE = "name the one to read with --text-column NAME"
_ADVICE = "mend the row, or name the column to read with --text-column"


@dataclass(frozen=True)
class Texts(ABC):
    """Texts in some place, in order; None where a cell is null. unit: what one is of its place. notes: what of how
    they are read a user should hear."""

    unit: str

    @abstractmethod
    def __iter__(self) -> Iterator[str | None]: ...

    @property
    def notes(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Lines(Texts):
    """The lines of a plain text file."""

    path: Path

    def __iter__(self) -> Iterator[str]:
        return read_lines(self.path, _WHAT)


@dataclass(frozen=True)
class TextColumn(Texts):
    """One column of a table. alone: it is read for being its only one of text, not for its name."""

    table: Columns
    name: str
    alone: bool

    def __iter__(self) -> Iterator[str | None]:
        for number, cell in self.table.cells(self.name):
            where = f"{self.unit} {number} of {self.table.origin}"
            yield None if is_missing(cell) else text_cell(cell, where, _ADVICE)

    @property
    def notes(self) -> tuple[str, ...]:
        said = f"The text of {self.table.origin} is read from its column {self.name!r}, the only one of text."
        return (*self.table.notes, said) if self.alone else self.table.notes


class Columns(ABC):
    """A table's columns, read one at a time, without holding them."""

    unit = "row"
    origin: str
    notes: tuple[str, ...] = ()

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """The columns' names, as they come."""

    @abstractmethod
    def of_text(self) -> list[str]:
        """The names of those that hold text."""

    @abstractmethod
    def cells(self, name: str) -> Iterator[tuple[int, Any]]:
        """(which line or row, cell), in order."""


def open_texts(path: Path, columns: Sequence[str] = ()) -> Texts:
    """The texts of a file, as they stand there (blank ones too).

    `.txt`: lines. `.jsonl`, `.json`, `.csv`, `.tsv`, `.parquet`: the column (of a record of JSON: field) of those named
    that it has, else `text` or `sentence`, or else the only one of text; a record may also be a string.
    Raises GeoscopeError for an unreadable file, an unknown suffix, or a file without such a field or column.
    """
    suffix = unpacked_name(path).suffix.lower()
    if suffix in _PLAIN:
        return Lines("line", path)
    if suffix not in TEXT_SUFFIXES:
        raise GeoscopeError(
            f"expected a corpus file that ends in {', '.join(TEXT_SUFFIXES)}, got '{suffix}' in {path}; "
            "rename or convert it"
        )
    table: Columns
    if suffix == ".parquet":
        table = _Parquet(path)
    elif suffix == ".jsonl":
        table = _JsonLines(path)
        _, first = next(read_json_lines(path, _WHAT), (0, {}))
        plain = [name for name in columns or COLUMNS[:1] if name in first]
        if len(plain) == 1:  # then no other record has to be looked at to choose
            return TextColumn(table.unit, table, plain[0], alone=False)
    elif suffix == ".json":
        table = _Json(path)
    else:
        table = _Separated(path)
    return chosen_column(table, columns)


def is_plain(path: Path) -> bool:
    """Whether a file is read line by line, without columns."""
    return unpacked_name(path).suffix.lower() in _PLAIN


def chosen_column(table: Columns, asked: Sequence[str] = ()) -> TextColumn:
    """The column that texts are in: the one asked for, `text`, `sentence`, or the only one of text."""
    names = list(table.names)
    given = [name for name in dict.fromkeys(asked) if name in names]
    if len(given) > 1 or (asked and not given):
        got = f"both {' and '.join(given)}" if given else f"the columns {_listed(names)}"
        raise GeoscopeError(
            f"expected one column of --text-column {' or '.join(asked)} in {table.origin}, got {got}; name one that "
            "it has"
        )
    by_name = given or [name for name in COLUMNS if name in names]
    if by_name:
        refuse_twice([name for name in names if name == by_name[0]], table.origin)
        return TextColumn(table.unit, table, by_name[0], alone=False)
    texts = table.of_text()
    unnamed = next((name for name in names if name and is_number(name)), None)
    if len(texts) == 1 and unnamed is None:
        refuse_twice([name for name in names if name == texts[0]], table.origin)
        if isinstance(table, _Separated):
            refuse_no_name(texts[0], table.origin, alone=len(names) == 1)
        cells = (cell for _, cell in table.cells(texts[0]))
        refuse_no_text(texts[0], cells, f"{table.origin} (it has {_listed(names)})", _NAME_ONE)
        return TextColumn(table.unit, table, texts[0], alone=True)
    if len(texts) == 1:
        raise GeoscopeError(
            f"expected the columns' names in the first row of {table.origin}, got {_listed(names)}; write them there, "
            "or say --text-column NAME"
        )
    got = f"the text columns {_listed(texts)}" if texts else "no column of text"
    of = "" if texts else f" (it has {_listed(names)})"
    raise GeoscopeError(f"expected a column 'text' or 'sentence', got {got} in {table.origin}{of}; {_NAME_ONE}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) if "," in name or not name else name for name in names[:_SHOWN_COLUMNS])
    return f"{shown} and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else shown or "none"


class _Separated(Columns):
    """A .csv or .tsv."""

    unit = "line"

    def __init__(self, path: Path) -> None:
        self.origin, self._path = str(path), path
        dialect, notes = found(path, _WHAT)
        self._dialect: Dialect = dialect
        self.notes = notes

    @cached_property
    def names(self) -> tuple[str, ...]:
        header = next(read_rows(self._path, _WHAT, self._dialect), Row(1, ()))
        return tuple(name.strip() for name in header.cells)

    def of_text(self) -> list[str]:
        open_ones = set(range(len(self.names)))
        for row in self._rows():
            open_ones = {place for place in open_ones if is_number(row.cells[place])}
            if not open_ones:
                break
        return [name for place, name in enumerate(self.names) if place not in open_ones]

    def cells(self, name: str) -> Iterator[tuple[int, str]]:
        place = self.names.index(name)
        return ((row.line, row.cells[place]) for row in self._rows())

    def _rows(self) -> Iterator[Row]:
        rows = read_rows(self._path, _WHAT, self._dialect)
        next(rows, None)
        return counted(rows, self.names, self._path)


class _Parquet(Columns):
    """A .parquet, read some rows at a time."""

    def __init__(self, path: Path) -> None:
        self.origin, self._path = str(path), path
        self._schema = open_parquet(path, _WHAT).schema_arrow

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._schema.names)

    def of_text(self) -> list[str]:
        return [field.name for field in self._schema if is_text(field.type)]

    def cells(self, name: str) -> Iterator[tuple[int, Any]]:
        batches = open_parquet(self._path, _WHAT).iter_batches(batch_size=_BATCH_ROWS, columns=[name])
        first = 1
        while True:
            with parquet_errors(self.origin, "a column"):
                batch = next(batches, None)
                cells = [] if batch is None else batch.column(0).to_pylist()
            if batch is None:
                return
            yield from enumerate(cells, start=first)
            first += len(cells)


class _JsonLines(Columns):
    """A .jsonl. Its fields are those of the first record where they say which to read, else of all records."""

    unit = "line"

    def __init__(self, path: Path) -> None:
        self.origin, self._path = str(path), path

    @cached_property
    def _fields(self) -> dict[str, bool]:
        """Every field of every record, and whether it holds a string somewhere."""
        fields: dict[str, bool] = {}
        for _, record in read_json_lines(self._path, _WHAT):
            for name, cell in record.items():
                if not fields.get(name):
                    fields[name] = isinstance(cell, str)
        return fields

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._fields)

    def of_text(self) -> list[str]:
        return [name for name, text in self._fields.items() if text]

    def cells(self, name: str) -> Iterator[tuple[int, Any]]:
        for line, record in read_json_lines(self._path, _WHAT):
            if name not in record:
                raise GeoscopeError(
                    f"expected the field {name!r} in every record, got none in line {line} of {self.origin}; add it"
                )
            yield line, record[name]


class _Json(Columns):
    """A .json, held whole."""

    def __init__(self, path: Path) -> None:
        self.origin = str(path)
        self._records, self._lines = read_json(path, _WHAT)
        self.unit = "record" if self._lines is None else "line"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for record in self._records for name in record))

    def of_text(self) -> list[str]:
        return [name for name in self.names if any(isinstance(record.get(name), str) for record in self._records)]

    def cells(self, name: str) -> Iterator[tuple[int, Any]]:
        numbers = range(1, len(self._records) + 1) if self._lines is None else self._lines
        for number, record in zip(numbers, self._records, strict=True):
            if name not in record:
                raise GeoscopeError(
                    f"expected the field {name!r} in every record, got none in {self.unit} {number} of {self.origin}; "
                    "add it"
                )
            yield number, record[name]
