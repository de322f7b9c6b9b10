"""Labelled files: one or two texts and a label a row, in a table with named columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.encodings import unpacked_name
from geoscope.subjects.tables.table_files import TABLE_SUFFIXES, read_table
from geoscope.subjects.tables.tables import CellTable, is_missing, text_cell
from geoscope.subjects.tables.text_columns import refuse_no_text

_PAIRS = (
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question", "sentence"), ("question1", "question2"),
    ("text1", "text2"), ("question", "answer"), ("sentence", "sentence2"), ("text", "text2"), ("text", "text_pair"),
    ("text_a", "text_b"), ("sentence_a", "sentence_b"), ("sentence_1", "sentence_2"), ("#1 string", "#2 string"),
    ("query", "passage"), ("question", "passage"),
)  # fmt: skip
"""What GLUE's tasks, SNLI, SICK and others call their two texts."""

_SINGLES = ("sentence", "text")
_LABELS = (
    "label", "labels", "gold_label", "score", "similarity", "similarity_score", "relatedness_score", "is_duplicate",
    "quality", "target", "class",
)  # fmt: skip
_IDS = frozenset({
    "", "unnamed: 0", "index", "idx", "id", "ids", "guid", "uid", "uuid", "pmid", "pairid", "promptid", "captionid",
    "qid", "qid1", "qid2", "pair_id", "prompt_id", "old_index", "#1 id", "#2 id", "__index_level_0__",
})  # fmt: skip
"""Columns that number rows: left out without a word."""

NO_AGREEMENT = "-"
"""What SNLI and MNLI write in gold_label where annotators do not agree."""

_UNLABELLED = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>", "?"})
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"  # what no screen shows, around a label
_PLAIN = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HIDDEN = -1  # as GLUE writes the labels that it keeps to itself
_ADVICE = "mend the row, or name the columns to read with --text-column"
_NAME_THEM = "name those to read with --text-column NAME (twice for two texts)"
_FEW = 5
_SHOWN = 20


@dataclass(frozen=True)
class Labelled:
    """The texts of each example (one or two), and its label as it stands in the file. notes: what a user should hear
    of its reading."""

    texts: tuple[tuple[str, ...], ...]
    labels: tuple[Any, ...]
    notes: tuple[str, ...] = ()

    def without_hidden(self, all_labels: Sequence[Any], origin: Path) -> Labelled:
        """Without the examples whose label is -1, where that is GLUE's word for none.

        It is none where it is the only number below 0 of all_labels, and not one of two classes, -1 and 1.
        """
        kept = [place for place, label in enumerate(self.labels) if _number(label) != _HIDDEN]
        hidden = len(self.labels) - len(kept)
        numbers = {_number(label) for label in all_labels}
        if not hidden or numbers <= {_HIDDEN, 1} or any(n is not None and n < 0 and n != _HIDDEN for n in numbers):
            return self
        note = (
            f"{hidden} row{'s' * (hidden != 1)} of {origin} with the label -1 {'is' if hidden == 1 else 'are'} left "
            "out, as those whose label is not given; write a name if it is a class."
        )
        texts, labels = (tuple(each[place] for place in kept) for each in (self.texts, self.labels))
        return Labelled(texts, labels, (*self.notes, note))

    def coded(self, origin: Path) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """(classes, labels as places among them); no classes where labels are numbers with a fraction: a regression."""
        numbers = [_number(label) for label in self.labels]
        flags = [isinstance(label, bool) for label in self.labels]
        if any(flags) and any(number is not None and not flag for number, flag in zip(numbers, flags, strict=True)):
            raise GeoscopeError(
                f"expected labels of one kind, got true or false and numbers in {origin}; write one kind"
            )
        if all(number is not None for number in numbers):
            values = [number for number in numbers if number is not None]
            if any(value != int(value) for value in values):
                return (), tuple(map(float, values))
            names = {str(int(value)): int(value) for value in values}
            classes = tuple(sorted(names, key=lambda name: names[name]))
            labels: Sequence[str] = [str(int(value)) for value in values]
        else:
            labels = [str(label) for label in self.labels]
            classes = tuple(sorted(set(labels)))
        if len(classes) < 2:
            raise GeoscopeError(
                f"expected labels of two classes or more, got {', '.join(classes) or 'none'} in {origin}; "
                "add examples of another"
            )
        place = {name: i for i, name in enumerate(classes)}
        return classes, tuple(place[label] for label in labels)


