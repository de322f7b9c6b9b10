"""Lessons: a task made ready for a checkpoint: its examples as token ids, the model with its head, how it is scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, Undefined, first_line
from geoscope.subjects.checkpoint_files.weights import choose_weights
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.subjects.models.tokenizers import refuse_foreign_ids
from geoscope.tasks.glue import Examples
from geoscope.tasks.metrics import SCORES
from geoscope.tasks.tasks import Task
from geoscope.torch_state import drawn_by

MASKED_SHARE = 0.15
"""Of the tokens, in masked language modelling."""

Encoded = Sequence[Mapping[str, Any]]


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

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer, padding with its end token where it has none for that."""
        tokenizer = self.checkpoint.tokenizer
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer

    def model(self, folder: str | None = None) -> Any:
        """The checkpoint anew with the task's head, in float32; a head that it lacks is drawn from torch's state.

        folder: of the same model with other weights, to be taken instead of the checkpoint's.
        """
        from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

        kind = AutoModelForMaskedLM if self.task.kind == "mlm" else AutoModelForSequenceClassification
        if folder is None:
            self._refuse_unfit()
        folder = folder or self.checkpoint.model.name_or_path
        weights = choose_weights(
            [path.name for path in Path(folder).iterdir()], self.checkpoint.name, allow_pickle=True
        )  # what may be unpickled was settled when the checkpoint was first loaded
        head: dict[str, Any] = {}
        if self.task.kind != "mlm":  # its kind is said here: a model that finds it out as it learns may be saved before
            learnt = "single_label_classification" if self.task.classes else "regression"
            head = {"num_labels": self.task.outputs, "problem_type": learnt, "ignore_mismatched_sizes": True}
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
        if model.config.pad_token_id is None:
            model.config.pad_token_id = self.tokenizer.pad_token_id
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
    def train(self) -> Encoded:
        """The training examples as token ids, with labels but for masked language modelling, whose masks are drawn."""
        return self._encoded(self.task.train)

    def check(self) -> None:
        """Raises GeoscopeError for what a run would fail on."""
        limit, least = self.checkpoint.max_positions, self.tokenizer.num_special_tokens_to_add(pair=True) + 2
        if self.max_length < least or (limit is not None and self.max_length > limit):
            most = f" and at most {limit}, what '{self.checkpoint.name}' can read" if limit is not None else ""
            raise GeoscopeError(f"expected --max-length of at least {least}{most}, got {self.max_length}")
        if self.task.kind == "mlm" and self.tokenizer.mask_token is None:
            raise GeoscopeError(
                f"expected a checkpoint with a mask token for mlm, got '{self.checkpoint.name}', which has none"
            )

    def described(self) -> dict[str, Any]:
        """The task as settings have it."""
        sides = {"train": self.task.train, "evaluation": self.task.evaluation}
        about = {name: {"examples": len(side), "fingerprint": side.fingerprint} for name, side in sides.items()}
        return {"name": self.task.name, "kind": self.task.kind, "classes": list(self.task.classes), **about}

    def tracked(self, examples: int) -> Encoded:
        """So many of the evaluation examples as token ids, always the same; the geometry is measured on them."""
        count = len(self._plain)
        chosen = np.random.default_rng(0).choice(count, min(examples, count), replace=False)
        return [self._plain[place] for place in np.sort(chosen).tolist()]

    @cached_property
    def _plain(self) -> Encoded:
        """The evaluation examples as token ids alone."""
        return [
            {name: value for name, value in example.items() if name != "labels"}
            for example in self._encoded(self.task.evaluation)
        ]

    @cached_property
    def evaluation(self) -> Encoded:
        """The evaluation examples with labels; the masks of masked language modelling are drawn here, once."""
        if self.task.kind != "mlm":
            return self._encoded(self.task.evaluation)
        masking = self._masking
        masked = []
        with drawn_by(0):
            for example in self._plain:
                batch = masking([example])
                masked.append({name: values[0].tolist() for name, values in batch.items()})
        return masked

    @cached_property
    def collator(self) -> Callable[[list[Any]], Any]:
        """Pads a batch to its longest example; draws the masks of one without labels."""
        from transformers import DataCollatorForTokenClassification, DataCollatorWithPadding

        if self.task.kind != "mlm":
            plain: Callable[[list[Any]], Any] = DataCollatorWithPadding(self.tokenizer)
            return plain
        padding = DataCollatorForTokenClassification(self.tokenizer)

        def collate(features: list[Any]) -> Any:
            return padding(features) if "labels" in features[0] else self._masking(features)

        return collate

    @property
    def compute_metrics(self) -> Callable[[Any], dict[str, float]] | None:
        """The task's scores of Trainer's predictions; those without a value are left out."""
        if self.task.kind == "mlm":
            return None

        def scores(predicted: Any) -> dict[str, float]:
            given = predicted.predictions
            logits = given[0] if isinstance(given, tuple) else given
            values = logits.argmax(axis=-1) if self.task.classes else np.reshape(logits, -1)
            found = {}
            for name in self.task.scores:
                try:
                    found[name] = SCORES[name](predicted.label_ids, values)
                except Undefined:
                    continue
            return found

        return scores

    @cached_property
    def _masking(self) -> Any:
        from transformers import DataCollatorForLanguageModeling

        return DataCollatorForLanguageModeling(self.tokenizer, mlm_probability=MASKED_SHARE)

    def _encoded(self, examples: Examples) -> Encoded:
        columns = [list(column) for column in zip(*examples.texts, strict=True)]
        encoded = self.tokenizer(*columns, truncation=True, max_length=self.max_length)
        largest = np.asarray([max(ids, default=0) for ids in encoded["input_ids"]], dtype=np.int64)
        refuse_foreign_ids(self.tokenizer, largest, self.checkpoint.embedded, self.checkpoint.name)
        rows: list[dict[str, Any]] = []
        for i, label in enumerate(examples.labels):
            row = {name: encoded[name][i] for name in encoded if name in self.tokenizer.model_input_names}
            if self.task.kind != "mlm":
                row["labels"] = int(label) if self.task.classes else float(label)
            rows.append(row)
        return rows
