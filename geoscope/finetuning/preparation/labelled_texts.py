"""Labelled texts: classification and regression: one label a text or pair of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from geoscope.errors import Undefined
from geoscope.finetuning.preparation.reader import Collator, Encoded, Reader
from geoscope.tasks.examples import Examples
from geoscope.tasks.metrics import SCORES

PREDICTED_CLASSES = "predicted_classes"
"""Told beside the scores: of how many classes predictions are. Of one, no score says what was learnt."""


@dataclass(frozen=True)
class LabelledTexts:
    """A task of labels for one reader. scored: the names of its scores. classes: how many; 0 for numbers to predict."""

    reader: Reader
    learnt: Examples
    held_out: Examples
    scored: tuple[str, ...]
    classes: int

    label_names = ("labels",)
    in_order = False

    def check(self) -> None:
        """Nothing that a checkpoint could lack."""

    def train(self) -> Encoded:
        """The training examples with their labels."""
        return self._labelled(self.learnt)

    def evaluation(self) -> Encoded:
        """The evaluation examples with their labels."""
        return self._labelled(self.held_out)

    def plain(self) -> Encoded:
        """The evaluation examples as token ids alone."""
        return self.reader.encoded(self.held_out.texts)

    @property
    def collator(self) -> Collator:
        """Pads a batch to its longest example."""
        return self.reader.padding

    def compute_metrics(self, predicted: Any) -> dict[str, float]:
        """The task's scores of Trainer's predictions; those without a value are left out."""
        given = predicted.predictions
        logits = given[0] if isinstance(given, tuple) else given
        values = logits.argmax(axis=-1) if self.classes else np.reshape(logits, -1)
        found: dict[str, float] = {PREDICTED_CLASSES: len(np.unique(values))} if self.classes else {}
        for name in self.scored:
            try:
                found[name] = SCORES[name](predicted.label_ids, values)
            except Undefined:
                continue
        return found

    def _labelled(self, examples: Examples) -> Encoded:
        kind = int if self.classes else float
        rows = self.reader.encoded(examples.texts)
        return [{**row, "labels": kind(label)} for row, label in zip(rows, examples.labels, strict=True)]
