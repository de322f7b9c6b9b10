"""Heads of separated files: from the first rows of a .csv or .tsv, how it is written and what its columns hold."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import warnings
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from geoscope.bounds import ROW_BYTES
from geoscope.errors import GeoscopeError
from geoscope.subjects.row_files.row_columns import Cells, RowColumn
from geoscope.subjects.row_files.table_rows import json_numbers
from geoscope.subjects.tables.encodings import unpacked
from geoscope.wording import listed

_LOOKED_AT = 1 << 20
_ROWS = 200
_COUNTED = 6  # rows whose cells are counted to find the delimiter
_DELIMITERS = ("\t", ";", "|", ",", " ")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_UNSIGNED = re.compile(r"\d{1,300}")  # of no more digits than a count can have
_FEWEST = 2
_NAMED_AS_NUMBERED = 8  # columns called 1, 2, ... that are names rather than numbers


@dataclass(frozen=True)
class CsvHead:
    """How a file is written. skipped: lines before the first row of numbers. longest: bytes of the longest line seen.

    columns: their names ("" for one without), and what they hold as far as was looked.
    """

    columns: tuple[RowColumn, ...]
    delimiter: str
    decimal: str
    encoding: str
    skipped: int
    longest: int


def csv_head(path: Path, *, tabs: bool = False) -> CsvHead:
    """Look at the first rows of a file. tabs: its delimiter is known.

    Raises GeoscopeError where it holds no row, or columns that cannot be told apart.
    """
    text, encoding = _first_text(path)
    delimiter = "\t" if tabs else _delimiter(text)
    rows, skipped = _first_rows(text, delimiter, path)
    decimal = "," if delimiter == ";" and any("," in cell for cell in rows[-1]) else "."
    names = _names(rows, decimal, path)
    columns = _unnamed(rows, decimal, path) if names is None else _columns(names, rows[1:], decimal)
    longest = 4 * max(map(len, text.split("\n")))
    return CsvHead(tuple(columns), delimiter, decimal, encoding, 0 if names is None else skipped, longest)


def _first_text(path: Path) -> tuple[str, str]:
    """The first lines of a file, whole ones, and its encoding as pyarrow calls it."""
    size = _LOOKED_AT
    while True:
        try:
            with unpacked(path) if path.suffix.lower() == ".gz" else path.open("rb") as stream:
                data = stream.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise GeoscopeError(
                f"expected embeddings in {path}, got a file that cannot be read: {error}; write it again"
            ) from error
        encoding = "utf-16" if data.startswith(_UTF16) else "utf-8"
        text = data.decode(encoding, "replace").removeprefix("\ufeff")
        if len(data) < size:
            return text, encoding
        end = max(text.rfind("\n"), text.rfind("\r"))
        if end > 0:
            return text[: end + 1], encoding
        if size >= ROW_BYTES:
            raise GeoscopeError(
                f"expected a row in each line of {path}, got a first line of over {size >> 20} MB; give each row a "
                "line of its own"
            )
        size *= 8


def _first_rows(text: str, delimiter: str, path: Path) -> tuple[list[list[str]], int]:
    """The first rows that are not blank, and how many lines there are up to the end of the first."""
    rows: list[list[str]] = []
    skipped = 0
    try:
        for cells, line in _cut(text, delimiter, _ROWS):
            if any(cell.strip() for cell in cells):
                skipped = skipped or line
                rows.append(cells)
    except csv.Error as error:
        raise GeoscopeError(f"expected rows of cells, got {path}, which cannot be read: {error}; mend it") from error
    if not rows:
        raise GeoscopeError(f"expected {path} to have at least one row, got none")
    return rows, skipped


def _delimiter(text: str) -> str:
    """The one that cuts every one of the first rows into as many cells; a comma where none does."""
    for delimiter in _DELIMITERS:
        with suppress(csv.Error):
            counts = {len(cells) for cells, _ in _cut(text, delimiter, _COUNTED) if any(cell.strip() for cell in cells)}
            if len(counts) == 1 and counts.pop() > 1:
                return delimiter
    return ","


def _cut(text: str, delimiter: str, rows: int) -> Iterator[tuple[list[str], int]]:
    """(cells, lines up to its end) of the first rows, blank ones too."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    limit = csv.field_size_limit()
    csv.field_size_limit(max(limit, len(text)))
    try:
        yield from ((cells, reader.line_num) for cells in itertools.islice(reader, rows))
    finally:
        csv.field_size_limit(limit)


