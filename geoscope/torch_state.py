"""Precision: float32 products in float32, whatever torch has been told to make of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Overrule a choice of TF32 or bfloat16 products, and restore it: bounds on rounding hold for float32 only."""
    backends = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
    before = [backend.fp32_precision for backend in backends]
    for backend in backends:
        backend.fp32_precision = "ieee"
    try:
        yield
    finally:
        for backend, chosen in zip(backends, before, strict=True):
            backend.fp32_precision = chosen


@contextmanager
def drawn_by(seed: int, devices: Sequence[Any] = ()) -> Iterator[None]:
    """torch's random numbers from a seed, and afterwards as they were on the CPU and those CUDA devices."""
    import torch

    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