def read_labelled(path: Path, text_columns: Sequence[str] = ()) -> Labelled:
    """The examples of a file.

    The texts are in the columns asked for, or in two that are called as GLUE, SNLI, QNLI, QQP and MNLI call theirs, or
    in `sentence`, `text` or the only one of text; the label in label, gold_label, score or the like. Rows without a
    label or a text are left out, and notes say how many, and which columns are not read.
    Raises GeoscopeError where columns cannot be told apart.
    """
    if unpacked_name(path).suffix.lower() not in TABLE_SUFFIXES:
        raise GeoscopeError(
            f"expected a task's file to end in {', '.join(TABLE_SUFFIXES)} (or that and .gz), got {path}; convert it"
        )
    table = read_table(path, "a task's examples")
    label, columns = _places(table, text_columns)
    texts, labels = [], []
    unlabelled = blank = 0
    words: dict[str, None] = {}
    for row, (found, *given) in enumerate(table.rows(label, *columns)):
        where = table.where(row)
        value = _label(found, where, table.columns[label])
        cells = ["" if is_missing(text) else text_cell(text, where, _ADVICE).strip() for text in given]
        if value is None:
            unlabelled += 1
            if isinstance(found, str) and found.strip().lower() in _UNLABELLED - {"", "nan"}:
                words[found.strip()] = None
        elif not all(cells):
            blank += 1
        else:
            texts.append(tuple(cells))
            labels.append(value)
    notes = [*table.notes, *_unread(table, label, columns, text_columns)]
    if unlabelled + blank:
        why = [f"{number} without a {what}" for number, what in ((unlabelled, "label"), (blank, "text")) if number]
        verb = "is" if unlabelled + blank == 1 else "are"
        notes.append(f"Of the {len(table)} rows of {path}, {' and '.join(why)} {verb} left out.")
    if words:
        notes.append(f"{', '.join(words)} as a label of {path} is none; write another name if it is a class.")
    return Labelled(tuple(texts), tuple(labels), tuple(notes))


def lone_classes(classes: Sequence[str], labels: Sequence[float], origin: Path) -> list[str]:
    """A warning where a class has one example: it is learnt or scored, never both."""
    counts = Counter(labels)
    lone = [name for place, name in enumerate(classes) if counts[place] == 1]
    if not lone:
        return []
    shown = ", ".join(map(repr, lone[:_FEW])) + (f" and {len(lone) - _FEW} more" if len(lone) > _FEW else "")
    return [
        f"{len(lone)} of the {len(classes)} classes of {origin} {'has' if len(lone) == 1 else 'have'} one example "
        f"({shown}); it is trained on or evaluated with, never both."
    ]


def doubtful_labels(classes: Sequence[str], labels: Sequence[float], origin: Path) -> list[str]:
    """Warnings of labels that may be written wrong: classes that differ in case, a fraction among whole numbers."""
    if not classes:
        fractions = [label for label in labels if label != int(label)]
        if len(fractions) * 2 >= len(labels):
            return []
        return [
            f"The labels of {origin} are taken as numbers to predict (a regression) and not as classes, as "
            f"{fractions[0]:g} has a fraction."
        ]
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault(name.casefold(), []).append(name)
    return [
        f"The classes {' and '.join(map(repr, names))} of {origin} differ in case alone, and are read as several."
        for names in alike.values()
        if len(names) > 1
    ]


