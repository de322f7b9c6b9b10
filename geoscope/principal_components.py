"""Principal components of the sampled points: each one's variance and differential entropy."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from geoscope.eigenvalues import eigenvectors
from geoscope.errors import Undefined
from geoscope.rows import BoolArray, Float64, FloatArray

_AT_ONCE = 2
"""Parts made at a time: sorts and small decompositions keep one core busy; more would take more memory."""


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
        axes = torch.from_numpy(eigenvectors((given.T @ given).numpy())[1].T.copy())
    scores = (axes @ given.T).numpy()
    squares = np.einsum("ij,ij->i", scores, scores)
    kept = squares > d * np.finfo(rows.dtype).eps * squares.max()
    scores = scores if kept.all() else scores[kept]
    scores.sort(axis=1)
    return Components(squares[kept].astype(np.float64) / (n - 1), vasicek_entropies(scores), d)


def vasicek_entropies(ordered: FloatArray) -> Float64:
    """Differential entropies (c,) in nats of sorted samples, one a row (c, n), by spacings of floor(sqrt n + 1/2)."""
    n = ordered.shape[1]
    window = int(np.floor(np.sqrt(n) + 0.5))
    low = np.repeat(ordered[:, :1], window, axis=1)
    high = np.repeat(ordered[:, -1:], window, axis=1)
    padded = np.concatenate([low, ordered, high], axis=1)
    spacings = padded[:, 2 * window :] - padded[:, : -2 * window]
    with np.errstate(divide="ignore"):  # many equal values: an entropy of minus infinity, and no entropy power
        logs = np.log(spacings * spacings.dtype.type(n / (2 * window)))
    return np.asarray(logs.mean(axis=1, dtype=np.float64))


def _centred(points: FloatArray) -> Float64:
    """Rows about their mean, at a scale whose squares stay in range."""
    rows = np.asarray(points, dtype=np.float64)
    if len(rows) < 2:
        raise Undefined("there is only one row" if len(rows) else "there are no rows")
    size = float(np.max(np.abs(rows)))
    rows = rows / size if size > 0 else rows
    rows = rows - rows.mean(axis=0)
    spread = float(np.max(np.abs(rows)))
    if spread <= 8 * np.finfo(np.float64).eps:
        raise Undefined("all rows are equal")
    scaled: Float64 = rows / spread
    return scaled
