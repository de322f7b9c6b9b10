"""Tasks to fine-tune on: GLUE's, a labelled file's, or masked language modelling on a corpus."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.encodings import unpacked_name
from geoscope.subjects.tables.table_files import TABLE_SUFFIXES
from geoscope.subjects.texts.corpora import check_specs, load_corpus
from geoscope.tasks.glue import TASKS, Examples, load_task
from geoscope.tasks.labelled_files import Labelled, doubtful_labels, lone_classes, read_labelled

HELD_OUT = 0.2
"""Share of a file's examples that is kept for evaluation, where there is no file for that."""

_SPLIT = re.compile(r"(?:^|[-_.])(train|dev|validation|valid)(?:-\d+-of-\d+)?$")
_MLM = "mlm:"


@dataclass(frozen=True)
class Task:
    """What is learnt and what it is scored on.

    kind: classification, regression or mlm. scores: by name, the leading one first. classes: none but for
    classification; a label is a place among them.
    """

    name: str
    kind: str
    scores: tuple[str, ...]
    classes: tuple[str, ...]
    train: Examples
    evaluation: Examples

    @property
    def outputs(self) -> int:
        """How many numbers the head gives."""
        return max(1, len(self.classes))

    def narrowed(self, train_examples: int | None, seed: int) -> Task:
        """The task with so many training examples, drawn by the seed, in their order."""
        if train_examples is None or train_examples >= len(self.train):
            return self
        chosen = np.random.default_rng(seed).choice(len(self.train), train_examples, replace=False)
        return replace(self, train=self.train.take(np.sort(chosen).tolist()))


def load(spec: str, text_columns: Sequence[str] = ()) -> Task:
    """The task that --task names: a GLUE task, NAME=DIR of its files, a labelled file or folder, or mlm:CORPUS.

    text_columns: of a file, those of the text or the two texts, or of a corpus the one. What of a file is not read is
    warned of. Raises GeoscopeError where there is no such task, or nothing to train on or to evaluate with.
    """
    if spec.startswith(_MLM):
        return _language_modelling(spec.removeprefix(_MLM), text_columns)
    name, _, place = spec.partition("=")
    if name in TASKS:
        if text_columns:
            raise GeoscopeError(
                f"expected --text-column with a file, got {spec}, whose columns are known; leave it out"
            )
        return _glue(spec)
    path = Path(place or name).expanduser()
    if not path.exists():
        raise GeoscopeError(
            f"expected a task of {', '.join(TASKS)}, a file ({' '.join(TABLE_SUFFIXES)}), a folder of them or "
            f"mlm:CORPUS, got {spec}; there is no such file"
        )
    return _labelled(name if place else unpacked_name(path).stem, path, text_columns)


def _glue(spec: str) -> Task:
    data = load_task(spec)
    task, missing = data.task, [split for split in ("train", "validation") if split not in data.splits]
    if missing:
        raise GeoscopeError(
            f"expected train and dev files of {task.name}, got none for {' and '.join(missing)} in {spec}; add them"
        )
    kind = "classification" if task.classes else "regression"
    return Task(task.name, kind, task.scores, task.classes, data.splits["train"], data.splits["validation"])


def _labelled(name: str, path: Path, columns: Sequence[str]) -> Task:
    """A labelled file, a fifth of it held out, or a folder of train.* and dev.*."""
    if path.is_dir():
        parts = [_joined(path, splits, columns) for splits in (("train",), ("dev", "validation", "valid"))]
        given = [label for part in parts for label in part.labels]
        train, evaluation = (part.without_hidden(given, path) for part in parts)
        whole = _together((train, evaluation))
        cut = len(train.labels)
        places = (list(range(cut)), list(range(cut, len(whole.labels))))
    else:
        read = read_labelled(path, columns)
        whole = read.without_hidden(read.labels, path)
        places = _held_out(len(whole.labels), HELD_OUT)
    classes, labels = whole.coded(path)
    examples = Examples(whole.texts, labels)
    if min(map(len, places)) == 0:
        raise GeoscopeError(
            f"expected examples to train on and to evaluate with, got {len(labels)} in {path}; add some"
        )
    doubts = [*lone_classes(classes, labels, path), *doubtful_labels(classes, labels, path)]
    for note in (*whole.notes, *doubts):
        warnings.warn(note, stacklevel=2)
    kind, scores = ("classification", _scores(classes)) if classes else ("regression", ("spearman", "pearson"))
    return Task(name, kind, scores, classes, examples.take(places[0]), examples.take(places[1]))


def _joined(folder: Path, splits: Sequence[str], columns: Sequence[str]) -> Labelled:
    found = [
        read_labelled(path, columns)
        for path in sorted(folder.iterdir())
        if unpacked_name(path).suffix.lower() in TABLE_SUFFIXES
        and (match := _SPLIT.search(unpacked_name(path).stem))
        and match[1] in splits
    ]
    if not found:
        raise GeoscopeError(f"expected a file {splits[0]}.tsv (or {' '.join(TABLE_SUFFIXES)}) in {folder}, got none")
    return _together(found)


def _together(parts: Sequence[Labelled]) -> Labelled:
    """Several files as one; refused where examples of some have one text and of others two."""
    texts = tuple(text for part in parts for text in part.texts)
    if len({len(each) for each in texts}) > 1:
        raise GeoscopeError("expected as many texts an example in every file, got one in some and two in others")
    notes = tuple(note for part in parts for note in part.notes)
    return Labelled(texts, tuple(label for part in parts for label in part.labels), notes)


def _scores(classes: Sequence[str]) -> tuple[str, ...]:
    return ("accuracy", "matthews_correlation", "f1") if len(classes) == 2 else ("accuracy", "matthews_correlation")


def _language_modelling(corpus: str, columns: Sequence[str]) -> Task:
    check_specs([corpus], columns)
    found = load_corpus(corpus, text_columns=columns)
    for warning in found.warnings:
        warnings.warn(warning, stacklevel=2)
    examples = Examples(tuple((text,) for text in found.sequences), (0.0,) * len(found.sequences))
    if len(examples) < 2:
        raise GeoscopeError(f"expected at least two sequences in {corpus}, got {len(examples)}; one is held out")
    train, evaluation = _held_out(len(examples), HELD_OUT)
    return Task(f"mlm:{found.name}", "mlm", ("loss",), (), examples.take(train), examples.take(evaluation))


def _held_out(count: int, share: float) -> tuple[list[int], list[int]]:
    """Places to train on and places held out: the same whatever the run's seed, so that scores can be compared."""
    order = np.random.default_rng(0).permutation(count)
    cut = max(1, round(share * count)) if count > 1 else 0
    return np.sort(order[cut:]).tolist(), np.sort(order[:cut]).tolist()
