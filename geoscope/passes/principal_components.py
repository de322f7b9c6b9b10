"""Principal components of the sampled points: each one's variance and differential entropy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from geoscope.errors import Undefined
from geoscope.passes.eigenvalues import LOST, principal_axes, row_axes
from geoscope.passes.row_products import add_upper, mirror_upper, tensor_of
from geoscope.rows import BoolArray, Float64, FloatArray
from geoscope.torch_state import runs_compiled, threads_of_torch

_AT_ONCE = 2
"""Parts made at a time: sorts and small decompositions keep one core busy; more would take more memory."""

_AXES = 64
"""Axes that scores are made on at a time."""


@dataclass(frozen=True)
class Components:
    """variances (k,) with n - 1, largest first; entropies (k,) in nats by Vasicek's spacings; of n rows in d."""

    variances: Float64
    entropies: Float64
    dimension: int


def components_of(points: FloatArray, device: str = "cpu") -> Components:
    """The components of points (n, d), by Vasicek 1976, J. R. Stat. Soc. B 38:54-59, made on a device.

    Those with no variance beyond rounding are left out. Raises Undefined where there are no two points that differ, and
    where rounding leaves nothing.
    """
    return _components(_centred(points, device))


def components_of_parts(points: FloatArray, kept: Sequence[BoolArray], device: str = "cpu") -> list[Components]:
    """The same of each part of the points that a mask (n,) keeps, on axes of its own, in float32: for their spread."""
    rows = _centred(points, device)
    if not runs_compiled(device):  # which works on one part after the other, whoever asks
        single = rows.float()
        return [_components(_about_mean(single[torch.from_numpy(mask).to(device)])) for mask in kept]
    rows = rows.astype(np.float32)
    with threads_of_torch(_AT_ONCE) as pool:
        return list(pool.map(lambda mask: _components(_about_mean(rows[mask])), kept))


def _components(rows: Any) -> Components:
    """Of centred rows (n, d), an array or a tensor on a device, in their own precision."""
    n, d = rows.shape
    given = torch.as_tensor(rows)  # for products too: numpy's own threads would wait on the cores that torch's need
    if n < d:
        axes = row_axes(given)
    else:
        products = torch.zeros(d, d, dtype=given.dtype, device=given.device)
        add_upper(products, given)
        mirror_upper(products)
        axes = principal_axes(products)
    squares, entropies = [], []
    for some in axes.split(_AXES):  # scores of all would take as much memory as the rows
        ordered, energies = _ordered(some @ given.T)
        squares.append(energies)
        entropies.append(_entropies(ordered))
    energy, entropy = (torch.cat(part).cpu().numpy() for part in (squares, entropies))
    kept = energy > d * torch.finfo(given.dtype).eps * energy.max()
    if not kept.any():
        raise Undefined(LOST)
    return Components(energy[kept] / (n - 1), entropy[kept], d)


def _ordered(scores: Any) -> tuple[Any, Any]:
    """Scores (c, n), each row in order, and float64 sums (c,) of their squares."""
    if not runs_compiled(scores.device):
        return scores.sort(dim=1).values, scores.double().square_().sum(dim=1)
    held = scores.numpy()
    squares = np.einsum("ij,ij->i", held, held).astype(np.float64)
    held.sort(axis=1)
    return scores, torch.from_numpy(squares)


def vasicek_entropies(ordered: FloatArray) -> Float64:
    """Differential entropies (c,) in nats of sorted samples, one a row (c, n), by spacings of floor(sqrt n + 1/2)."""
    return np.asarray(_entropies(torch.from_numpy(ordered)).numpy())


def _entropies(ordered: Any) -> Any:
    n = ordered.shape[1]
    window = int(np.floor(np.sqrt(n) + 0.5))
    padded = torch.nn.functional.pad(ordered, (window, window), mode="replicate")
    logs = (padded[:, 2 * window :] - padded[:, : -2 * window]).log_()  # of 0, minus infinity: no entropy power
    return logs.sum(dim=1, dtype=torch.float64) / n + float(np.log(n / (2 * window)))


def _centred(points: FloatArray, device: str) -> Any:
    """Rows about their mean in float64, at a scale whose squares stay in range: an array, a tensor on other devices."""
    if len(points) < 2:
        raise Undefined("there is only one row" if len(points) else "there are no rows")
    rows: Any = np.array(points, dtype=np.float64) if runs_compiled(device) else tensor_of(points).to(device).double()
    size = float(max(rows.max(), -rows.min()))  # of a copy, which the rest changes in place
    if size > 0:
        rows /= size
    rows -= rows.mean(axis=0)
    spread = float(max(rows.max(), -rows.min()))
    if spread <= 8 * np.finfo(np.float64).eps:
        raise Undefined("all rows are equal")
    rows /= spread
    return rows


def _about_mean(rows: Any) -> Any:
    return rows - rows.mean(axis=0)
