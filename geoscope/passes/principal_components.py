"""Principal components of the sampled points: each one's variance and differential entropy."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from geoscope.errors import Undefined
from geoscope.passes.eigenvalues import LOST, eigenvectors
from geoscope.passes.row_products import add_upper, mirror_upper
from geoscope.rows import BoolArray, Float64, FloatArray

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


def components_of(points: FloatArray) -> Components:
    """The components of points (n, d), by Vasicek 1976, J. R. Stat. Soc. B 38:54-59.

    Those with no variance beyond rounding are left out.
    """
    return _components(_centred(points))


def components_of_parts(points: FloatArray, kept: Sequence[BoolArray]) -> list[Components]:
    """The same of each part of the points that a mask (n,) keeps, on axes of its own, in float32: for their spread."""
    rows = _centred(points).astype(np.float32)

    def part_of(mask: BoolArray) -> Components:
        part = rows[mask]
        return _components(part - part.mean(axis=0))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(part_of, kept))


def _components(rows: FloatArray) -> Components:
    """Of centred rows (n, d), in their own precision."""
    import torch  # for products too: numpy's own threads would wait on the cores that torch's need

    n, d = rows.shape
    given = torch.from_numpy(rows)
    if n < d:
        axes = torch.linalg.svd(given, full_matrices=False).Vh
    else:
        products = torch.zeros(d, d, dtype=given.dtype)
        add_upper(products, given)
        mirror_upper(products)
        axes = torch.from_numpy(eigenvectors(products.numpy())[1].T.copy())
    squares, entropies = [], []
    for some in axes.split(_AXES):  # scores of all would take as much memory as the rows
        scores = (some @ given.T).numpy()
        squares.append(np.einsum("ij,ij->i", scores, scores).astype(np.float64))
        scores.sort(axis=1)
        entropies.append(vasicek_entropies(scores))
    energy, entropy = np.concatenate(squares), np.concatenate(entropies)
    kept = energy > d * np.finfo(rows.dtype).eps * energy.max()
    if not kept.any():
        raise Undefined(LOST)
    return Components(energy[kept] / (n - 1), entropy[kept], d)


def vasicek_entropies(ordered: FloatArray) -> Float64:
    """Differential entropies (c,) in nats of sorted samples, one a row (c, n), by spacings of floor(sqrt n + 1/2)."""
    import torch

    n = ordered.shape[1]
    window = int(np.floor(np.sqrt(n) + 0.5))
    padded = torch.nn.functional.pad(torch.from_numpy(ordered), (window, window), mode="replicate")
    logs = (padded[:, 2 * window :] - padded[:, : -2 * window]).log_()  # of 0, minus infinity: no entropy power
    return np.asarray(logs.sum(dim=1, dtype=torch.float64).numpy() / n + np.log(n / (2 * window)))


def _centred(points: FloatArray) -> Float64:
    """Rows about their mean, at a scale whose squares stay in range."""
    if len(points) < 2:
        raise Undefined("there is only one row" if len(points) else "there are no rows")
    rows = np.array(points, dtype=np.float64)  # a copy, which the rest changes in place
    size = float(max(rows.max(), -rows.min()))
    if size > 0:
        rows /= size
    rows -= rows.mean(axis=0)
    spread = float(max(rows.max(), -rows.min()))
    if spread <= 8 * np.finfo(np.float64).eps:
        raise Undefined("all rows are equal")
    rows /= spread
    return rows
