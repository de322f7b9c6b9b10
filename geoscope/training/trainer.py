"""A Trainer that adds a penalty on the geometry to its loss, and a callback that measures it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from transformers import Trainer, TrainerCallback

from geoscope.catalogue import SIGNS, select
from geoscope.comparisons.collapse import NAME as COLLAPSE
from geoscope.comparisons.collapse import Collapse
from geoscope.errors import GeoscopeError
from geoscope.regularizers import SELECTIONS, ClassEntropies, class_entropies, cosine_loss, isotropy_loss
from geoscope.settings.fine_tuning import GEOMETRY, REFERENCE_POINTS
from geoscope.settings.measuring import MAX_LENGTH, Quantizer
from geoscope.settings.option import default_of
from geoscope.training.arms import REGULARIZERS
from geoscope.training.covariances import StreamedCovariance, sample_examples, undisturbed
from geoscope.training.geometry import CLOUDS, measure_model
from geoscope.training.penalised_points import POINTS, first_states, hidden_states, token_states
from geoscope.training.penalties import Penalties
from geoscope.wording import rounded

_JUDGED = "last"  # the cloud that is held against collapse
_PAPERS_POINTS = {"none": "tokens", "istar": "tokens", "cosreg": "last", "entropy": "first"}


@dataclass(frozen=True)
class Regularization:
    """What is added to the task's loss: weight * penalty(points of the batch).

    kind: istar (1 - IsoScore*: a weight above 0 raises isotropy, below 0 lowers it), cosreg (mean cosine: a weight
    above 0 lowers it), entropy (minus the persistent entropy, summed over classes: a weight above 0 raises it), none.
    shrinkage: istar's zeta, the weight on the reference covariance, which every epoch takes anew from
    `reference_points` states of training data drawn by `seed`.
    selection, noise_weight: of `persistent_entropy_loss`.
    points_from: tokens (the states of every layer but the embeddings', as one cloud), last (the last layer's), first
    (its first token of each sequence), padding never among them; published: as the paper's code has it, padding
    included. None: tokens for istar, last for cosreg, first for entropy.
    """

    kind: str = "none"
    weight: float = 1.0
    shrinkage: float = 0.2
    selection: str = "published"
    noise_weight: float = 0.0
    points_from: str | None = None
    reference_points: int = REFERENCE_POINTS
    seed: int = 0

    def __post_init__(self) -> None:
        for name, given, allowed in (
            ("regularizer", self.kind, REGULARIZERS),
            ("selection", self.selection, SELECTIONS),
            ("points_from", self.points_from, (None, *POINTS)),
        ):
            if given not in allowed:
                raise GeoscopeError(f"expected {name} to be one of {', '.join(map(str, allowed))}, got {given!r}")
        if not 0.0 <= self.shrinkage <= 1.0:
            raise GeoscopeError(f"expected a shrinkage between 0 and 1, got {self.shrinkage}")

    @property
    def cloud(self) -> str:
        """Where the points are from: tokens, last or first."""
        own = _PAPERS_POINTS[self.kind]
        return own if self.points_from in (None, "published") else str(self.points_from)

    @property
    def masked(self) -> bool:
        """Whether padding is kept out of the points."""
        return self.points_from != "published"

    @property
    def acts(self) -> bool:
        """Whether there is anything to add to the loss."""
        return self.kind != "none" and self.weight != 0.0

    @property
    def needs_reference(self) -> bool:
        return self.acts and self.kind == "istar" and self.shrinkage > 0.0

    def points_of(self, outputs: Any, attention_mask: Any | None) -> Any:
        """The penalised points (n, d) of a model's output."""
        states = hidden_states(outputs)
        if self.cloud == "first":
            return first_states(states[-1], attention_mask)
        return token_states(
            states[1:] if self.cloud == "tokens" else states[-1:], attention_mask if self.masked else None
        )

    def penalty(self, points: Any, labels: Any | None = None, reference: Any | None = None) -> Any:
        """The penalty of points (n, d), before the weight. labels: the class of each, for entropy."""
        if self.kind == "istar":
            return isotropy_loss(points, shrinkage=self.shrinkage, reference=reference)
        if self.kind == "cosreg":
            return cosine_loss(points)
        return self.entropies(points, labels).loss

    def entropies(self, points: Any, labels: Any | None = None) -> ClassEntropies:
        """What the penalty of entropy is made of."""
        of_points = None if labels is None or labels.shape != points.shape[:1] or labels.is_floating_point() else labels
        return class_entropies(points, of_points, selection=self.selection, noise_weight=self.noise_weight)

    def why_flat(self, penalties: Mapping[str, float]) -> str:
        """A sentence on batches without gradient, as `Penalties` tells of them."""
        share = 100 * penalties["penalty_without_gradient"]
        kept, bars = penalties.get("penalty_bars_kept"), penalties.get("penalty_bars")
        if kept is None:
            why = "their points have no value (too few, or all alike), or the weights behind them are fixed"
        else:
            why = (
                f"the selection {self.selection!r} keeps {kept:.3g} of {bars:.3g} bars a class on average, and fewer "
                "than two have no entropy to change"
            )
        return f"the {self.kind} penalty has no gradient in {share:.3g} % of batches, which train without it: {why}"


