"""Penalties: what a regularizer was over the batches of a stretch of training, and whether it moved their points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # loads torch, which reading results does not need
    from geoscope.regularizers import ClassEntropies, SelectedBars

LOGGED = (
    "penalty", "penalty_without_gradient", "penalty_gradient", "task_gradient", "penalty_classes",
    "penalty_classes_skipped", "penalty_bars", "penalty_bars_kept", "penalty_bars_share", "penalty_deficit",
    "penalty_patchiness",
)  # fmt: skip
"""Names in a Trainer's logs.

The mean penalty (none of patchiness, which is not to be judged by codebooks that its points have fled), the share of
batches whose points it had no gradient on; the lengths of its gradient, weight and all, and of the task's. Of an
entropy the classes of a batch and those skipped, the bars of a class, those that the selection kept and their share,
and ln of the bars kept less their entropy. Of a patchiness what codebooks learnt after the epoch count on points they
were not learnt from.
"""

TIMED = ("step_milliseconds", "step_milliseconds_without")
"""Names beside them: forward and backward of a batch with its penalty, and without."""


class Penalties:
    """Takes in the penalty of one batch after another, and says what they were since it was last asked."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._values: list[Any] = []
        self._moved: list[Any] = []
        self._classes: list[tuple[int, int]] = []
        self._selected: list[SelectedBars] = []
        self.held_out: float | None = None

    def add(self, penalty: Any, points: Any, found: ClassEntropies | None = None) -> None:
        """A batch's penalty, the points (n, d) that it is of and, of an entropy, what it was made of.

        Whether it moves the points is seen when their gradient comes; points without one are fixed.
        """
        self._values.append(penalty.detach())
        if found is not None:
            self._classes.append((found.classes, found.skipped))
            self._selected += found.selected
        if points.requires_grad:
            points.register_hook(lambda gradient: self._moved.append((gradient != 0).any()))
        else:
            self._moved.append(False)

    def taken(self, kind: str) -> dict[str, float]:
        """What there is of LOGGED, of a kind of regularizer, since the last time; and begin anew."""
        found: dict[str, float] = {}
        if self._values and kind != "patchiness":
            found["penalty"] = float(sum(self._values) / len(self._values))
        if self._moved:
            found["penalty_without_gradient"] = 1.0 - float(np.mean([bool(moved) for moved in self._moved]))
        if self._classes:
            classes, skipped = np.mean(self._classes, axis=0)
            found |= {"penalty_classes": float(classes), "penalty_classes_skipped": float(skipped)}
        if selected := self._selected:
            found["penalty_bars"] = float(np.mean([each.bars for each in selected]))
            found["penalty_bars_kept"] = float(np.mean([each.kept for each in selected]))
            found["penalty_bars_share"] = float(np.mean([each.kept / each.bars for each in selected]))
            found["penalty_deficit"] = float(np.mean([each.deficit for each in selected]))
        if self.held_out is not None:
            found["penalty_patchiness"] = self.held_out
        self._begin()
        return found
