"""Principal components of the sampled points: each one's variance and differential entropy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoscope.errors import Undefined
from geoscope.rows import BoolArray, Float64, FloatArray


@dataclass(frozen=True)
class Components:
    """variances (k,) with n - 1, largest first; entropies (k,) in nats by Vasicek's spacings; of n rows in d."""

    variances: Float64
    entropies: Float64
    dimension: int


def components_of(points: FloatArray, kept: Sequence[BoolArray] = ()) -> list[Components]:
    """The components of points (n, d), then those of each part of them that a mask (n,) keeps, on axes of its own.

    Components with no variance beyond rounding are left out. Vasicek 1976, J. R. Stat. Soc. B 38:54-59.
    """
    rows = _centred(points)
    square = rows.T @ rows if rows.shape[0] >= rows.shape[1] else None
    found = [_components(rows, square)]
    for mask in kept:
        part = rows[mask]
        mean = part.mean(axis=0)
        left = rows[~mask]
        own = None if square is None else square - left.T @ left - len(part) * np.outer(mean, mean)
        found.append(_components(part - mean, own))
    return found


def _components(rows: Float64, square: Float64 | None) -> Components:
    """Of centred rows (n, d); square: rows' rows, (d, d), where it is at hand."""
    from scipy.linalg import eigh, svd

    axes = svd(rows, full_matrices=False)[2].T if square is None else eigh(square, driver="evd")[1][:, ::-1]
    scores = np.ascontiguousarray((rows @ axes).T)
    squares = np.einsum("ij,ij->i", scores, scores)
    scores = scores[squares > rows.shape[1] * np.finfo(np.float64).eps * squares.max()]
    scores.sort(axis=1)
    return Components(scores.var(axis=1, ddof=1), vasicek_entropies(scores), rows.shape[1])


def vasicek_entropies(ordered: Float64) -> Float64:
    """Differential entropies (c,) in nats of sorted samples, one a row (c, n), by spacings of floor(sqrt n + 1/2)."""
    n = ordered.shape[1]
    window = int(np.floor(np.sqrt(n) + 0.5))
    low = np.repeat(ordered[:, :1], window, axis=1)
    high = np.repeat(ordered[:, -1:], window, axis=1)
    padded = np.concatenate([low, ordered, high], axis=1)
    spacings = padded[:, 2 * window :] - padded[:, : -2 * window]
    with np.errstate(divide="ignore"):  # many equal values: an entropy of minus infinity, and no entropy power
        return np.asarray(np.mean(np.log(spacings * (n / (2 * window))), axis=1))


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