class Regularized:
    """What makes a Trainer's loss a regularized one: `class Mine(Regularized, SomeTrainer)`.

    Only training's loss has the penalty; an evaluation's is the task's alone. The logs get `penalty`, its mean before
    the weight since the last log, `penalty_without_gradient`, the share of batches whose points it had no gradient on,
    and for entropy `penalty_bars`, `penalty_bars_kept` and `penalty_deficit`: how many bars a class had, how many of
    them the selection kept, ln of that less their entropy. The first log of a batch without gradient is a warning too.
    With weight 0 nothing is computed and nothing changes.
    """

    def __init__(self, *args: Any, regularization: Regularization | None = None, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.regularization = regularization or Regularization()
        self.reference: Any | None = None
        self._penalties = Penalties()
        self._warned = False
        if self.regularization.needs_reference:
            self.add_callback(ReferenceCallback(self))  # type: ignore[attr-defined]  # the Trainer's

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any | None = None
    ) -> Any:
        """The task's loss plus, in training, the weighted penalty of the batch's hidden states."""
        trainer: Any = super()
        if not (self.regularization.acts and model.training):
            return trainer.compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels, mask = inputs.get("labels"), inputs.get("attention_mask")
        asking = {**inputs, "output_hidden_states": True}
        loss, outputs = trainer.compute_loss(model, asking, True, num_items_in_batch)
        points = self.regularization.points_of(outputs, mask)
        found = self.regularization.entropies(points, labels) if self.regularization.kind == "entropy" else None
        penalty = found.loss if found else self.regularization.penalty(points, reference=self.reference)
        self._penalties.add(penalty, points, found)
        loss = loss + self.regularization.weight * penalty.to(loss.dtype) / self._share(num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

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
            penalties = self._penalties.taken()
            logs.update(penalties)
            if penalties.get("penalty_without_gradient", 0.0) > 0.0 and not self._warned:
                self._warned = True
                warnings.warn(self.regularization.why_flat(penalties), stacklevel=1)
        trainer: Any = super()
        trainer.log(logs, *args, **keywords)


class RegularizedTrainer(Regularized, Trainer):  # type: ignore[misc]  # transformers ships no types
    """transformers' Trainer with `regularization=Regularization(...)`."""


class ReferenceCallback(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """At each epoch's start takes I-STAR's reference covariance from the training data."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        epoch = int(state.epoch or 0)
        self.trainer.reference = reference_covariance(self.trainer, self.trainer.regularization, epoch)


def reference_covariance(trainer: Any, regularization: Regularization, epoch: int = 0) -> Any:
    """The covariance (d, d), float64, of the points that a regularizer would see of some training data.

    Each epoch draws its own examples. In a distributed run each process takes its share of them, as published.
    """
    from torch.utils.data import Subset

    model, data = trainer.model, trainer.train_dataset
    if not hasattr(data, "__len__"):
        raise GeoscopeError(
            "expected a training set with a length, to draw istar's reference from; got an iterable one"
        )
    layers = int(model.config.num_hidden_layers) if regularization.cloud == "tokens" else 1
    chosen = sample_examples(data, -(-regularization.reference_points // layers), (regularization.seed, epoch))
    if regularization.masked:  # else the padding that chance makes is among the points
        chosen.sort(key=lambda place: len(data[place]["input_ids"]))
    sums = StreamedCovariance()
    with undisturbed(model, regularization.seed + epoch):
        for batch in trainer.get_eval_dataloader(Subset(data, chosen)):
            inputs = trainer._prepare_inputs(batch)
            outputs = model(**{**inputs, "output_hidden_states": True})
            sums.add(regularization.points_of(outputs, inputs.get("attention_mask")))
    covariance = sums.covariance()
    if not covariance.any():
        raise GeoscopeError(
            f"expected hidden states that differ to take istar's reference covariance from, got {sums.count:,} that "
            "are all the same; take other ones (points_from, --points-from)"
        )
    return covariance


class GeometryCallback(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """Measures a model's geometry before training, and at every evaluation (every epoch, where there are none).

    Logged through the Trainer, so to wherever it logs, as `geometry/CLOUD/MEASURE`; `history` keeps every row.
    data: texts, pairs of texts, or encoded examples (`input_ids`, ...). measures: keys as `geoscope measures` lists.
    clouds: union (token states of every layer but the embeddings'), last (of the last layer), first (its first
    token of each sequence). quantizer: of the quantized measures. Neither the model nor its random numbers notice.
    stop_on: "collapse" stops training, with a warning that says why, at the first measurement in which the last layer's
    tokens show a sign of collapse that they did not show before training; `stopped` keeps the sentence. None: never.
    """

    def __init__(
        self,
        trainer: Any,
        data: Sequence[Any],
        measures: Iterable[str] = GEOMETRY,
        *,
        clouds: Sequence[str] = ("union", "last"),
        points: int = 2000,
        max_length: int = MAX_LENGTH,
        quantizer: str = default_of(Quantizer, "quantizer"),
        seed: int = 0,
        stop_on: str | None = None,
    ) -> None:
        if stop_on not in (None, COLLAPSE):
            raise GeoscopeError(f"expected stop_on to be {COLLAPSE!r} or None, got {stop_on!r}")
        unknown = [cloud for cloud in clouds if cloud not in CLOUDS]
        if unknown:
            raise GeoscopeError(f"expected clouds of {', '.join(CLOUDS)}, got {', '.join(unknown)}")
        if trainer.processing_class is None:
            raise GeoscopeError("expected a Trainer with processing_class=tokenizer, to read the texts with; got none")
        self.trainer = trainer
        self.stop_on, self.stopped = stop_on, ""
        asked = list(measures)
        self.measures = select([*asked, *SIGNS] if stop_on else asked)
        self.clouds = tuple(dict.fromkeys([*clouds, _JUDGED] if stop_on else clouds))
        self._points, self._quantizer, self._seed = points, quantizer, seed
        self._examples = _encoded(data, trainer.processing_class, max_length)

    @property
    def history(self) -> list[dict[str, Any]]:
        """What was measured so far: step, epoch and `geometry`, a row a number. It is part of the Trainer's state."""
        return [entry for entry in self.trainer.state.log_history if "geometry" in entry]

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 0:
            self.measure(state)

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.measure(state)
        self._stop_if_collapsed(control)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not control.should_evaluate:
            self.measure(state)
            self._stop_if_collapsed(control)

    def _stop_if_collapsed(self, control: Any) -> None:
        """Ask the Trainer to stop where the last layer shows a sign that it did not show at first."""
        history = self.history
        if self.stop_on is None or len(history) < 2:
            return
        before = _signs_in(history[0])
        new = {key: told for key, told in _signs_in(history[-1]).items() if key not in before}
        if new:
            control.should_training_stop = True
            self.stopped = f"training stops at step {history[-1]['step']}, as the last layer collapsed: "
            self.stopped += "; ".join(new.values())
            warnings.warn(self.stopped, stacklevel=1)

    def measure(self, state: Any) -> None:
        """Measure now and log it, unless this step has been."""
        history = self.history
        if history and history[-1]["step"] == state.global_step:
            return
        found = measure_model(
            self.trainer.model, self.trainer.processing_class.pad, self._examples, self.measures,
            clouds=self.clouds, points=self._points, quantizer=self._quantizer, seed=self._seed,
        )  # fmt: skip
        rows = [asdict(row) for row in found]
        state.log_history.append({"step": state.global_step, "epoch": state.epoch or 0.0, "geometry": rows})
        logged = {f"geometry/{row.cloud}/{row.measure}": row.value for row in found if row.value is not None}
        if logged:
            asked = self.trainer.control.should_log  # a log clears it, and the training loss may be yet to come
            self.trainer.log(logged)
            self.trainer.control.should_log = asked


def _signs_in(entry: Mapping[str, Any]) -> dict[str, str]:
    """The signs of collapse in one measurement's last layer, each in words."""
    found = {}
    values = {row["measure"]: row for row in entry["geometry"] if row["cloud"] == _JUDGED}
    for bound in Collapse().bounds:
        row = values[bound.measure]
        if row["value"] is None:
            found[bound.measure] = f"{bound.measure} is undefined, because {row['reason']}"
        elif not bound.holds(row["value"]):
            found[bound.measure] = f"{bound.measure} is {rounded(row['value'])}, healthy {bound}"
    return found


def _encoded(data: Sequence[Any], tokenizer: Any, max_length: int) -> list[Mapping[str, Any]]:
    """Texts or pairs of them as examples; what is encoded already stays."""
    encoded: list[Mapping[str, Any]] = []
    for item in data:
        if isinstance(item, Mapping):
            encoded.append(item)
        else:
            texts = (item,) if isinstance(item, str) else tuple(item)
            encoded.append(tokenizer(*texts, truncation=True, max_length=max_length))
    return encoded
