"""Products and sums over a block of rows, by torch: numpy, scipy and torch each keep threads that wait on the others'.

Rows are (m, d) float32 or float64, and what is made of them has their precision unless it says float64.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from geoscope.rows import Float64, FloatArray

_PANEL, _PANEL_THERE = 192, 1024
"""Columns of a product of rows with themselves that are made at a time, so that little of its lower triangle is; on
other devices than the CPU, where a narrow product is a slow one."""


_LITTLE, _PINNED = 2**16, 2**26
"""Bytes between which an array is pinned before a copy to CUDA: what is larger goes there once, and may wait."""


def tensor_of(x: FloatArray) -> Any:
    """The rows as a tensor on the same memory, which nothing may write to."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch warns of read-only memory maps
        return torch.from_numpy(np.ascontiguousarray(x))


def sent(array: Any, device: Any) -> Any:
    """An array as a tensor on a device; on the CPU on the same memory.

    CUDA waits for its own work before it copies from memory that is not pinned, unless little.
    """
    import torch

    held = tensor_of(array)
    if torch.device(device).type == "cuda" and _LITTLE < held.nbytes < _PINNED:
        held = held.pin_memory()
    return held.to(device, non_blocking=True)


def upper_products(x: FloatArray) -> Float64:
    """x' x for rows x (m, d), its upper triangle (of the lower what falls off), summed in the rows' own precision."""
    found = np.zeros((x.shape[1], x.shape[1]), dtype=x.dtype)
    add_upper_products(found, x)
    return found.astype(np.float64, copy=False)


def add_upper_products(target: FloatArray, x: FloatArray) -> None:
    """Add the same to a matrix (d, d) in place."""
    import torch

    if target.dtype == x.dtype:
        add_upper(torch.from_numpy(target), tensor_of(x))
    else:
        target += upper_products(x)


def add_upper(target: Any, rows: Any) -> None:
    """The same of tensors on any device."""
    panel = _PANEL if rows.device.type == "cpu" else _PANEL_THERE
    for start in range(0, rows.shape[1], panel):
        target[start : start + panel, start:].addmm_(rows[:, start : start + panel].T, rows[:, start:])


def mirror_upper(target: Any) -> None:
    """Make a tensor (d, d) symmetric in place, after its upper triangle; by blocks, which stay in cache."""
    for start in range(0, len(target), _PANEL):
        stop = start + _PANEL
        block = target[start:stop, start:stop]
        block.copy_(block.triu() + block.triu(1).T)
        target[stop:, start:stop] = target[start:stop, stop:].T


def symmetric(upper: Float64) -> Float64:
    """The symmetric matrix (d, d) whose upper triangle is given."""
    import torch

    whole = upper.copy()
    mirror_upper(torch.from_numpy(whole))
    return whole


def weighted_sum(weights: FloatArray, x: FloatArray) -> Float64:
    """The sum of rows x (m, d) times their weights (m,), in float64: (d,)."""
    import torch

    rows = tensor_of(x)
    return np.asarray(torch.mv(rows.T, torch.from_numpy(weights).to(rows.dtype)).double().numpy())


def squared_lengths(x: FloatArray) -> FloatArray:
    """|x|^2 of each row: (m,)."""
    import torch

    return np.asarray(torch.linalg.vector_norm(tensor_of(x), dim=1).square_().numpy())


def shifted(x: FloatArray, origin: Float64) -> FloatArray:
    """The rows less an origin (d,), as an array of its own."""
    import torch

    rows = tensor_of(x)
    return np.asarray((rows - torch.from_numpy(origin).to(rows.dtype)).numpy())


def largest_entry(x: FloatArray) -> float:
    """The largest absolute coordinate; 0 for no rows."""
    import torch

    if x.size == 0:
        return 0.0
    low, high = torch.aminmax(tensor_of(x))
    return max(abs(float(low)), abs(float(high)))


def mean_and_size(rows: Any) -> tuple[Float64, float]:
    """The mean (d,) of some rows of a tensor (m, d), in float64, and their largest absolute coordinate."""
    size = float(rows.abs().amax())
    return np.asarray((rows.double() / (size or 1.0)).mean(dim=0).cpu().numpy() * size, dtype=np.float64), size
