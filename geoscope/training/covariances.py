"""A covariance streamed in float64: I-STAR's reference, taken from a sample of the training data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.torch_state import drawn_by


class StreamedCovariance:
    """Takes in (n, d) blocks of points on any device and gives their covariance, n - 1 in the denominator."""

    def __init__(self) -> None:
        self.count = 0
        self._origin: Any = None  # near the mean, so that the products do not cancel
        self._total: Any = None
        self._products: Any = None

    def add(self, points: Any) -> None:
        """Take in points (n, d)."""
        import torch

        block = points.detach().to(torch.float64)
        if self._origin is None:
            d = block.shape[1]
            self._origin = block.mean(dim=0)
            self._total, self._products = block.new_zeros(d), block.new_zeros(d, d)
        block = block - self._origin
        self.count += len(block)
        self._total += block.sum(dim=0)
        self._products.addmm_(block.T, block)

    def covariance(self) -> Any:
        """(d, d) float64, symmetric."""
        if self.count < 2:
            raise GeoscopeError(f"expected at least two points for a reference covariance, got {self.count}")
        scatter = self._products - self._total.outer(self._total) / self.count
        return (scatter + scatter.T) / (2 * (self.count - 1))


def sample_examples(dataset: Any, points: int, seed: Sequence[int], size: Callable[[Any], int]) -> list[int]:
    """Places of examples drawn without replacement until they hold so many points (all of them if they hold fewer).

    size: how many points an example holds. The seed's numbers alone decide the draw.
    """
    chosen: list[int] = []
    held = 0
    for place in np.random.default_rng(list(seed)).permutation(len(dataset)).tolist():
        if held >= points:
            break
        chosen.append(place)
        held += size(dataset[place])
    return chosen


@contextmanager
def undisturbed(model: Any, seed: int) -> Iterator[None]:
    """Evaluation mode, no gradients and random numbers of one's own; all as it was afterwards."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        with drawn_by(seed, devices), torch.no_grad():
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training
