"""Lessons: a task made ready for a checkpoint: its examples as token ids, the model with its head, how it is scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from geoscope.errors import GeoscopeError, first_line
from geoscope.finetuning.preparation.answers import Answers
from geoscope.finetuning.preparation.heads import headed_class, own_head
from geoscope.finetuning.preparation.labelled_texts import LabelledTexts
from geoscope.finetuning.preparation.language import MaskedTokens, NextTokens
from geoscope.finetuning.preparation.reader import Collator, Encoded, Reader
from geoscope.subjects.checkpoint_files.weights import choose_weights
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.tasks.examples import Questions
from geoscope.tasks.tasks import LANGUAGE, Task

_OF_LABELS = {"classification": "single_label_classification", "regression": "regression"}
"""What transformers calls the kinds of task that have labels."""


class Prepared(Protocol):
    """A task's examples for one checkpoint. label_names: what the model's loss is of. in_order: whether predictions are
    scored only in the order of the examples."""

    @property
    def label_names(self) -> tuple[str, ...]: ...
    @property
    def in_order(self) -> bool: ...
    @property
    def collator(self) -> Collator: ...
    @property
    def compute_metrics(self) -> Callable[[Any], dict[str, float]] | None: ...
    def check(self) -> None: ...
    def train(self) -> Encoded: ...
    def evaluation(self) -> Encoded: ...
    def plain(self) -> Encoded: ...


@dataclass(frozen=True)
class Lesson:
    """What every run of a study trains on and starts from."""

    task: Task
    checkpoint: Checkpoint
    max_length: int
    device: str
    trust_remote_code: bool = False

    @property
    def scores(self) -> tuple[str, ...]:
        """What an evaluation gives: the task's scores, and the loss."""
        return tuple(dict.fromkeys((*self.task.scores, "loss")))

    @cached_property
    def reader(self) -> Reader:
        """What makes token ids of texts."""
        return Reader(self.checkpoint, self.max_length)

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer, able to pad."""
        return self.reader.tokenizer

    def model(self, folder: str | None = None) -> Any:
        """The checkpoint anew with the task's head, in float32; a head that it lacks is drawn from torch's state.

        folder: of the same model with other weights, to be taken instead of the checkpoint's.
        """
        kind = headed_class(self.task.kind, self.checkpoint)
        if folder is None:
            self._refuse_unfit()
        folder = folder or self.checkpoint.model.name_or_path
        weights = choose_weights(
            [path.name for path in Path(folder).iterdir()], self.checkpoint.name, allow_pickle=True
        )  # what may be unpickled was settled when the checkpoint was first loaded
        head: dict[str, Any] = {}
        if self.task.kind not in LANGUAGE:
            head = {"num_labels": self.task.outputs, "ignore_mismatched_sizes": True}
        if self.task.kind in _OF_LABELS:  # said here: a model that finds it out as it learns may be saved before
            head["problem_type"] = _OF_LABELS[self.task.kind]
        attention = "sdpa" if getattr(self.checkpoint.model, "_supports_sdpa", False) else "eager"
        try:
            model = kind.from_pretrained(
                folder, dtype="float32", attn_implementation=attention, local_files_only=True,
                trust_remote_code=self.trust_remote_code, **head, **weights.options,
            )  # fmt: skip
        except ValueError as error:
            raise GeoscopeError(
                f"expected a checkpoint to fine-tune on {self.task.name}, got '{self.checkpoint.name}': "
                f"{first_line(error)}; choose another"
            ) from error
        model.config.pad_token_id = self.tokenizer.pad_token_id  # by which a decoder's head finds the last token
        return model

    def _refuse_unfit(self) -> None:
        """Refuse what transformers would load without a part of it, or not at all."""
        found = self.checkpoint.found
        if found is not None and found.adapter is not None:
            raise GeoscopeError(
                f"expected a checkpoint to fine-tune, got '{self.checkpoint.name}', an adapter; merge it into its base "
                "(peft's merge_and_unload), save that and give its folder"
            )
        if found is not None and found.static:
            raise GeoscopeError(
                f"expected a checkpoint to fine-tune, got '{self.checkpoint.name}', static embeddings, which have no "
                "layers to train; choose another"
            )

    @cached_property
    def prepared(self) -> Prepared:
        """The task's examples for the checkpoint's reader."""
        task = self.task
        train, evaluation = task.train, task.evaluation
        if isinstance(train, Questions) and isinstance(evaluation, Questions):
            return Answers(self.reader, train, evaluation)
        if isinstance(train, Questions) or isinstance(evaluation, Questions):
            raise TypeError("a task's two sides are of one kind")
        if task.kind in LANGUAGE:
            kind = MaskedTokens if task.kind == "mlm" else NextTokens
            return kind(self.reader, train, evaluation)
        return LabelledTexts(self.reader, train, evaluation, task.scores, len(task.classes))

    @cached_property
    def train(self) -> Encoded:
        """The training examples as token ids, with labels but for masked language modelling, whose masks are drawn."""
        return self.prepared.train()

    @cached_property
    def evaluation(self) -> Encoded:
        """The evaluation examples with labels; the masks of masked language modelling are drawn here, once."""
        return self.prepared.evaluation()

    def check(self) -> None:
        """Raises GeoscopeError for what a run would fail on."""
        limit, least = self.checkpoint.max_positions, self.tokenizer.num_special_tokens_to_add(pair=True) + 2
        if self.max_length < least or (limit is not None and self.max_length > limit):
            most = f" and at most {limit}, what '{self.checkpoint.name}' can read" if limit is not None else ""
            raise GeoscopeError(f"expected --max-length of at least {least}{most}, got {self.max_length}; give such")
        self.prepared.check()

    def described(self) -> dict[str, Any]:
        """The task as settings have it."""
        sides = {"train": self.task.train, "evaluation": self.task.evaluation}
        counts = {name: len(side) for name, side in sides.items()}
        if self.task.kind == "clm":  # without the sequences in which nothing can be told
            counts = {"train": len(self.train), "evaluation": len(self._plain)}
        about = {name: {"examples": counts[name], "fingerprint": side.fingerprint} for name, side in sides.items()}
        further = {"split": self.task.split, "head": own_head(self.task.kind, self.checkpoint)}
        told = {name: what for name, what in further.items() if what is not None}
        return {"name": self.task.name, "kind": self.task.kind, "classes": list(self.task.classes), **about, **told}

    def tracked(self, examples: int) -> Encoded:
        """So many of the evaluation examples as token ids, always the same; the geometry is measured on them."""
        count = len(self._plain)
        chosen = np.random.default_rng(0).choice(count, min(examples, count), replace=False)
        return [self._plain[place] for place in np.sort(chosen).tolist()]

    @cached_property
    def _plain(self) -> Encoded:
        """The evaluation examples as token ids alone."""
        return self.prepared.plain()