def _names(rows: Sequence[Sequence[str]], decimal: str, path: Path) -> list[str] | None:
    """The columns' names; None where the first row has none. Warns of names that are numbers and count from elsewhere
    than 0 or 1, and of a row that may be names; raises GeoscopeError where either is as likely."""
    first = [cell.strip() for cell in rows[0]]
    first[0] = first[0].removeprefix("#").strip()
    if not all(_is_number(cell, decimal) or not cell or json_numbers(cell) for cell in first):
        return first
    cornered = not first[0] and len(first) > 1
    counted = first[1:] if cornered else first
    later = [cell for row in rows[1:] for cell in row if cell.strip()]
    if not later or len(counted) < _FEWEST or not all(_UNSIGNED.fullmatch(cell) for cell in counted):
        return None
    whole = [int(cell) for cell in counted]
    if len(set(whole)) < len(whole):
        return None
    steps = {after - before for before, after in itertools.pairwise(whole)}
    usual = steps == {1} and whole[0] in (0, 1)
    if cornered:
        return first if len(steps) == 1 else None
    alike = sum(_WHOLE.fullmatch(cell) is not None for cell in later)
    if alike == len(later):
        return _names_of_counts(first, whole, steps, path)
    if usual:
        return first
    if (len(steps) == 1 and len(whole) > _FEWEST) or (not alike and len(rows) > _FEWEST):
        warnings.warn(f"the first line of {path}, {listed(first)}, is read as names of the columns", stacklevel=2)
        return first
    return None


def _names_of_counts(first: list[str], whole: Sequence[int], steps: Collection[int], path: Path) -> list[str] | None:
    """The same above rows of whole numbers alone, where names and a row look alike."""
    if len(steps) > 1 or len(whole) <= _FEWEST:
        return None
    if steps == {1} and whole[0] == 0 and len(whole) >= _NAMED_AS_NUMBERED:
        return first
    if len(whole) >= _NAMED_AS_NUMBERED:
        raise GeoscopeError(
            f"expected names in the first line of {path}, or numbers unlike names, got {listed(first)} above whole "
            "numbers, which may be either; call the columns dim_0, dim_1 in the first line"
        )
    warnings.warn(f"the first line of {path}, {listed(first)}, is read as a row, not as names", stacklevel=2)
    return None


def _unnamed(rows: Sequence[Sequence[str]], decimal: str, path: Path) -> list[RowColumn]:
    """The columns of a file whose first row is numbers: an index is none of the row, and labels are refused."""
    found = _columns([str(place) for place in range(len(rows[0]))], rows, decimal)
    firsts = [row[0].strip() for row in rows]
    counted = [str(place + (firsts[0] == "1")) for place in range(len(rows))]
    if len(found) > _FEWEST and len(rows) > _FEWEST and firsts == counted:
        warnings.warn(f"the first column of {path}, which counts the rows, is left out", stacklevel=2)
        found[0] = RowColumn("", Cells.WHOLE, "an index")
    if not any(each.cells is Cells.FLOATS for each in found):
        return found
    for place, each in enumerate(found):
        if (
            each.cells is Cells.WHOLE
            and each.name
            and len({row[place].strip() for row in rows if place < len(row)}) > 1
        ):
            raise GeoscopeError(
                f"expected numbers alike in all columns of {path}, whose first line has no names, got whole numbers in "
                f"column {place + 1} of {len(found)}, as labels are; name the columns in the first line, or cut it"
            )
    return found


def _columns(names: Sequence[str], rows: Sequence[Sequence[str]], decimal: str) -> list[RowColumn]:
    """Of rows that are not as long as the names nothing is said here: they are refused when they are read."""
    return [
        _column(name, [row[place] for row in rows if place < len(row)], decimal) for place, name in enumerate(names)
    ]


def _column(name: str, cells: Sequence[str], decimal: str) -> RowColumn:
    given = [cell for cell in cells if cell.strip()]
    if given and all(_WHOLE.fullmatch(cell) for cell in given):
        return RowColumn(name, Cells.WHOLE, "whole numbers")
    if given and all(_is_number(cell, decimal) for cell in given):
        return RowColumn(name, Cells.FLOATS, "numbers")
    if given and json_numbers(given[0]) is not None:
        return RowColumn(name, Cells.JSON, "lists in JSON")
    return RowColumn(name, Cells.OTHER, "text" if given else "blank")


def _is_number(cell: str, decimal: str) -> bool:
    try:
        float(cell.replace(decimal, ".") if decimal != "." else cell)
    except ValueError:
        return cell.strip() in ("NA", "null", "None", "N/A")
    return "_" not in cell
