"""Random numbers that others draw from torch's own generator: from a seed, and no other run's changed by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def drawn_by(seed: int, devices: Sequence[Any] = ()) -> Iterator[None]:
    """torch's random numbers from a seed, and afterwards as they were on the CPU and those CUDA devices."""
    import torch

    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
