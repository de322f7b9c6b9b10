"""Groups: which sequence each row of an embeddings file belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError
from geoscope.rows import RowIndex
from geoscope.subjects.row_files.array_files import read_npy
from geoscope.subjects.tables.encodings import read_text
from geoscope.subjects.tables.separated_files import NAMED, is_blank, read_rows, usual
from geoscope.wording import listed

_WHOLE = re.compile(r"[+-]?\d+")


def ungrouped(rows: int) -> RowIndex:
    """Each row a sequence of its own."""
    places = np.arange(rows, dtype=np.int64)
    return RowIndex(places, np.zeros(rows, dtype=np.int64), np.full(rows, -1, dtype=np.int64))


def grouped(labels: npt.NDArray[Any], rows: int, what: str) -> RowIndex:
    """Rows with equal labels are one sequence; numbered as their labels sort, their rows as they come.

    Raises GeoscopeError unless there is one integer or string label per row.
    """
    if labels.shape != (rows,):
        raise GeoscopeError(
            f"expected {what} to give one label per row, {rows} in all, got "
            f"{len(labels) if labels.ndim == 1 else f'the shape {labels.shape}'}; give as many labels as rows"
        )
    if labels.dtype.kind == "O":
        labels = _as_text(labels, what)
    whole = labels.dtype.kind == "f" and bool((np.isfinite(labels) & (labels == np.floor(labels))).all())
    if labels.dtype.kind not in "iuUSb" and not whole:
        raise GeoscopeError(f"expected {what} to give integers or strings as labels, got {labels.dtype}; write them so")
    _, sequences = np.unique(labels, return_inverse=True)
    order = np.argsort(sequences, kind="stable")
    counts = np.bincount(sequences)
    positions = np.empty(rows, dtype=np.int64)
    positions[order] = np.arange(rows) - np.repeat(np.cumsum(counts) - counts, counts)
    return RowIndex(sequences.astype(np.int64), positions, np.full(rows, -1, dtype=np.int64))


def _as_text(labels: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    """Labels of any one kind as strings; those of two may be one as text that are not one."""
    kinds = sorted({"str" if isinstance(each, str) else type(each).__name__ for each in labels})
    if len(kinds) > 1:
        raise GeoscopeError(
            f"expected {what} to give labels of one kind, got {' and '.join(kinds[:2])}; write all as strings"
        )
    return labels.astype(str)


def whole_numbers(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels in text as integers, where they are some and none that differ become one, as "1" and "01" would."""
    try:
        numbers = labels.astype(np.int64)
    except (ValueError, OverflowError):
        return labels
    return numbers if len(np.unique(numbers)) == len(np.unique(labels.astype(str))) else labels


def read_labels(path: Path, rows: int) -> npt.NDArray[Any]:
    """The labels in a `.npy` array, or in a file of one label a line: text, cells of one column, or JSON.

    A first line that is of another kind than the others, or is nowhere among them, is a header. Raises GeoscopeError
    for several columns and for lines without a label.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return np.asarray(read_npy(path))
    if suffix in (".csv", ".tsv"):
        labels = _cells(path)
    elif suffix == ".jsonl":
        labels = _records(read_text(path, "groups"), path)
    else:
        labels = [line.strip() for line in read_text(path, "groups").splitlines()]
        while labels and not labels[-1]:
            labels.pop()
    blank = next((number for number, label in enumerate(labels, start=1) if not label), None)
    if blank is not None:
        raise GeoscopeError(f"expected a label in every line, got none in line {blank} of {path}; fill it")
    if len(labels) == rows + 1 and _is_header(labels[0], labels[1:]):
        del labels[0]
    return whole_numbers(np.array(labels, dtype=np.str_))


def _is_header(first: str, others: Sequence[str]) -> bool:
    return first not in others and not (_WHOLE.fullmatch(first) and all(map(_WHOLE.fullmatch, others)))


def _cells(path: Path) -> list[str]:
    """The one cell of every line that is not blank."""
    rows = [row.cells for row in read_rows(path, "groups", usual(path)) if not is_blank(row)]
    if all(len(row) == 1 for row in rows):
        other = next((other for other in NAMED if rows and all(other in row[0] for row in rows)), None)
        rows = [row[0].split(other) for row in rows] if other is not None else rows
    several = next((row for row in rows if len(row) > 1), None)
    if several is not None:
        raise GeoscopeError(
            f"expected one column of labels, got {len(several)} ({listed([cell.strip() for cell in several])}) in "
            f"{path}; save the column of labels alone"
        )
    return [row[0].strip() for row in rows]


def _records(text: str, path: Path) -> list[str]:
    """Of every line that is not blank a string or integer, or that of its only field; each as JSON has it."""
    found: list[Any] = []
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise GeoscopeError(
                f"expected a label as JSON in every line, got something else in line {number} of {path}; mend it"
            ) from error
        if isinstance(label, dict):
            names |= set(label)
            label = next(iter(label.values())) if len(names) == 1 and label else names
        if isinstance(label, set):
            raise GeoscopeError(
                f"expected one field, the label, in every record, got {listed(sorted(names)) or 'none'} in line "
                f"{number} of {path}; save the field of labels alone"
            )
        if isinstance(label, bool) or not isinstance(label, (str, int)):
            raise GeoscopeError(
                f"expected a string or an integer in every line, got {type(label).__name__} in line {number} of "
                f"{path}; mend it"
            )
        found.append(label)
    return [str(label) for label in _as_text(np.array(found, dtype=object), str(path))]


def one_kind(labels: Sequence[str | int]) -> npt.NDArray[Any]:
    """Labels as an array in which none that differ are one: of strings, of integers, or of objects."""
    if all(type(each) is int and abs(each) < 1 << 63 for each in labels):
        return np.array(labels, dtype=np.int64)
    if all(isinstance(each, str) for each in labels):
        return np.array(labels, dtype=np.str_)
    found = np.empty(len(labels), dtype=object)
    found[:] = labels
    return found
