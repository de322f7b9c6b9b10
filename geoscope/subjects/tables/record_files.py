"""Record files: the records in a .jsonl, line by line, and in a .json, whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.files import TwiceError, held_once
from geoscope.subjects.tables.encodings import read_lines, read_text

Record = Mapping[str, Any]

_SHOWN_KEYS = 8


def read_json_lines(path: Path, what: str) -> Iterator[tuple[int, Record]]:
    """(line, record), in order; blank lines are none, a string alone is its `text`."""
    for number, line in enumerate(read_lines(path, what), start=1):
        if not line.strip():
            continue
        try:
            record: Any = parsed(line)
        except (ValueError, RecursionError) as error:
            twice = _found(error)
            whole = "; name it .json if it is one value" if number == 1 and line.strip() in ("[", "{") else ""
            raise GeoscopeError(
                f"expected a record of JSON in every line, got {twice} in line {number} of {path}"
                f"{whole or '; mend the line or leave it out'}"
            ) from error
        yield number, _record(record, f"line {number} of {path}", "every line")


def read_json(path: Path, what: str) -> tuple[list[Record], list[int] | None]:
    """The records in a .json, and the lines that they are on where it is one record a line after all.

    A list of records or strings, such a list under the only key, columns as lists or (as pandas writes them) as
    mappings, and a split frame (`columns`, `data`) are read; raises GeoscopeError for anything else.
    """
    text = read_text(path, what)
    try:
        whole = parsed(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            read = list(read_json_lines(path, what))
            return [record for _, record in read], [line for line, _ in read]
        raise GeoscopeError(f"expected JSON, got something else in {path}: {error}; mend it") from error
    rows = _rows(whole)
    if rows is None:
        if isinstance(whole, dict):
            shown = ", ".join(map(str, list(whole)[:_SHOWN_KEYS])) + (", ..." if len(whole) > _SHOWN_KEYS else "")
            got = f"an object of {shown or 'nothing'}"
        else:
            got = type(whole).__name__
        raise GeoscopeError(
            f"expected {what} in JSON as a list of records or of strings, got {got} in {path}; write a record a line "
            "as .jsonl"
        )
    return [_record(row, f"record {number} of {path}", "the list") for number, row in enumerate(rows, start=1)], None


def _found(error: Exception) -> str:
    """What a line has that is refused."""
    if isinstance(error, TwiceError):
        return f"the field {error.name!r} twice"
    too_long = isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError)
    return "a whole number with more digits than Python reads" if too_long else "something else"


parsed = json.JSONDecoder(object_pairs_hook=held_once).decode


def _record(value: Any, where: str, whose: str) -> Record:
    record = {"text": value} if isinstance(value, str) else value
    if not isinstance(record, dict):
        raise GeoscopeError(
            f"expected a string or an object in {whose}, got {type(record).__name__} in {where}; mend it or leave it "
            "out"
        )
    return record


def _rows(whole: Any) -> list[Any] | None:
    """The list of rows that a JSON value is, None where it is none."""
    if isinstance(whole, list):
        return whole
    if not isinstance(whole, dict) or not whole:
        return None
    columns = list(whole.values())
    if {"columns", "data"} <= set(whole) <= {"columns", "data", "index"}:
        return _split(whole["columns"], whole["data"])
    if len(columns) == 1 and isinstance(columns[0], list) and all(isinstance(row, dict) for row in columns[0]):
        return columns[0]
    if all(isinstance(column, list) for column in columns):
        return _transposed(whole, columns)
    if all(isinstance(column, dict) for column in columns):
        keys = [list(column) for column in columns]
        alike = all(each == keys[0] for each in keys) and all(key.isdigit() for key in keys[0])
        return _transposed(whole, [list(column.values()) for column in columns]) if alike else None
    return None if any(isinstance(column, (list, dict)) for column in columns) else [whole]


def _transposed(names: Mapping[str, Any], columns: Sequence[list[Any]]) -> list[Any] | None:
    if len({len(column) for column in columns}) != 1:
        return None
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _split(names: Any, rows: Any) -> list[Any] | None:
    if not isinstance(names, list) or not isinstance(rows, list) or len(set(map(str, names))) < len(names):
        return None
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        return None
    return [dict(zip(map(str, names), row, strict=True)) for row in rows]
