"""Step costs: on some batches of an epoch, a penalty's gradient beside the task's, and what a step takes with it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

EVERY = 25
"""Of so many batches of an epoch the second is looked at: the first one's time is of warming up."""


class StepCosts:
    """Takes gradients of a batch's loss with and without the penalty; the training itself stays as it is.

    A batch that is looked at costs three more backward passes.
    """

    def __init__(self) -> None:
        self.begin_epoch()
        self._begin()

    def begin_epoch(self) -> None:
        """Count batches anew."""
        self._batches = 0

    def _begin(self) -> None:
        self._norms: list[tuple[float, float]] = []
        self._seconds: list[tuple[float, float]] = []

    def due(self) -> bool:
        """Count a batch, and say whether it is to be looked at."""
        self._batches += 1
        return self._batches % EVERY == 2

    def look(self, model: Any, task: Any, penalty: Any, forward: float, penalized: float) -> None:
        """A batch's two losses as they are added up, and the seconds that each took to be computed."""
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        order = (task, task + penalty) if len(self._norms) % 2 else (task + penalty, task)  # neither always comes first
        taken = {}
        for loss in order:
            start = clock(loss.device)
            norm = _norm(loss, weights)
            taken[loss is task] = clock(loss.device) - start, norm
        self._norms.append((_norm(penalty, weights), taken[True][1]))
        self._seconds.append((forward + penalized + taken[False][0], forward + taken[True][0]))

    def taken(self) -> dict[str, float]:
        """Means since the last time, and begin anew."""
        if not self._norms:
            return {}
        (penalty, task), (with_penalty, without) = np.mean(self._norms, axis=0), np.mean(self._seconds, axis=0)
        self._begin()
        return {
            "penalty_gradient": float(penalty),
            "task_gradient": float(task),
            "step_milliseconds": 1e3 * float(with_penalty),
            "step_milliseconds_without": 1e3 * float(without),
        }


def clock(device: Any) -> float:
    """Seconds, once a device has done what it was told."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)
    return time.perf_counter()


def _norm(loss: Any, weights: list[Any]) -> float:
    """The length of a loss's gradient over all weights: 0 where none bears on it."""
    import torch

    if not loss.requires_grad:
        return 0.0
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    norms = [torch.linalg.vector_norm(each.double()) for each in found if each is not None]
    return float(torch.linalg.vector_norm(torch.stack(norms))) if norms else 0.0