def _places(table: CellTable, asked: Sequence[str]) -> tuple[int, list[int]]:
    """Where the label is among the columns, and where the one or two texts are."""
    names = [name.lower() if table.columns.count(name.lower()) == 0 else name for name in table.columns]
    label = _first(table, names, _LABELS)
    if label is None:
        raise GeoscopeError(
            f"expected columns of text (sentence, or sentence1 and sentence2) and label in {table.origin}, got "
            f"{', '.join(table.columns) or 'none'}; name them in the first row"
        )
    if asked:
        return label, _asked(table, asked, label)
    pairs = [pair for pair in _PAIRS if set(pair) <= set(names)]
    in_pairs = {name for pair in pairs for name in pair}
    singles = [(name,) for name in _SINGLES if name in names and name not in in_pairs]
    found: list[tuple[str, ...]] = [*pairs, *singles]
    texts = [place for place in range(len(names)) if place != label and _may_be_text(table, place, names[place])]
    if len(found) == 1:
        return label, [_first(table, names, (name,)) or 0 for name in found[0]]
    if not found and len(texts) == 1:
        where = f"{table.origin} (it has {', '.join(table.columns)})"
        refuse_no_text(table.columns[texts[0]], table.cells(texts[0]), where, _NAME_THEM)
        return label, texts
    columns = [table.columns[place] for place in texts]
    got = f"the text columns {', '.join(columns)}" if columns else f"the columns {', '.join(table.columns)}"
    raise GeoscopeError(
        f"expected one text or two in columns called sentence, or sentence1 and sentence2, got {got} in "
        f"{table.origin}; {_NAME_THEM}"
    )


def _asked(table: CellTable, asked: Sequence[str], label: int) -> list[int]:
    lacking = [name for name in asked if name not in table.columns]
    if lacking or len(set(asked)) != len(asked) or len(asked) > 2:
        raise GeoscopeError(
            f"expected --text-column to name one or two columns of {table.origin}, got {', '.join(asked)}; it has "
            f"{', '.join(table.columns)}"
        )
    places = [place for name in asked if (place := table.place(name)) is not None]
    if label in places:
        raise GeoscopeError(
            f"expected --text-column to name texts of {table.origin}, got {table.columns[label]}, which is the label; "
            "name another"
        )
    return places


def _first(table: CellTable, names: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Where the first of some names is among the columns, in whatever case; refused where it is there twice."""
    name = next((name for name in wanted if name in names), None)
    return None if name is None else table.place(table.columns[names.index(name)])


def _may_be_text(table: CellTable, place: int, name: str) -> bool:
    return name not in _IDS and name not in _LABELS and table.holds_text(place)


def _unread(table: CellTable, label: int, columns: Sequence[int], asked: Sequence[str]) -> list[str]:
    """What is said of the columns that are neither texts nor label nor number rows."""
    left = [
        name
        for place, name in enumerate(table.columns)
        if place not in (label, *columns) and name.strip().lower() not in _IDS
    ]
    if not left:
        chosen = table.columns[columns[0]]
        by_name = asked or len(columns) > 1 or chosen.lower() in _SINGLES
        return [] if by_name else [f"The text of {table.origin} is read from {chosen!r}, its only column of text."]
    read = " and ".join(repr(table.columns[place]) for place in columns)
    return [
        f"Of {table.origin}, {read} and the label {table.columns[label]!r} are read, {', '.join(map(repr, left))} not; "
        "--text-column names other texts."
    ]


def _label(cell: Any, where: str, column: str) -> Any:
    """A label as it stands, without the spaces around it; None where the row has none.

    Raises GeoscopeError for what is no name and no number: lists, infinity, numbers that no float holds.
    """
    label = text_cell(cell, where).strip().strip(_UNSEEN).strip() if isinstance(cell, str) else cell
    if isinstance(label, (list, dict, bytes)):
        raise GeoscopeError(
            f"expected a name or a number as {column}, got {type(label).__name__} in {where}; mend the row"
        )
    if is_missing(label) or (isinstance(label, str) and label.lower() in _UNLABELLED):
        return None
    if not _is_finite(label):
        shown = str(label) if isinstance(label, (str, float)) else "a number beyond what a float holds"
        raise GeoscopeError(f"expected a name or a finite number as {column}, got {shown[:_SHOWN]} in {where}; mend it")
    return None if column.lower() == "gold_label" and label == NO_AGREEMENT else label


def _is_finite(label: Any) -> bool:
    """False for infinity, however it is written, and for a number beyond what a float holds."""
    try:
        return abs(float(label)) < float("inf")
    except OverflowError:
        return False
    except (TypeError, ValueError):
        return True


def _number(label: Any) -> Decimal | None:
    """A label's exact value where it is a number: a name like 01 or 1_0 is none."""
    if isinstance(label, (int, float, Decimal)):
        return Decimal(label)
    return Decimal(label) if isinstance(label, str) and _PLAIN.fullmatch(label) else None
