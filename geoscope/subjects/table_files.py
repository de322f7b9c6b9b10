"""Table files: the table in a .csv, .tsv, .parquet or .jsonl, every cell in its column or the file refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.encodings import read_text
from geoscope.subjects.tables import ParquetTable, RecordTable, Row, SeparatedTable, Table, open_parquet, records_table

TABLE_SUFFIXES = (".tsv", ".csv", ".parquet")

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_NAMED = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_MOST_FIELD = 2**31 - 1  # what a C long holds everywhere


def read_table(
    path: Path,
    what: str,
    *,
    unnamed: Callable[[Sequence[str]], Sequence[str] | None] = lambda first: None,
    quotes: bool | None = None,
    spaces: bool = False,
) -> Table:
    """The table in a .csv, .tsv, .parquet or .jsonl; blank lines are no rows, a string alone in a .jsonl is its `text`.

    what: what it should hold, as errors say. Of a .csv and a .tsv: unnamed gives the columns' names where the first
    row, which it is given, has none, and rows may then have further cells; quotes: whether cells may stand in quotes,
    by default in a .csv alone (GLUE's .tsv have bare ones); spaces: whether those after a delimiter are left out.
    Raises GeoscopeError, with the line, for more or fewer cells in a row than columns, and quotes that do not close.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path, what)
    text = read_text(path, what)
    if suffix == ".jsonl":
        return _json_lines(text, path)
    delimiter, quotes = _DELIMITERS[suffix], suffix == ".csv" if quotes is None else quotes
    rows = _separated(text, path, delimiter, quotes=quotes, spaces=spaces)
    names = unnamed(rows[0].cells) if rows else ()
    if names is not None:
        _count(rows, names, path, further=True)
        return SeparatedTable(str(path), tuple(names), rows)
    header = [name.strip() for name in rows.pop(0).cells]
    _refuse_other_delimiter(header, delimiter, path)
    _count(rows, header, path)
    return SeparatedTable(str(path), tuple(header), rows)


def _parquet(path: Path, what: str) -> ParquetTable:
    file = open_parquet(path, what)
    return ParquetTable(str(path), tuple(file.schema_arrow.names), file)


def _json_lines(text: str, path: Path) -> RecordTable:
    records: list[Mapping[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise GeoscopeError(
                f"expected a record of JSON in every line, got something else in line {number} of {path}; "
                "mend the line or leave it out"
            ) from error
        record = {"text": record} if isinstance(record, str) else record
        if not isinstance(record, dict):
            raise GeoscopeError(
                f"expected a string or an object in every line, got {type(record).__name__} in line {number} of "
                f"{path}; mend the line or leave it out"
            )
        records.append(record)
        lines.append(number)
    return records_table(records, str(path), lines)


def _separated(text: str, path: Path, delimiter: str, *, quotes: bool, spaces: bool) -> list[Row]:
    """Every row that is not blank, the header's too."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        skipinitialspace=spaces,
        strict=True,
    )
    rows: list[Row] = []
    line, longest = 1, csv.field_size_limit()
    csv.field_size_limit(max(longest, min(len(text), _MOST_FIELD)))
    try:
        for cells in reader:
            if len(cells) > 1 or "".join(cells).strip():
                rows.append(Row(line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        found = "one that does not close" if "unexpected end" in str(error) else "text behind one that closes"
        raise GeoscopeError(
            f"expected quotes around whole cells, got {found} in the row at line {line} of {path}; "
            "close it, and write a quote inside quotes twice"
        ) from error
    finally:
        csv.field_size_limit(longest)
    return rows


def _count(rows: Sequence[Row], columns: Sequence[str], path: Path, *, further: bool = False) -> None:
    """Refuse a row of fewer cells than columns, or of more unless there may be further ones."""
    for row in rows:
        found = len(row.cells)
        if found < len(columns) or (found > len(columns) and not further):
            if further:
                advice = f"name the columns in the first row: {', '.join(name for name in columns if name)}"
            elif found > len(columns) and path.suffix.lower() == ".csv":
                advice = "quote a cell that holds a comma"
            else:
                advice = "mend the row"
            least = "at least " if further else ""
            raise GeoscopeError(
                f"expected {least}{len(columns)} cell{'s' * (len(columns) != 1)} in a row, got {found} "
                f"in line {row.line} of {path}; {advice}"
            )


def _refuse_other_delimiter(header: Sequence[str], delimiter: str, path: Path) -> None:
    """Refuse a header of one name that would be several names but for the delimiter."""
    other = next((other for other in _NAMED if len(header) == 1 and other != delimiter and other in header[0]), None)
    if other is not None:
        raise GeoscopeError(
            f"expected {_NAMED[delimiter]}s between the columns, got {header[0]!r} with {_NAMED[other]}s as the first "
            f"row of {path}; save it with {_NAMED[delimiter]}s"
        )
