"""Table files: the table in a .csv, .tsv, .parquet, .jsonl or .json, every cell in its column or the file refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.encodings import unpacked_name
from geoscope.subjects.tables.record_files import read_json, read_json_lines
from geoscope.subjects.tables.separated_files import NAMED, counted, found, read_rows, usual, without_cut
from geoscope.subjects.tables.tables import CellTable, ParquetTable, SeparatedTable, open_parquet, records_table

TABLE_SUFFIXES = (".tsv", ".csv", ".parquet", ".jsonl", ".json")
"""What a table may be called; each also with .gz."""


def read_table(
    path: Path,
    what: str,
    *,
    unnamed: Callable[[Sequence[str]], Sequence[str] | None] | None = None,
    quotes: bool | None = None,
    spaces: bool = False,
    leave_cut: bool = False,
) -> CellTable:
    """The table in a file with one of TABLE_SUFFIXES; blank lines are no rows, a string alone in JSON is its `text`.

    what: what it should hold, as errors say. Of a .csv and a .tsv: unnamed gives the columns' names where the first
    row, which it is given, has none, and rows may then have further cells; without it the delimiter is found, and
    whether a .tsv has its cells in quotes (the table's notes say so). quotes: whether cells may stand in quotes;
    spaces: whether those after a delimiter are left out. leave_cut: whether a row of fewer cells than columns is left
    out, which the table's notes then tell, and not refused.
    Raises GeoscopeError, with the line, for more or fewer cells in a row than columns, and quotes that do not close.
    """
    suffix = unpacked_name(path).suffix.lower()
    if suffix == ".parquet":
        file = open_parquet(path, what)
        return ParquetTable(str(path), tuple(file.schema_arrow.names), file)
    if suffix == ".jsonl":
        read = list(read_json_lines(path, what))
        return records_table([record for _, record in read], str(path), [line for line, _ in read])
    if suffix == ".json":
        records, lines = read_json(path, what)
        return records_table(records, str(path), lines)
    if unnamed is None:
        dialect, notes = found(path, what, quotes=quotes, spaces=spaces)
    else:
        dialect, notes = usual(path, quotes=quotes, spaces=spaces), ()
    rows = list(read_rows(path, what, dialect))
    names = () if not rows else unnamed(rows[0].cells) if unnamed is not None else None
    if names is not None:
        return SeparatedTable(str(path), tuple(names), list(counted(rows, names, path, further=True)), notes=notes)
    header = [name.strip() for name in rows.pop(0).cells]
    if unnamed is not None:
        _refuse_other_delimiter(header, dialect.delimiter, path)
    if leave_cut:
        rows, told = without_cut(rows, len(header), path)
        notes = (*notes, *told)
    return SeparatedTable(str(path), tuple(header), list(counted(rows, header, path)), notes=notes)


def _refuse_other_delimiter(header: Sequence[str], delimiter: str, path: Path) -> None:
    """Refuse a header of one name that would be several names but for the delimiter."""
    other = next((other for other in NAMED if len(header) == 1 and other != delimiter and other in header[0]), None)
    if other is not None:
        raise GeoscopeError(
            f"expected {NAMED[delimiter]}s between the columns, got {header[0]!r} with {NAMED[other]}s as the first "
            f"row of {path}; save it with {NAMED[delimiter]}s"
        )
