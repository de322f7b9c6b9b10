"""Seconds on a device, which works on after it was asked; and the rates of its own matrix products."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from geoscope.torch_state import full_precision


def settle(device: str) -> None:
    """Wait until the device has done all that it was asked."""
    module = getattr(torch, torch.device(device).type, None)
    if hasattr(module, "synchronize"):
        module.synchronize(*([device] if module is torch.cuda else []))


def seconds(do: Callable[[], Any], device: str, repeats: int = 1, *, warm: bool = True) -> float:
    """The least that `do` took, once it was done to no account."""
    if warm:
        do()
    taken = []
    for _ in range(repeats):
        settle(device)
        start = time.perf_counter()
        do()
        settle(device)
        taken.append(time.perf_counter() - start)
    return min(taken)


@cache
def product_rate(device: str, dtype: torch.dtype, rows: int, inner: int, columns: int, repeats: int = 5) -> float:
    """Floating-point operations a second of (rows, inner) times (inner, columns), without TF32."""
    left = torch.randn(rows, inner, dtype=dtype, device=device)
    right = torch.randn(inner, columns, dtype=dtype, device=device)
    out = torch.zeros(rows, columns, dtype=dtype, device=device)
    with full_precision():
        taken = seconds(lambda: torch.mm(left, right, out=out), device, repeats)
    return 2 * rows * inner * columns / taken


def square_rate(device: str, dtype: torch.dtype, size: int) -> float:
    """The device's own SGEMM or DGEMM."""
    return product_rate(device, dtype, size, size, size)
