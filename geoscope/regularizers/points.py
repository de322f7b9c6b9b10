"""The points a loss is given, how to compute with them, and what comes back when they have no value."""

from __future__ import annotations

import warnings
from functools import cache
from math import isfinite
from typing import Any

import torch

from geoscope.errors import GeoscopeError
from geoscope.torch_state import with_float64

Tensor = Any
"""A torch tensor (torch's own types are not followed)."""


def checked(points: Tensor) -> tuple[Tensor, float]:
    """(n, d) finite points of a floating type, where float64 can be had, and their largest coordinate's size.

    Raises GeoscopeError that says what came instead.
    """
    if not isinstance(points, torch.Tensor):
        raise GeoscopeError(f"expected points as a torch tensor (n, d), got {type(points).__name__}")
    if not points.is_floating_point():
        raise GeoscopeError(f"expected points of a floating type, got {points.dtype}")
    if points.ndim != 2 or points.shape[1] == 0:
        raise GeoscopeError(f"expected points of shape (n, d), got {tuple(points.shape)}; flatten the leading axes")
    size = largest(points)
    if not isfinite(size):
        raise GeoscopeError("expected finite points, got NaN or infinity among them; look for a diverged training")
    return points.to(with_float64(points.device)), size


def largest(points: Tensor) -> float:
    """The largest coordinate's size: NaN or infinite where any is."""
    if len(points) == 0:
        return 0.0
    low, high = torch.aminmax(points.detach())
    return max(float(high), -float(low)) if float(high) == float(high) else float("nan")


def as_loss(value: Tensor, points: Tensor) -> Tensor:
    """The scalar beside the points; float32 for points of half precision, which could not hold it."""
    return value.to(torch.promote_types(points.dtype, torch.float32)).to(points.device)


def no_loss(points: Tensor, reason: str) -> Tensor:
    """0 with zero gradient, for points without a value; says so once a process."""
    warn_once(f"{reason}: the loss is 0, with zero gradient")
    return as_loss((points * 0.0).sum(), points)


@cache
def warn_once(message: str, stacklevel: int = 4) -> None:
    """A warning that a training loop sees once, not at every step."""
    warnings.warn(message, stacklevel=stacklevel)
