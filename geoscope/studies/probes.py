"""Probes: what a linear model can tell of a task's labels from a checkpoint's frozen, mean-pooled rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.fitted_transforms import FittedTransform, transform_fitted_on
from geoscope.progress import Progress
from geoscope.report import Score
from geoscope.rows import Float64, IntArray
from geoscope.settings.measuring import MAX_LENGTH
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.subjects.models.extraction import Extraction
from geoscope.tasks.examples import Examples
from geoscope.tasks.metrics import SCORES
from geoscope.tasks.text_tasks import TaskData, TextTask
from geoscope.transforms import Step

FOLDS = 3
"""Folds that the regularization is chosen by."""

SCORED_FOLDS = 5
"""Folds that are predicted in turn where a task has one labelled split only."""

_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""1 over what the squared weights are multiplied by (scikit-learn's C, 1/alpha); the strongest regularization first."""

_TOLERANCE = 1e-3  # of the gradient: ten times scikit-learn's, twice as fast, and no score moves by more than its noise


class Probes:
    """Some tasks, their texts tokenized once for one checkpoint; its weights may change between two `scores`.

    rows: the most training examples of a task, a seeded draw. layer: whose rows are pooled. same_weights: they never
    change, so that the texts are read once.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        tasks: Sequence[TaskData],
        *,
        rows: int,
        seed: int,
        layer: int,
        max_length: int = MAX_LENGTH,
        batch_tokens: int | None = None,
        same_weights: bool = False,
        progress: Progress | None = None,
    ) -> None:
        if find_spec("sklearn") is None:
            raise GeoscopeError("expected scikit-learn for --probe, got none installed; pip install geoscope[study]")
        self._plans = [_plan(data, rows, seed) for data in tasks]
        self._seed = seed
        examples = [part for plan in self._plans for part in (plan.train, plan.scored) if part is not None]
        texts = list(dict.fromkeys(text for part in examples for pair in part.texts for text in pair))
        self._places = {text: place for place, text in enumerate(texts)}
        self._hidden_size, self._layer = checkpoint.hidden_size, layer
        self._extraction = Extraction(
            checkpoint,
            texts,
            pooling="mean",
            max_length=max_length,
            layers=[layer],
            batch_tokens=batch_tokens,
            progress=progress,
        )
        self._progress, self._same_weights = progress, same_weights
        self._read: Float64 | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What the report says of them: the tasks' examples, the layer, the model and how it was regularized."""
        return {
            "layer": self._layer,
            "model": "logistic regression; ridge for stsb",
            "strengths": list(_STRENGTHS),
            "folds": FOLDS,
            "tasks": [plan.settings for plan in self._plans],
        }

    def scores(self, steps: Sequence[Step] = ()) -> list[Score]:
        """Every score of every task, from the rows that the checkpoint gives now.

        steps: what is done to the rows, fitted on those that a probe is trained on; a probe scales each column itself.
        """
        pooled = self._pooled()
        scores = []
        for done, plan in enumerate(self._plans):
            self._tell(done)
            train = self._sides(pooled, plan.train)
            scored = None if plan.scored is None else self._sides(pooled, plan.scored)
            scores += _scores(plan, train, scored, self._seed, steps)
        self._tell(len(self._plans))
        return scores

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(done, len(self._plans), "probes")

    def without_scores(self, reason: str) -> list[Score]:
        """Every score as a null, for that reason."""
        return [
            _score(plan.task, name, plan.settings["scored_rows"], None, reason)
            for plan in self._plans
            for name in plan.task.scores
        ]

    def _pooled(self) -> Float64:
        """(texts, d): every text's mean row; zeros for a text without a token."""
        if self._read is not None:
            return self._read
        pooled = np.zeros((len(self._places), self._hidden_size))
        sequences = self._extraction.index.sequences
        for batch in self._extraction.batches():
            pooled[sequences[batch.offsets]] = batch.rows[self._layer]
        if self._same_weights:
            self._read = pooled
        return pooled

    def _sides(self, pooled: Float64, examples: Examples) -> _Sides:
        return _Sides(
            [pooled[[self._places[texts[side]] for texts in examples.texts]] for side in range(len(examples.texts[0]))]
        )


@dataclass(frozen=True)
class _Sides:
    """The rows of some examples: of a text each (n, d), or of the first and the second text of a pair."""

    rows: list[Float64]

    def take(self, chosen: IntArray) -> _Sides:
        return _Sides([side[chosen] for side in self.rows])

    def fitted(self, steps: Sequence[Step]) -> FittedTransform | None:
        """The steps fitted on all of these rows; None for no step."""
        return transform_fitted_on(np.concatenate(self.rows), steps) if steps else None

    def features(self, fitted: FittedTransform | None) -> Float64:
        """(n, d), or of pairs u, v, |u - v|, u v side by side: (n, 4 d), of the rows as a fit leaves them."""
        sides = self.rows if fitted is None else [fitted.applied(side) for side in self.rows]
        if len(sides) == 1:
            return sides[0]
        u, v = sides
        return np.hstack([u, v, np.abs(u - v), u * v])


