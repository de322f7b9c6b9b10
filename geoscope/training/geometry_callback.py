"""Geometry measured while a Trainer trains, and training stopped where it collapses."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from transformers import TrainerCallback

from geoscope.catalogue import SIGNS, select
from geoscope.comparisons.collapse import NAME as COLLAPSE
from geoscope.comparisons.collapse import Collapse
from geoscope.errors import GeoscopeError
from geoscope.settings.fine_tuning import GEOMETRY
from geoscope.settings.measuring import MAX_LENGTH, Quantizer
from geoscope.settings.option import default_of
from geoscope.training.geometry import CLOUDS, EACH, measure_model
from geoscope.wording import rounded

_JUDGED = "last"  # the cloud that is held against collapse


class GeometryCallback(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """Measures a model's geometry before training, and at every evaluation (every epoch, where there are none).

    Logged through the Trainer, so to wherever it logs, as `geometry/CLOUD/MEASURE`; `history` keeps every row.
    data: texts, pairs of texts, or encoded examples (`input_ids`, ..., or `pixel_values` of one size). measures: keys
    as `geoscope measures` lists. clouds: union (token states of every layer but the embeddings'), last (of the last
    layer), first (its first token of each sequence), layers (of each other layer by itself); of images, tokens are
    patches and the class token, which is the first. quantizer: of the quantized measures. Neither the model nor its
    random numbers notice.
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
        known = (*CLOUDS, EACH)
        unknown = [cloud for cloud in clouds if cloud not in known]
        if unknown:
            raise GeoscopeError(f"expected clouds of {', '.join(known)}, got {', '.join(unknown)}")
        if not data:
            raise GeoscopeError("expected texts or examples to measure the geometry on, got none")
        stacked = all(isinstance(item, Mapping) and "input_ids" not in item for item in data)
        if trainer.processing_class is None and not stacked:
            raise GeoscopeError("expected a Trainer with processing_class=tokenizer, to read the texts with; got none")
        self.trainer = trainer
        self.stop_on, self.stopped = stop_on, ""
        asked = list(measures)
        self.measures = select([*asked, *SIGNS] if stop_on else asked)
        self.clouds = tuple(dict.fromkeys([*clouds, _JUDGED] if stop_on else clouds))
        self._points, self._quantizer, self._seed = points, quantizer, seed
        self._pad = None if stacked else trainer.processing_class.pad
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
            self.trainer.model, self._pad, self._examples, self.measures,
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
