"""Text task files: a named task's examples from local files in their own layouts, or through `datasets`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.subjects.tables.encodings import read_lines, unpacked_name
from geoscope.subjects.tables.table_files import TABLE_SUFFIXES, read_table
from geoscope.subjects.tables.tables import text_cell
from geoscope.tasks.examples import Examples
from geoscope.tasks.labelled_files import NO_AGREEMENT
from geoscope.tasks.splits import SPLITS, hub_task, part_of
from geoscope.tasks.text_tasks import TASKS, TaskData, TextTask, text_task

_LINE = re.compile(r"__label__(\d+)\s(.*)", re.DOTALL)
_LINES = ".txt"
_AGREED = "gold_label"


def load_task(spec: str) -> TaskData:
    """The task that `spec` names: NAME through `datasets`, or NAME=DIR from a folder's files.

    Those are .tsv, .csv, .json, .jsonl and .parquet, of SST-5 .txt too; a file's split is the end of its name
    (train.tsv, sts-dev.tsv, dev_matched.tsv). A test file without labels is left out.
    Raises GeoscopeError for an unknown name, a folder without such files, or rows that cannot be read.
    """
    name, _, folder = spec.partition("=")
    task = text_task(name)
    if task is None:
        raise GeoscopeError(
            f"expected a task of {', '.join(TASKS)}, got {name!r}; give NAME, or NAME=DIR with its files"
        )
    found = _from_folder(task, path_from_home(folder)) if folder else _from_hub(task)
    splits = {split: found[split] for split in SPLITS if split in found}
    if not splits:
        raise GeoscopeError(
            f"expected labelled train, dev or test files ({' '.join(_suffixes(task))}) of {task.name} in {folder}, "
            "got none; name the folder that has them"
        )
    return TaskData(task, splits)


def _suffixes(task: TextTask) -> tuple[str, ...]:
    return TABLE_SUFFIXES if task.first is None else (*TABLE_SUFFIXES, _LINES)


def _from_hub(task: TextTask) -> dict[str, Examples]:
    loaded = hub_task(task.name, task.hub, task.configuration)
    found: dict[str, Examples] = {}
    for split in SPLITS:
        name = next((name for name in (split, f"{split}_{task.half}") if name in loaded), None)
        if name is not None:
            held = loaded[name]
            there = getattr(held, "column_names", held)
            columns = [list(held[next((each for each in names if each in there), names[0])]) for names in task.columns]
            origin, rows = f"{task.hub} {task.name} {name}", enumerate(zip(*columns, strict=True), start=1)
            _keep(found, split, _examples(task, ((f"row {number} of {origin}", row) for number, row in rows)))
    return found


def _from_folder(task: TextTask, folder: Path) -> dict[str, Examples]:
    if not folder.is_dir():
        raise GeoscopeError(
            f"expected a folder with the files of the task {task.name}, got {folder}; give {task.name}=DIR"
        )
    found: dict[str, Examples] = {}
    for path in sorted(folder.iterdir()):
        part = part_of(path)
        if part and part.half in ("", task.half) and unpacked_name(path).suffix.lower() in _suffixes(task):
            lines = unpacked_name(path).suffix.lower() == _LINES
            held = _examples(task, _labelled_lines(path, task)) if lines else _from_table(task, path, part.split)
            _keep(found, part.split, held)
    return found


def _keep(found: dict[str, Examples], split: str, examples: Examples) -> None:
    """Add to a split; GLUE's own test labels are -1, and such a split is left out."""
    if len(examples):
        before = found.get(split, Examples((), ()))
        found[split] = Examples(before.texts + examples.texts, before.labels + examples.labels)


def _labelled_lines(path: Path, task: TextTask) -> Iterator[tuple[str, tuple[str, int]]]:
    """The lines of a file of __label__N and a text; a blank one is none."""
    what, first = f"the examples of {task.name}", task.first or 0
    last = first + len(task.classes) - 1
    for number, line in enumerate(read_lines(path, what), start=1):
        if line.strip():
            found = _LINE.match(line)
            if found is None or not first <= int(found[1]) <= last:
                raise GeoscopeError(
                    f"expected __label__{first} to __label__{last} and a text in every line of {task.name}, got "
                    f"{line.strip()[:40]!r} in line {number} of {path}; mend it"
                )
            yield f"line {number} of {path}", (found[2], int(found[1]) - first)


def _from_table(task: TextTask, path: Path, split: str) -> Examples:
    table = read_table(path, f"the examples of {task.name}", unnamed=partial(_unnamed, task), leave_cut=task.cut)
    for note in table.notes:
        warnings.warn(note, stacklevel=2)
    if not len(table):
        return Examples((), ())
    places = [table.place(*names) for names in task.columns]
    known = [place for place in places if place is not None]
    if split == SPLITS[-1] and known == places[:-1]:  # GLUE keeps the labels of its test files to itself
        return Examples((), ())
    if len(known) < len(places):
        raise GeoscopeError(
            f"expected the columns {', '.join(names[0] for names in task.columns)} of {task.name} in {table.origin}, "
            f"got {', '.join(table.columns)}; rename them"
        )
    return _examples(task, ((table.where(i), row) for i, row in enumerate(table.rows(*known))))


def _unnamed(task: TextTask, first: Sequence[str]) -> tuple[str, ...] | None:
    """The columns' names in the releases without a header, None where the first row is one."""
    header = [name.strip() for name in first]
    if task.places is None or all(any(name in header for name in names) for names in task.columns[:-1]):
        return None
    named = dict(zip(task.places, (names[0] for names in task.columns), strict=True))
    return tuple(named.get(place, "") for place in range(max(task.places) + 1))


def _examples(task: TextTask, rows: Iterable[tuple[str, tuple[Any, ...]]]) -> Examples:
    """The examples in rows of texts and a label, each with where it is."""
    texts, labels = [], []
    for where, (*given, label) in rows:
        value = _label(task, label, where)
        if value is not None:
            texts.append(tuple(text_cell(text, where).strip() for text in given))
            labels.append(value)
    return Examples(tuple(texts), tuple(labels))


def _label(task: TextTask, label: Any, where: str) -> float | None:
    """The label as a number, or None for an example that has none."""
    if label in task.classes:
        return task.classes.index(label)
    if label == NO_AGREEMENT and _AGREED in task.columns[-1]:
        return None
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
