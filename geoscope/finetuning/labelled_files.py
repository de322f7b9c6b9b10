"""Labelled files: one or two texts and a label a row, in TSV, CSV or parquet with a header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.table_files import TABLE_SUFFIXES, read_table
from geoscope.subjects.tables import text_cell

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
    sentence2, text2, question2 or hypothesis, the label in label or score. Raises GeoscopeError for other columns, and
    for a row without a text or a label.
    """
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise GeoscopeError(f"expected a task's file to end in {', '.join(TABLE_SUFFIXES)}, got {path}; convert it")
    table = read_table(path, "a task's examples")
    first, second, label = table.place(*_FIRST), table.place(*_SECOND), table.place(*_LABEL)
    if first is None or label is None:
        raise GeoscopeError(
            f"expected columns sentence (or sentence1 and sentence2) and label in {path}, got "
            f"{', '.join(table.columns) or 'none'}; name them in the first row"
        )
    texts, labels = [], []
    for row, (found, *given) in enumerate(table.rows(label, first, *([] if second is None else [second]))):
        where = table.where(row)
        texts.append(tuple(text_cell(text, where).strip() for text in given))
        labels.append(_label(found, where))
    return Labelled(tuple(texts), tuple(labels))


def _label(cell: Any, where: str) -> Any:
    """A label as it stands, without the spaces around it."""
    label = cell.strip() if isinstance(cell, str) else cell
    if label is None or str(label).lower() in ("", "nan"):
        raise GeoscopeError(f"expected a label in every row, got none in {where}; fill it in or leave the row out")
    return label


def _number(label: Any) -> float | None:
    try:
        value = float(label)
    except (TypeError, ValueError):
        return None
    return value if abs(value) < float("inf") else None