@dataclass(frozen=True)
class _Plan:
    """What one task is trained on and scored on (None: its own folds)."""

    task: TextTask
    train: Examples
    scored: Examples | None
    settings: dict[str, Any] = field(repr=False)


def _plan(data: TaskData, rows: int, seed: int) -> _Plan:
    """Trained on the first labelled split, a seeded draw of it, and scored on the next."""
    splits = list(data.splits)
    whole = data.splits[splits[0]]
    chosen = np.sort(np.random.default_rng(seed).choice(len(whole), min(rows, len(whole)), replace=False))
    train = whole.take(chosen.tolist())
    scored = data.splits[splits[1]] if len(splits) > 1 else None
    settings = {
        "task": data.task.name,
        "trained_on": splits[0],
        "training_rows": len(train),
        "training_fingerprint": train.fingerprint,
        "scored_on": splits[1] if scored is not None else f"{SCORED_FOLDS} folds of {splits[0]}",
        "scored_rows": len(scored or train),
    }
    if scored is not None:
        settings["scored_fingerprint"] = scored.fingerprint
    return _Plan(data.task, train, scored, settings)


def _scores(plan: _Plan, train: _Sides, scored: _Sides | None, seed: int, steps: Sequence[Step]) -> list[Score]:
    labels = np.asarray(plan.train.labels)
    truth = labels if plan.scored is None else np.asarray(plan.scored.labels)
    try:
        predicted = (
            _predict_folds(plan.task, train, labels, seed, steps)
            if scored is None
            else _predict(plan.task, train, labels, scored, seed, steps)
        )
    except Undefined as reason:
        return [_score(plan.task, name, len(truth), None, str(reason)) for name in plan.task.scores]
    return [_scored(plan.task, name, truth, predicted) for name in plan.task.scores]


def _scored(task: TextTask, name: str, truth: Any, predicted: Any) -> Score:
    try:
        return _score(task, name, len(truth), SCORES[name](truth, predicted), None)
    except Undefined as reason:
        return _score(task, name, len(truth), None, str(reason))


def _score(task: TextTask, name: str, n: int, value: float | None, reason: str | None) -> Score:
    return Score(task=task.name, metric=name, score=value, n=n, reason=reason, method="probe")


def _predict_folds(task: TextTask, rows: _Sides, labels: Any, seed: int, steps: Sequence[Step]) -> Any:
    """Each fold's predictions by a model that has not seen it."""
    predicted = np.zeros_like(labels)
    for train, test in _folds(task, labels, SCORED_FOLDS, seed):
        predicted[test] = _predict(task, rows.take(train), labels[train], rows.take(test), seed, steps)
    return predicted


def _predict(task: TextTask, given: _Sides, labels: Any, scored: _Sides, seed: int, steps: Sequence[Step]) -> Any:
    """Predictions by the regularization that does best on held-out folds, the stronger of equals."""
    fitted = given.fitted(steps)
    train, rows = given.features(fitted), scored.features(fitted)
    held: dict[float, list[float]] = {strength: [] for strength in _STRENGTHS}
    for kept, out in _folds(task, labels, FOLDS, seed):
        for strength, predicted in _fits(task, train[kept], labels[kept], train[out]):
            held[strength].append(_worth(task, labels[out], predicted))
    best = max(_STRENGTHS, key=lambda strength: float(np.mean(held[strength])))
    return next(predicted for _, predicted in _fits(task, train, labels, rows, (best,)))


def _worth(task: TextTask, truth: Any, predicted: Any) -> float:
    try:
        return SCORES[task.scores[0]](truth, predicted)
    except Undefined:
        return -1.0


def _folds(task: TextTask, labels: Any, folds: int, seed: int) -> list[tuple[IntArray, IntArray]]:
    from sklearn.model_selection import KFold, StratifiedKFold

    if task.classes:
        least = int(np.unique(labels, return_counts=True)[1].min())
        if len(np.unique(labels)) < 2 or least < folds:
            raise Undefined(f"a probe needs {folds} training rows of each of two classes")
        return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels))
    if len(labels) < folds:
        raise Undefined(f"a probe needs {folds} training rows")
    return list(KFold(folds, shuffle=True, random_state=seed).split(labels))


def _fits(task: TextTask, train: Float64, labels: Any, rows: Float64, strengths: Sequence[float] = _STRENGTHS) -> Any:
    """(strength, predictions) for every strength, on columns of mean 0 and deviation 1."""
    from sklearn.linear_model import LogisticRegression, Ridge

    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation[deviation <= 1e-12 * np.abs(mean)] = 1.0
    train, rows = (train - mean) / deviation, (rows - mean) / deviation
    model = LogisticRegression(tol=_TOLERANCE, max_iter=1000, warm_start=True) if task.classes else Ridge()
    for strength in strengths:
        model.set_params(**({"C": strength} if task.classes else {"alpha": 1.0 / strength}))
        yield strength, model.fit(train, labels).predict(rows)
