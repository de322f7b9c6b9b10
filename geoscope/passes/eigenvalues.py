"""Eigenvalues of symmetric matrices, by the LAPACK that took the least time for each.

Numpy's on one thread for eigenvalues: at these sizes (d x d) more threads gain little, and wait on each other where
other work keeps the cores busy. Torch's for vectors, which two threads at once ask for: numpy's slow each other down.
"""

from __future__ import annotations

from threading import Lock

import numpy as np
from threadpoolctl import ThreadpoolController

from geoscope.errors import Undefined
from geoscope.rows import Float64, FloatArray

LOST = "a few rows are so much longer than the others that these are lost in rounding"
"""Why there is nothing to decompose."""


class _OneThread:
    """Keeps numpy's LAPACK on one thread for as long as anybody is inside, from whichever thread."""

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit = ThreadpoolController().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()


_ONE_THREAD = _OneThread()


def eigenvalues(matrix: Float64) -> Float64:
    """Of a symmetric (d, d) matrix, largest first; of several (s, d, d), each one's."""
    with _ONE_THREAD:
        return np.linalg.eigvalsh(matrix).astype(np.float64, copy=False)[..., ::-1]


def eigenvectors(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (d,), largest first, and unit eigenvectors as columns (d, d), in the matrix's own precision.

    Raises Undefined where the matrix is too far out of range for that.
    """
    import torch

    try:
        values, vectors = torch.linalg.eigh(torch.from_numpy(np.ascontiguousarray(matrix)))
    except torch.linalg.LinAlgError as error:
        raise Undefined(LOST) from error
    return values.numpy()[::-1], vectors.numpy()[:, ::-1]


def largest_eigenvalue(matrix: Float64) -> float:
    """By Lanczos iteration to working precision; by a full decomposition where that is small or does not converge."""
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    if len(matrix) <= 64:
        return float(eigenvalues(matrix)[0])
    start = np.random.default_rng(0).standard_normal(len(matrix))
    try:
        return float(eigsh(matrix, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
    except ArpackNoConvergence:
        return float(eigenvalues(matrix)[0])
