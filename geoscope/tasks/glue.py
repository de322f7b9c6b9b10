"""GLUE tasks: their columns, classes and scores, and their examples from local files or through `datasets`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.encodings import unpacked_name
from geoscope.subjects.tables.table_files import TABLE_SUFFIXES, read_table
from geoscope.subjects.tables.tables import CellTable, text_cell

SPLITS = ("train", "validation", "test")

_HUB = "nyu-mll/glue"
_FILE = re.compile(r"(?:^|[-_.])(train|dev|validation|valid|test)(?:-\d+-of-\d+)?$")
_SPLIT_OF = {"train": "train", "dev": "validation", "valid": "validation", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class GlueTask:
    """What a task asks: one text or two, a class (a place in `classes`) or, without classes, a number.

    scores: names in `geoscope.tasks.metrics.SCORES`, the one GLUE leads with first. columns: of the texts and the
    label, each with the names that GLUE's releases gave it. places: of the same columns in a file without a header.
    """

    name: str
    scores: tuple[str, ...]
    classes: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    places: tuple[int, ...]

    @property
    def pairs(self) -> bool:
        """Whether an example is two texts."""
        return len(self.columns) == 3


_FIRST, _SECOND = ("sentence1", "#1 String"), ("sentence2", "#2 String")
TASKS: Mapping[str, GlueTask] = {
    task.name: task
    for task in (
        GlueTask(
            "cola", ("matthews_correlation",), ("unacceptable", "acceptable"), (("sentence",), ("label",)), (3, 1)
        ),
        GlueTask("sst2", ("accuracy",), ("negative", "positive"), (("sentence",), ("label",)), (0, 1)),
        GlueTask(
            "mrpc", ("f1", "accuracy"), ("not_equivalent", "equivalent"),
            (_FIRST, _SECOND, ("label", "Quality")), (3, 4, 0),
        ),
        GlueTask("rte", ("accuracy",), ("entailment", "not_entailment"), (_FIRST, _SECOND, ("label",)), (1, 2, 3)),
        GlueTask("stsb", ("spearman", "pearson"), (), (_FIRST, _SECOND, ("label", "score")), (5, 6, 4)),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """n examples: the texts of each (one or two) and its label (a class's number, or a score)."""

    texts: tuple[tuple[str, ...], ...]
    labels: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, places: Sequence[int]) -> Examples:
        """The examples at some places, in that order."""
        return Examples(tuple(self.texts[place] for place in places), tuple(self.labels[place] for place in places))

    @property
    def fingerprint(self) -> str:
        """ "sha256:..." over texts and labels in order."""
        digest = hashlib.sha256()
        for texts, label in zip(self.texts, self.labels, strict=True):
            for text in (*texts, repr(float(label))):
                encoded = text.encode("utf-8", "surrogatepass")
                digest.update(len(encoded).to_bytes(8, "little"))
                digest.update(encoded)
        return f"sha256:{digest.hexdigest()}"


@dataclass(frozen=True)
class TaskData:
    """A task and its labelled splits, of train, validation and test those that there are, in this order."""

    task: GlueTask
    splits: Mapping[str, Examples]


def load_task(spec: str) -> TaskData:
    """The task that `spec` names: NAME through `datasets`, or NAME=DIR from a folder's .tsv, .csv or .parquet files.

    A file's split is the end of its name (train.tsv, sts-dev.tsv). Raises GeoscopeError for an unknown name, a folder
    without such files, or rows that cannot be read.
    """
    name, _, folder = spec.partition("=")
    task = TASKS.get(name.lower().replace("-", ""))
    if task is None:
        raise GeoscopeError(
            f"expected a task of {', '.join(TASKS)}, got {name!r}; give NAME, or NAME=DIR with its files"
        )
    found = _from_folder(task, Path(folder).expanduser()) if folder else _from_hub(task)
    splits = {split: found[split] for split in SPLITS if split in found}
    if not splits:
        raise GeoscopeError(
            f"expected labelled train, dev or test files ({' '.join(TABLE_SUFFIXES)}) of {task.name} in {folder}, "
            "got none; name the folder that has them"
        )
    return TaskData(task, splits)


