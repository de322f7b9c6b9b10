"""Separated files: the rows of a .csv or .tsv, what stands between their cells, and whether cells are in quotes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile, islice
from pathlib import Path

from geoscope.bounds import LINE_CHARACTERS
from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.encodings import read_lines, unpacked_name
from geoscope.subjects.tables.tables import Row

NAMED = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
"""What may stand between cells, by name."""

_SUFFIXES = {".csv": ",", ".tsv": "\t"}
_SAID = re.compile(r"^sep=([,;|\t])\s*$", re.IGNORECASE)  # how spreadsheets say it, in a line before the header
_RULE = re.compile(r"^[\s|:-]*--[\s|:-]*$")
_SAMPLE_LINES = 2000
_SHOWN = 5
_BEHIND = "text behind one that closes"
_MASK = "\0"  # which no file that is read has
_MOST_FIELD = 2**31 - 1  # what a C long holds everywhere


@dataclass(frozen=True)
class Dialect:
    """How a file is written. quotes: whether cells may stand in quotes; spaces: whether those after a delimiter are
    left out; skipped: how many lines come before the header."""

    delimiter: str
    quotes: bool
    spaces: bool = False
    skipped: int = 0


def usual(path: Path, *, quotes: bool | None = None, spaces: bool = False) -> Dialect:
    """What a name promises: a .csv has commas and quotes, a .tsv tabs and, as GLUE's have, bare quotes."""
    suffix = unpacked_name(path).suffix.lower()
    return Dialect(_SUFFIXES[suffix], suffix == ".csv" if quotes is None else quotes, spaces)


def found(
    path: Path, what: str, *, quotes: bool | None = None, spaces: bool = False
) -> tuple[Dialect, tuple[str, ...]]:
    """How a file with a header is written, and what of that its name does not say, in sentences.

    Another delimiter than the usual is taken where header and rows have it alike and the usual one not; a .tsv's cells
    are in quotes where they can only be so. Raises GeoscopeError where two delimiters would do.
    """
    dialect = usual(path, quotes=quotes, spaces=spaces)
    sample = list(islice(_lines(path, what), _SAMPLE_LINES))
    said = _SAID.match(sample[0]) if sample else None
    if said:
        return Dialect(said[1], dialect.quotes or quotes is None, spaces, skipped=1), ()
    delimiter = _delimiter(sample, path, dialect)
    notes = []
    if delimiter != dialect.delimiter:
        dialect = Dialect(delimiter, True if quotes is None else quotes, spaces)
        notes.append(f"{path} has {NAMED[delimiter]}s between its columns, and is read so.")
    elif quotes is None and not dialect.quotes:
        quoted, kept = _quoted(path, what, dialect)
        dialect = Dialect(delimiter, quoted, spaces)
        if kept:
            notes.append(
                f"{kept} cell{'s' * (kept != 1)} of {path} begin{'s' * (kept == 1)} and end{'s' * (kept == 1)} with "
                "a quote, which is read as part of the text, as quotes in a .tsv are."
            )
    return dialect, tuple(notes)


def read_rows(path: Path, what: str, dialect: Dialect) -> Iterator[Row]:
    """Every row, the header's first, one after another; a blank line is none."""
    rows = parsed_rows(islice(_lines(path, what), dialect.skipped, None), path, dialect)
    return dropwhile(is_blank, rows)


def is_blank(row: Row) -> bool:
    """Whether a row is a line of spaces, or one empty cell."""
    return len(row.cells) == 1 and not row.cells[0].strip()


def parsed_rows(lines: Iterable[str], path: Path, dialect: Dialect) -> Iterator[Row]:
    """The rows in some lines of a file; raises GeoscopeError for quotes that do not close or are inside a cell."""
    held: list[str] = []
    reader = csv.reader(
        _holding(map(_masked, lines), held, path),
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quotes else csv.QUOTE_NONE,
        skipinitialspace=dialect.spaces,
        strict=True,
    )
    line, longest = 1 + dialect.skipped, csv.field_size_limit()
    csv.field_size_limit(_MOST_FIELD)
    try:
        for cells in reader:
            if dialect.quotes:
                _refuse_escapes(cells, held, f"line {line} of {path}")
            held.clear()
            if cells:
                yield Row(line, [cell.replace(_MASK, "\r") for cell in cells] if _MASK in "".join(cells) else cells)
            line = reader.line_num + 1 + dialect.skipped
    except csv.Error as error:
        unclosed = "unexpected end" in str(error)
        raise GeoscopeError(
            f"expected quotes around whole cells, got {'one that does not close' if unclosed else _BEHIND} in the row "
            f"at line {line} of {path}; close it, and write a quote inside quotes twice"
        ) from error
    finally:
        csv.field_size_limit(longest)


def _holding(lines: Iterable[str], held: list[str], path: Path) -> Iterator[str]:
    """The lines, each also put into a list, which whoever takes them empties at the end of a row.

    Refused where a row grows beyond all bounds, as after a quote that does not close.
    """
    size = 0
    for number, line in enumerate(lines, start=1):
        size = len(line) + (size if held else 0)
        if size > LINE_CHARACTERS:
            raise GeoscopeError(
                f"expected rows of at most {LINE_CHARACTERS >> 20} million characters, got a longer one that ends "
                f"behind line {number} of {path}, as where a quote does not close; close it, or cut the row"
            )
        held.append(line)
        yield line


def _refuse_escapes(cells: Sequence[str], lines: Sequence[str], where: str) -> None:
    """Refuse a bare cell with a quote behind a backslash: whoever writes quotes twice puts such a cell in quotes."""
    for cell in cells:
        if '\\"' in cell and '"' + cell.replace('"', '""') + '"' not in "".join(lines):
            raise GeoscopeError(
                f"expected a quote inside a cell written twice, got one behind a backslash in {where}; write the file "
                "without an escape character (doublequote=True)"
            )


