"""Penalties: what a regularizer was over the batches of a stretch of training, and whether it moved their points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # loads torch, which reading results does not need
    from geoscope.regularizers import ClassEntropies, SelectedBars

LOGGED = ("penalty", "penalty_without_gradient", "penalty_bars", "penalty_bars_kept", "penalty_deficit")
"""Names in a Trainer's logs: the mean penalty, the share of batches whose points it had no gradient on, and of an
entropy the bars of a class, those that the selection kept, and ln of that less their entropy."""


class Penalties:
    """Takes in the penalty of one batch after another, and says what they were since it was last asked."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._values: list[Any] = []
        self._moved: list[Any] = []
        self._selected: list[SelectedBars] = []

    def add(self, penalty: Any, points: Any, found: ClassEntropies | None = None) -> None:
        """A batch's penalty, the points (n, d) that it is of and, of an entropy, what it was made of.

        Whether it moves the points is seen when their gradient comes; points without one are fixed.
        """
        self._values.append(penalty.detach())
        self._selected += found.selected if found is not None else ()
        if points.requires_grad:
            points.register_hook(lambda gradient: self._moved.append((gradient != 0).any()))
        else:
            self._moved.append(False)

    def taken(self) -> dict[str, float]:
        """What there is of LOGGED since the last time, and begin anew."""
        found: dict[str, float] = {}
        if self._values:
            found["penalty"] = float(sum(self._values) / len(self._values))
        if self._moved:
            found["penalty_without_gradient"] = 1.0 - float(np.mean([bool(moved) for moved in self._moved]))
        if self._selected:
            found["penalty_bars"] = float(np.mean([each.bars for each in self._selected]))
            found["penalty_bars_kept"] = float(np.mean([each.kept for each in self._selected]))
            found["penalty_deficit"] = float(np.mean([each.deficit for each in self._selected]))
        self._begin()
        return found
