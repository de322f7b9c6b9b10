"""A Trainer that adds a penalty on the geometry to its loss."""

from __future__ import annotations

import warnings
from typing import Any

from transformers import Trainer, TrainerCallback

from geoscope.training.penalties import Penalties
from geoscope.training.references import learnt_codebooks, reference_covariance
from geoscope.training.regularization import Regularization
from geoscope.training.step_costs import StepCosts, clock


class Regularized:
    """What makes a Trainer's loss a regularized one: `class Mine(Regularized, SomeTrainer)`.

    Only training's loss has the penalty; an evaluation's is the task's alone. The logs get what `penalties.LOGGED` and
    `penalties.TIMED` list: what the penalty was since the last log, how far it moved its points, what it took. The
    first log of a batch without gradient is a warning too. With weight 0 nothing is computed and nothing changes.
    """

    def __init__(self, *args: Any, regularization: Regularization | None = None, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.regularization = regularization or Regularization()
        self.reference: Any | None = None
        self.penalties, self.costs = Penalties(), StepCosts()
        self._warned = False
        if self.regularization.acts:
            self.add_callback(_Renewing(self))  # type: ignore[attr-defined]  # the Trainer's

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any | None = None
    ) -> Any:
        """The task's loss plus, in training, the weighted penalty of the batch's hidden states."""
        trainer: Any = super()
        if not (self.regularization.acts and model.training):
            return trainer.compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels, mask = inputs.get("labels"), inputs.get("attention_mask")
        asking = {**inputs, "output_hidden_states": True}
        device = self.args.device  # type: ignore[attr-defined]  # the Trainer's
        due = self.costs.due() and self._may_look()
        start = clock(device) if due else 0.0
        loss, outputs = trainer.compute_loss(model, asking, True, num_items_in_batch)
        between = clock(device) if due else 0.0
        points = self.regularization.points_of(outputs, mask)
        found = self.regularization.entropies(points, labels) if self.regularization.kind == "entropy" else None
        penalty = found.loss if found else self.regularization.penalty(points, reference=self.reference)
        added = self.regularization.weight * penalty.to(loss.dtype) / self._share(num_items_in_batch)
        if due:
            self.costs.look(model, loss, added, between - start, clock(device) - between)
        self.penalties.add(penalty, points, found)
        return (loss + added, outputs) if return_outputs else loss + added

    def _may_look(self) -> bool:
        """Whether more backward passes than one can be taken of a loss, and are of it alone."""
        trainer: Any = self
        args = trainer.args
        alone = trainer.accelerator.num_processes == 1 and args.n_gpu <= 1
        return alone and not (args.gradient_checkpointing or args.torch_compile)

    def _share(self, num_items_in_batch: Any | None) -> int:
        """What to divide a micro-batch's penalty by, where the Trainer does not divide the loss it is added to."""
        trainer: Any = self
        scaled = getattr(trainer, "loss_is_scaled_for_ga", None)
        if scaled is None:
            by_model = trainer.model_accepts_loss_kwargs and num_items_in_batch is not None
            scaled = by_model or trainer.compute_loss_func is not None
        return int(getattr(trainer, "current_gradient_accumulation_steps", 1)) if scaled else 1

    def log(self, logs: dict[str, float], *args: Any, **keywords: Any) -> None:
        """As the Trainer logs, with what the penalties were beside the training loss."""
        if "loss" in logs:
            penalties = self.penalties.taken(self.regularization.kind)
            logs.update(penalties | self.costs.taken())
            if penalties.get("penalty_without_gradient", 0.0) > 0.0 and not self._warned:
                self._warned = True
                warnings.warn(self.regularization.why_flat(penalties), stacklevel=1)
        trainer: Any = super()
        trainer.log(logs, *args, **keywords)


class RegularizedTrainer(Regularized, Trainer):  # type: ignore[misc]  # transformers ships no types
    """transformers' Trainer with `regularization=Regularization(...)`."""


class _Renewing(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """Takes anew, of training data, what a penalty is held against: a covariance, or codebooks.

    Codebooks are learnt once for the end of an epoch and the beginning of the next; what is known of them after an
    epoch is what they count on points they were not learnt from.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self._learnt_at: int | None = None

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._trainer.costs.begin_epoch()
        regularization = self._trainer.regularization
        if regularization.needs_covariance:
            self._trainer.reference = reference_covariance(self._trainer, regularization, int(state.epoch or 0))
        self._learn(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        steps = self._trainer.regularization.codebook_steps
        if steps is not None and state.global_step % steps == 0:
            self._learn(state.global_step)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._learn(state.global_step)
        if self._trainer.regularization.needs_codebooks:
            self._trainer.penalties.held_out = self._held_out

    def _learn(self, step: int) -> None:
        if self._trainer.regularization.needs_codebooks and self._learnt_at != step:
            found = learnt_codebooks(self._trainer, self._trainer.regularization, step)
            self._trainer.reference, self._held_out, self._learnt_at = found.codebooks, found.held_out, step