def _from_hub(task: GlueTask) -> dict[str, Examples]:
    from geoscope.subjects.checkpoint_files.hub import OutOfReach, load_dataset

    try:
        loaded = load_dataset(_HUB, task.name, None)
    except OutOfReach as error:
        raise GeoscopeError(
            f"expected the task '{task.name}' ({_HUB}) on the hub or in the cache, got neither: {error}; "
            f"give a folder with its files: {task.name}=DIR"
        ) from error
    names = [column[0] for column in task.columns]
    found: dict[str, Examples] = {}
    for split in SPLITS:
        if split in loaded:
            columns = [list(loaded[split][name]) for name in names]
            origin, rows = f"{_HUB} {task.name} {split}", enumerate(zip(*columns, strict=True), start=1)
            _keep(found, split, _examples(task, ((f"row {number} of {origin}", row) for number, row in rows)))
    return found


def _from_folder(task: GlueTask, folder: Path) -> dict[str, Examples]:
    if not folder.is_dir():
        raise GeoscopeError(f"expected a folder with the files of {task.name}, got {folder}; give {task.name}=DIR")
    found: dict[str, Examples] = {}
    for path in sorted(folder.iterdir()):
        name = unpacked_name(path)
        split = _FILE.search(name.stem)
        if split and name.suffix.lower() in TABLE_SUFFIXES:
            _keep(found, _SPLIT_OF[split[1]], _from_file(task, path))
    return found


def _keep(found: dict[str, Examples], split: str, examples: Examples) -> None:
    """Add to a split; GLUE's own test labels are -1, and such a split is left out."""
    if len(examples):
        before = found.get(split, Examples((), ()))
        found[split] = Examples(before.texts + examples.texts, before.labels + examples.labels)


def _from_file(task: GlueTask, path: Path) -> Examples:
    table = read_table(path, f"the examples of {task.name}", unnamed=partial(_unnamed, task))
    if not len(table):
        return Examples((), ())
    return _examples(task, ((table.where(i), row) for i, row in enumerate(table.rows(*_places(task, table)))))


def _unnamed(task: GlueTask, first: Sequence[str]) -> tuple[str, ...] | None:
    """The columns' names in the releases without a header, None where the first row is one."""
    header = [name.strip() for name in first]
    if all(any(name in header for name in names) for names in task.columns):
        return None
    named = dict(zip(task.places, (names[0] for names in task.columns), strict=True))
    return tuple(named.get(place, "") for place in range(max(task.places) + 1))


def _places(task: GlueTask, table: CellTable) -> list[int]:
    """Where the texts and the label are among the columns."""
    places = [table.place(*names) for names in task.columns]
    found = [place for place in places if place is not None]
    if len(found) < len(places):
        raise GeoscopeError(
            f"expected the columns {', '.join(names[0] for names in task.columns)} of {task.name} in {table.origin}, "
            f"got {', '.join(table.columns)}; rename them"
        )
    return found


def _examples(task: GlueTask, rows: Iterable[tuple[str, tuple[Any, ...]]]) -> Examples:
    """The examples in rows of texts and a label, each with where it is."""
    texts, labels = [], []
    for where, (*given, label) in rows:
        value = _label(task, label, where)
        if value is not None:
            texts.append(tuple(text_cell(text, where).strip() for text in given))
            labels.append(value)
    return Examples(tuple(texts), tuple(labels))


def _label(task: GlueTask, label: Any, where: str) -> float | None:
    """The label as a number, or None for an example that has none."""
    if label in task.classes:
        return task.classes.index(label)
    try:
        value = float(label)
    except (TypeError, ValueError):
        value = float("nan")
    if value == -1.0:
        return None
    if task.classes and value in range(len(task.classes)):
        return int(value)
    if not task.classes and 0.0 <= value < float("inf"):
        return value
    what = f"one of {', '.join(task.classes)} or its number" if task.classes else "a number of 0 or more"
    raise GeoscopeError(f"expected the label of {task.name} to be {what}, got {label!r} in {where}; mend the row")