def _lines(path: Path, what: str) -> Iterator[str]:
    """A file's lines, which end as its first does: where that is not a carriage return, one alone is text."""
    first = next(read_lines(path, what, newline=""), "")
    return read_lines(path, what, newline="" if first.endswith("\r") else "\n")


def _masked(line: str) -> str:
    """A line whose carriage returns are hidden from csv, which ends a row at each; but for the line's own end."""
    end = line[len(line.rstrip("\r\n")) :]
    end = "\r\n" if end.endswith("\r\n") else end[-1:]
    body = line[: len(line) - len(end)]
    return body.replace("\r", _MASK) + end if "\r" in body else line


def counted(rows: Iterable[Row], columns: Sequence[str], path: Path, *, further: bool = False) -> Iterator[Row]:
    """The rows, blank ones only of a single column; raises GeoscopeError for one of fewer cells than columns, or of
    more unless there may be further."""
    for row in rows:
        if is_blank(row) and len(columns) > 1:
            continue
        got = len(row.cells)
        if got < len(columns) or (got > len(columns) and not further):
            if further:
                advice = f"name the columns in the first row: {', '.join(name for name in columns if name)}"
            elif got > len(columns) and unpacked_name(path).suffix.lower() == ".csv":
                advice = "quote a cell that holds a comma"
            else:
                advice = "mend the row"
            least = "at least " if further else ""
            raise GeoscopeError(
                f"expected {least}{len(columns)} cell{'s' * (len(columns) != 1)} in a row, got {got} "
                f"in line {row.line} of {path}; {advice}"
            )
        yield row


def without_cut(rows: Sequence[Row], cells: int, path: Path) -> tuple[list[Row], tuple[str, ...]]:
    """The rows less those of fewer cells, and a sentence on these."""
    cut = [row.line for row in rows if len(row.cells) < cells and not is_blank(row)]
    if not cut:
        return list(rows), ()
    one, shown = len(cut) == 1, ", ".join(map(str, cut[:_SHOWN])) + (", ..." if len(cut) > _SHOWN else "")
    note = (
        f"{len(cut)} row{'s' * (not one)} of {path} {'has' if one else 'have'} fewer than {cells} cells (line"
        f"{'s' * (not one)} {shown}) and {'is' if one else 'are'} left out."
    )
    return [row for row in rows if row.line not in set(cut)], (note,)


def _delimiter(sample: Sequence[str], path: Path, dialect: Dialect) -> str:
    """What stands between the cells of a header and its rows alike."""
    usual_one = dialect.delimiter
    widths = {each: _widths(sample, path, each, dialect) for each in NAMED}
    own, header = widths[usual_one], _first_row(sample)
    in_header = [each for each in NAMED if each != usual_one and each in header]
    others = [each for each in in_header if _even(widths[each])]
    fits = _even(own)
    if len(others) + fits > 1:
        names = [NAMED[each] for each in ([usual_one] if fits else []) + others]
        raise GeoscopeError(
            f"expected one delimiter, got a header and rows that may be split at {'s or '.join(names)}s in {path}; "
            "quote the cells that hold one of them, or take it out of the header"
        )
    if others:
        if others[0] == "|" and len(sample) > 1 and _RULE.match(sample[1]):
            raise GeoscopeError(f"expected cells, got a table of Markdown in {path}; save it as CSV")
        return others[0]
    if in_header and len(own) > 0 and own[0] == 1:
        raise GeoscopeError(
            f"expected {NAMED[usual_one]}s between the columns, got {header!r} with {NAMED[in_header[0]]}s as the "
            f"first row of {path}, and rows of other lengths; save it with {NAMED[usual_one]}s and quotes"
        )
    return usual_one


def _widths(sample: Sequence[str], path: Path, delimiter: str, dialect: Dialect) -> list[int]:
    """How many cells each row of a sample has; none where its quotes are not whole."""
    quotes = dialect.quotes or delimiter != dialect.delimiter
    widths: list[int] = []
    try:
        for row in parsed_rows(sample, path, Dialect(delimiter, quotes, dialect.spaces)):
            if not is_blank(row):
                widths.append(len(row.cells))
    except GeoscopeError:  # a row that the sample cuts is no fault of the file's
        return widths if len(sample) == _SAMPLE_LINES else []
    return widths


def _all_widths(path: Path, what: str, dialect: Dialect) -> set[int]:
    return {len(row.cells) for row in read_rows(path, what, dialect) if not is_blank(row)}


def _even(widths: Sequence[int]) -> bool:
    return len(set(widths)) == 1 and widths[0] > 1


def _first_row(sample: Sequence[str]) -> str:
    return next((line.strip("\r\n") for line in sample if line.strip()), "")


def _quoted(path: Path, what: str, dialect: Dialect) -> tuple[bool, int]:
    """(whether a .tsv's quotes are around cells, how many bare cells look as if they were).

    They are where the file is even only so, where quotes inside them are written twice, or where the header's are too.
    """
    begun = [cell for row in read_rows(path, what, dialect) for cell in row.cells if cell.startswith('"')]
    if not begun:
        return False, 0
    try:
        widths = _all_widths(path, what, replace(dialect, quotes=True))
    except GeoscopeError:
        widths = set()
    wrapped = sum(len(cell) > 1 and cell.endswith('"') for cell in begun)
    if len(widths) != 1:
        return False, wrapped
    bare = _all_widths(path, what, dialect)
    header = next(iter(read_rows(path, what, dialect))).cells
    written = bare != widths or any('""' in cell[1:-1] for cell in begun) or all(c.startswith('"') for c in header)
    return (True, 0) if written else (False, wrapped)
