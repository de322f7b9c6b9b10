"""Principal components of the sampled points: each one's variance and differential entropy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoscope.errors import Undefined
from geoscope.rows import BoolArray, Float64, FloatArray

_COLUMNS = 64  # components sorted at a time


@dataclass(frozen=True)
class Components:
    """variances (k,) with n - 1, largest first; entropies (k,) in nats by Vasicek's spacings; of n rows in d."""

    variances: Float64
    entropies: Float64
    dimension: int


def components_of(points: FloatArray, kept: Sequence[BoolArray] = ()) -> list[Components]:
    """The components of points (n, d); then, on the same axes, of each part of them that a mask (n,) keeps.

    Components with no variance beyond rounding are left out. Vasicek 1976, J. R. Stat. Soc. B 38:54-59.
    """
    rows = _centred(points)
    scores = rows @ _axes(rows)
    squares = np.sum(scores**2, axis=0)
    scores = scores[:, squares > rows.shape[1] * np.finfo(np.float64).eps * squares.max()]
    found: list[list[tuple[Float64, Float64]]] = [[] for _ in range(1 + len(kept))]
    for start in range(0, scores.shape[1], _COLUMNS):
        block = scores[:, start : start + _COLUMNS].T
        order = np.argsort(block, axis=1, kind="stable")
        ordered = np.take_along_axis(block, order, axis=1)
        found[0].append(_summary(ordered))
        for own, mask in zip(found[1:], kept, strict=True):
            own.append(_summary(ordered[mask[order]].reshape(len(ordered), int(mask.sum()))))
    return [
        Components(np.concatenate([v for v, _ in own]), np.concatenate([h for _, h in own]), rows.shape[1])
        for own in found
    ]


def _summary(ordered: Float64) -> tuple[Float64, Float64]:
    return ordered.var(axis=1, ddof=1), vasicek_entropies(ordered)


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


def _axes(rows: Float64) -> Float64:
    """(d, min(n, d)) unit eigenvectors of the covariance, largest first."""
    from scipy.linalg import eigh, svd

    if rows.shape[0] < rows.shape[1]:
        right: Float64 = svd(rows, full_matrices=False)[2].T
        return right
    vectors: Float64 = eigh(rows.T @ rows)[1][:, ::-1]
    return vectors
