"""What torch computes on and with: the device, float32 products in float32, random numbers from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from geoscope.errors import GeoscopeError


def torch_device(device: str) -> str:
    """The device that --device means: auto is CUDA where torch has it; raises GeoscopeError for what is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise GeoscopeError(
            f"expected a --device of this machine, got '{device}', which cannot be used; pass cpu or leave it out"
        ) from error
    return device


def runs_compiled(device: Any) -> bool:
    """Whether geoscope's compiled routines and numpy's serve rows on a device: on the CPU, where they are faster.

    Elsewhere torch does the same work where the rows are.
    """
    return bool(torch.device(device).type == "cpu")


_FAST_DOUBLES = {(6, 0), (7, 0), (8, 0), (9, 0), (10, 0)}
"""Compute capabilities of the GPUs that multiply float64 at half their rate of float32 or above; others at 1/32 or
below."""


def multiplies_doubles_fast(device: Any) -> bool:
    """Whether products in float64 cost a device no more than some twice those in float32: of GPUs those made for it."""
    there = torch.device(device)
    return bool(there.type == "cuda" and torch.cuda.get_device_capability(there) in _FAST_DOUBLES)


def bytes_on(device: Any) -> int | None:
    """Bytes that a device has for what this process holds on it, or will; None where nobody knows."""
    there = torch.device(device)
    if there.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(there)
    return int(free) + torch.cuda.memory_reserved(there)


def with_float64(device: Any) -> str:
    """The device, or the CPU in place of MPS, which has no float64."""
    return "cpu" if torch.device(device).type == "mps" else str(device)


@contextmanager
def full_precision() -> Iterator[None]:
    """Overrule autocast and a choice of TF32 or bfloat16, and restore them: rounding is bounded for float32 only."""
    backends = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
    before = [backend.fp32_precision for backend in backends]
    for backend in backends:
        backend.fp32_precision = "ieee"
    try:
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            yield
    finally:
        for backend, chosen in zip(backends, before, strict=True):
            backend.fp32_precision = chosen


@contextmanager
def drawn_by(seed: int, devices: Sequence[Any] = ()) -> Iterator[None]:
    """torch's random numbers from a seed, and afterwards as they were on the CPU and those CUDA devices."""
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
