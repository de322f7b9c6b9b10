"""Random numbers that others draw from torch's own generator: from a seed, and no other run's changed by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def drawn_by(seed: int) -> Iterator[None]:
    """torch's random numbers on the CPU from a seed, and afterwards as they were."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
