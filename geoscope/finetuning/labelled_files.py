"""Labelled files: one or two texts and a label a row, in TSV, CSV or parquet with a header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.table_files import TABLE_SUFFIXES, parquet_table, separated_rows

_WHAT = "a task's examples"
_FIRST = ("sentence", "text", "sentence1", "text1", "question1", "premise")
_SECOND = ("sentence2", "text2", "question2", "hypothesis")
_LABEL = ("label", "score", "labels")


@dataclass(frozen=True)
class Labelled:
    """The texts of each example (one or two), and its label as it stands in the file."""

    texts: tuple[tuple[str, ...], ...]
    labels: tuple[Any, ...]

    def coded(self, origin: Path) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """(classes, labels as places among them); no classes where labels are numbers with a fraction: a regression."""
        numbers = [_number(label) for label in self.labels]
        if all(number is not None for number in numbers):
            values = [number for number in numbers if number is not None]
            if any(value != int(value) for value in values):
                return (), tuple(values)
            names = {str(int(value)): int(value) for value in values}
            classes = tuple(sorted(names, key=lambda name: names[name]))
            labels: Sequence[str] = [str(int(value)) for value in values]
        else:
            labels = [str(label) for label in self.labels]
            classes = tuple(sorted(set(labels)))
        if len(classes) < 2:
            raise GeoscopeError(
                f"expected labels of two classes or more, got {', '.join(classes) or 'none'} in {origin}"
            )
        place = {name: i for i, name in enumerate(classes)}
        return classes, tuple(place[label] for label in labels)


def read_labelled(path: Path) -> Labelled:
    """The examples of a file. A .tsv has no quoting.

    The first text is in a column called sentence, text, sentence1, text1, question1 or premise, the second, if any, in
    sentence2, text2, question2 or hypothesis, the label in label or score. Raises GeoscopeError for other columns.
    """
    columns, rows = _parquet(path) if path.suffix.lower() == ".parquet" else _separated(path)
    first, second, label = (
        next((columns.index(name) for name in names if name in columns), None) for names in (_FIRST, _SECOND, _LABEL)
    )
    if first is None or label is None:
        raise GeoscopeError(
            f"expected columns sentence (or sentence1 and sentence2) and label in {path}, got {', '.join(columns)}; "
            "name them in the first row"
        )
    places = [place for place in (first, second) if place is not None]
    short = next((number for number, row in enumerate(rows) if max(*places, label) >= len(row)), None)
    if short is not None:
        raise GeoscopeError(f"expected {len(columns)} columns in every row of {path}, got fewer in example {short + 1}")
    return Labelled(
        tuple(tuple(str(row[place]).strip() for place in places) for row in rows), tuple(row[label] for row in rows)
    )


def _separated(path: Path) -> tuple[list[str], list[Sequence[Any]]]:
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise GeoscopeError(f"expected a task's file to end in {', '.join(TABLE_SUFFIXES)}, got {path}; convert it")
    header, *rows = [row for row in separated_rows(path, _WHAT) if row] or [[]]
    return header, list(rows)


def _parquet(path: Path) -> tuple[list[str], list[Sequence[Any]]]:
    table = parquet_table(path, _WHAT)
    return list(table.column_names), list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _number(label: Any) -> float | None:
    try:
        value = float(label)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < float("inf") else None
