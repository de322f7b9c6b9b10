"""Principal components of the sampled points: each one's variance and differential entropy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoscope.eigenvalues import eigenvectors
from geoscope.errors import Undefined
from geoscope.part_spacings import part_spacings
from geoscope.rows import BoolArray, Float64, FloatArray


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
    scores = _scores(_centred(points))
    scores.sort(axis=1)
    return Components(scores.var(axis=1, ddof=1), vasicek_entropies(scores), points.shape[1])


def components_of_parts(points: FloatArray, kept: Sequence[BoolArray]) -> list[Components]:
    """The same of each part of the points that a mask (n,) keeps, on the axes of all, in float32.

    Of use for their spread: axes of each part's own would turn freely among near-equal variances.
    """
    scores = _scores(_centred(points).astype(np.float32))
    variances, entropies = part_spacings(scores, kept, [_window(int(mask.sum())) for mask in kept])
    return [Components(*one, points.shape[1]) for one in zip(variances, entropies, strict=True)]


def _scores(rows: FloatArray) -> FloatArray:
    """Scores (k, n) of centred rows (n, d) on their k principal axes, in the rows' own precision."""
    import torch  # for products too: numpy's own threads would wait on the cores that torch's need

    n, d = rows.shape
    given = torch.from_numpy(rows)
    if n < d:
        axes = torch.linalg.svd(given, full_matrices=False).Vh
    else:
        axes = torch.from_numpy(eigenvectors((given.T @ given).numpy())[1].T.copy())
    scores: FloatArray = (axes @ given.T).numpy()
    squares = np.einsum("ij,ij->i", scores, scores)
    kept = squares > d * np.finfo(rows.dtype).eps * squares.max()
    return scores if kept.all() else scores[kept]


def vasicek_entropies(ordered: FloatArray) -> Float64:
    """Differential entropies (c,) in nats of sorted samples, one a row (c, n), by spacings of floor(sqrt n + 1/2)."""
    n = ordered.shape[1]
    window = _window(n)
    low = np.repeat(ordered[:, :1], window, axis=1)
    high = np.repeat(ordered[:, -1:], window, axis=1)
    padded = np.concatenate([low, ordered, high], axis=1)
    spacings = padded[:, 2 * window :] - padded[:, : -2 * window]
    with np.errstate(divide="ignore"):  # many equal values: an entropy of minus infinity, and no entropy power
        logs = np.log(spacings * spacings.dtype.type(n / (2 * window)))
    return np.asarray(logs.mean(axis=1, dtype=np.float64))


def _window(n: int) -> int:
    """How many places on either side a gap spans among n values."""
    return int(np.floor(np.sqrt(n) + 0.5))


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
