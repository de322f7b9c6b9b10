"""Text files: one sequence per line, record or row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError

TEXT_SUFFIXES = (".txt", ".jsonl", ".csv", ".parquet")
"""What a corpus file may be called; `.text` and `.tokens` (WikiText's own) read like `.txt`."""

_PLAIN = (".txt", ".text", ".tokens")
_COLUMNS = ("text", "sentence")


def read_texts(path: Path) -> list[str]:
    """Every text of a file, in order, as it stands there (blank ones too).

    `.txt`: lines. `.jsonl`: strings, or objects with a field `text` or `sentence`, or else their first string
    field. `.csv`, `.parquet`: the column `text` or `sentence`, or else the only column of text.
    Raises GeoscopeError for an unreadable file, an unknown suffix, or a file without such a field or column.
    """
    suffix = path.suffix.lower()
    if suffix not in _PLAIN and suffix not in TEXT_SUFFIXES:
        raise GeoscopeError(
            f"A corpus file ends in {', '.join(TEXT_SUFFIXES)}, but {path} ends in '{suffix}'; rename or convert it."
        )
    try:
        if suffix == ".jsonl":
            return list(_json_lines(path))
        if suffix == ".csv":
            return _csv_column(path)
        if suffix == ".parquet":
            return _parquet_column(path)
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise GeoscopeError(
            f"The corpus file {path} is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from error
    except OSError as error:
        raise GeoscopeError(f"The corpus file {path} cannot be read: {error.strerror or error}.") from error


def _json_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _record_text(line, path, number)


def _record_text(line: str, path: Path, number: int) -> str:
    try:
        record: Any = json.loads(line)
    except ValueError as error:
        raise GeoscopeError(f"Line {number} of {path} is not JSON; a .jsonl file has one record a line.") from error
    if isinstance(record, str):
        return record
    if isinstance(record, dict):
        values = [record.get(column) for column in _COLUMNS] + list(record.values())
        for value in values:
            if isinstance(value, str):
                return value
    raise GeoscopeError(f"Line {number} of {path} has no text; expected a string or an object with a field 'text'.")


def _csv_column(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        try:
            header = next(reader, [])
            rows = [row for row in reader if row]
        except csv.Error as error:
            raise GeoscopeError(f"Line {reader.line_num} of {path} is not CSV: {error}.") from error
    texts = [name for place, name in enumerate(header) if any(not _is_number(row, place) for row in rows)]
    place = header.index(_chosen_column(header, texts, path))
    return [row[place] if place < len(row) else "" for row in rows]


def _is_number(row: list[str], place: int) -> bool:
    try:
        float(row[place] if place < len(row) and row[place].strip() else "0")
    except ValueError:
        return False
    return True


def _parquet_column(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        texts = [field.name for field in schema if _holds_text(field.type)]
        column = _chosen_column(texts, texts, path)
        values = file.read(columns=[column]).column(column).to_pylist()
    except pa.ArrowException as error:
        raise GeoscopeError(f"The corpus file {path} is not a readable parquet file: {error}.") from error
    return ["" if value is None else str(value) for value in values]


def _holds_text(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _chosen_column(columns: list[str], texts: list[str], path: Path) -> str:
    for name in _COLUMNS:
        if name in columns:
            return name
    if len(texts) == 1:
        return texts[0]
    found = f"its text columns are {', '.join(texts)}" if texts else "it has no column of text"
    raise GeoscopeError(f"{path} should have a column 'text' or 'sentence', but {found}; rename the one to read.")
