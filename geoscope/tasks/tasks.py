"""Tasks to fine-tune on: those with a name, a labelled file's, or language modelling on a corpus."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.subjects.tables.encodings import unpacked_name
from geoscope.subjects.tables.table_files import TABLE_SUFFIXES
from geoscope.subjects.texts.corpora import check_specs, load_corpus
from geoscope.tasks import squad
from geoscope.tasks.examples import Examples, Questions
from geoscope.tasks.labelled_files import Labelled, doubtful_labels, lone_classes, read_labelled
from geoscope.tasks.splits import HELD_OUT, held_out, held_out_together, part_of
from geoscope.tasks.text_task_files import load_task
from geoscope.tasks.text_tasks import TASKS, plain, text_task

LANGUAGE = ("mlm", "clm")
"""Kinds of task that are learnt from a corpus alone: masked words, and each word from those before it."""


@dataclass(frozen=True)
class Task:
    """What is learnt and what it is scored on.

    kind: classification, regression, answers (a span of a context), mlm or clm. scores: by name, the leading one first.
    classes: none but for classification; a label is a place among them. split: how training and evaluation were made of
    examples that came as one.
    """

    name: str
    kind: str
    scores: tuple[str, ...]
    classes: tuple[str, ...]
    train: Examples | Questions
    evaluation: Examples | Questions
    split: str | None = None

    @property
    def outputs(self) -> int:
        """How many numbers the head gives: one a class, for answers one for their start and one for their end."""
        return 2 if self.kind == "answers" else max(1, len(self.classes))

    def narrowed(self, train_examples: int | None, seed: int) -> Task:
        """The task with so many training examples, drawn by the seed, in their order."""
        if train_examples is None or train_examples >= len(self.train):
            return self
        chosen = np.random.default_rng(seed).choice(len(self.train), train_examples, replace=False)
        return replace(self, train=self.train.take(np.sort(chosen).tolist()))


def is_language(spec: str) -> bool:
    """Whether a task is to be learnt from a corpus: mlm:CORPUS or clm:CORPUS."""
    kind, colon, _ = spec.partition(":")
    return bool(colon) and kind in LANGUAGE


def load(spec: str, text_columns: Sequence[str] = ()) -> Task:
    """The task that --task names: one with a name, NAME=DIR of its files, a labelled file or folder, or mlm:CORPUS or
    clm:CORPUS.

    text_columns: of a file, those of the text or the two texts, or of a corpus the one. What of a file is not read is
    warned of. Raises GeoscopeError where there is no such task, or nothing to train on or to evaluate with.
    """
    if is_language(spec):
        return _language_modelling(spec, text_columns)
    name, _, place = spec.partition("=")
    named = text_task(name) is not None or plain(name) == squad.NAME
    if named:
        if text_columns:
            raise GeoscopeError(
                f"expected --text-column with a file, got {spec}, whose columns are known; leave it out"
            )
        return _answers(spec, place) if plain(name) == squad.NAME else _texts(spec)
    path = path_from_home(place or name)
    if not path.exists():
        raise GeoscopeError(
            f"expected a task of {', '.join((*TASKS, squad.NAME))}, a file ({' '.join(TABLE_SUFFIXES)}), a folder of "
            f"them, mlm:CORPUS or clm:CORPUS, got {spec}; there is no such file"
        )
    return _labelled(name if place else unpacked_name(path).stem, path, text_columns)


def _texts(spec: str) -> Task:
    data = load_task(spec)
    task = data.task
    kind = "classification" if task.classes else "regression"
    parts = data.splits.get("train"), data.splits.get("validation")
    keys = [] if parts[1] is None else [texts[0] for texts in parts[1].texts]
    train, evaluation, split = _sides(spec, task.name, *parts, keys, f"{task.columns[0][0]}s")
    return Task(task.name, kind, task.scores, task.classes, train, evaluation, split)


def _answers(spec: str, place: str) -> Task:
    """SQuAD's questions; where one file is all, whole articles are held out, or contexts where it has one article."""
    splits = squad.load_questions(place or None)
    parts = splits.get("train"), splits.get("validation")
    keys: Sequence[Hashable] = () if parts[1] is None else parts[1].sources
    what = "articles"
    if parts[1] is not None and len(set(keys)) < 2:
        keys, what = parts[1].contexts, "contexts"
    train, evaluation, split = _sides(spec, squad.NAME, *parts, keys, what)
    return Task(squad.NAME, "answers", squad.SCORES, (), train, evaluation, split)


_S = TypeVar("_S", Examples, Questions)


def _sides(
    spec: str, name: str, train: _S | None, evaluation: _S | None, keys: Sequence[Hashable], what: str
) -> tuple[_S, _S, str | None]:
    """What is trained on and evaluated with, and how it was made where there is a dev file only.

    keys: of the dev file's examples; those of one key go together. what: the keys are, in words.
    """
    if evaluation is None or (train is None and len(set(keys)) < 2):
        missing = [split for split, part in (("train", train), ("validation", evaluation)) if part is None]
        raise GeoscopeError(
            f"expected train and dev files of {name}, got none for {' and '.join(missing)} in {spec}; add them"
        )
    if train is not None:
        return train, evaluation, None
    ours, others = held_out_together(keys)
    split = f"{HELD_OUT:.0%} of the {what} of the dev file are held out, and their examples evaluated with"
    warnings.warn(
        f"{spec} has no train file: {split}; the other {len(ours):,} of {len(evaluation):,} are trained on.",
        stacklevel=2,
    )
    return evaluation.take(ours), evaluation.take(others), split


def _labelled(name: str, path: Path, columns: Sequence[str]) -> Task:
    """A labelled file, a fifth of it held out, or a folder of train.* and dev.*."""
    if path.is_dir():
        parts = [_joined(path, *names, columns) for names in (("train", "train"), ("validation", "dev"))]
        given = [label for part in parts for label in part.labels]
        train, evaluation = (part.without_hidden(given, path) for part in parts)
        whole = _together((train, evaluation))
        cut = len(train.labels)
        places = (list(range(cut)), list(range(cut, len(whole.labels))))
    else:
        read = read_labelled(path, columns)
        whole = read.without_hidden(read.labels, path)
        places = held_out(len(whole.labels))
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


def _joined(folder: Path, split: str, name: str, columns: Sequence[str]) -> Labelled:
    found = [
        read_labelled(path, columns)
        for path in sorted(folder.iterdir())
        if unpacked_name(path).suffix.lower() in TABLE_SUFFIXES and (part := part_of(path)) and part.split == split
    ]
    if not found:
        raise GeoscopeError(
            f"expected a file {name}.tsv (or {' '.join(TABLE_SUFFIXES)}) of the task in {folder}, got none; add "
            "it, or name another task"
        )
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


def _language_modelling(spec: str, columns: Sequence[str]) -> Task:
    kind, _, corpus = spec.partition(":")
    check_specs([corpus], columns)
    found = load_corpus(corpus, text_columns=columns)
    for warning in found.warnings:
        warnings.warn(warning, stacklevel=2)
    examples = Examples(tuple((text,) for text in found.sequences), (0.0,) * len(found.sequences))
    if len(examples) < 2:
        raise GeoscopeError(f"expected at least two sequences in {corpus}, got {len(examples)}; one is held out")
    train, evaluation = held_out(len(examples))
    return Task(f"{kind}:{found.name}", kind, ("loss",), (), examples.take(train), examples.take(evaluation))
