"""Eigenvalues of symmetric matrices, by the LAPACK that took the least time for each.

Numpy's on one thread for eigenvalues: at these sizes (d x d) more threads gain little, and wait on each other where
other work keeps the cores busy. Torch's for vectors, which two threads at once ask for: numpy's slow each other down.
On a device other than the CPU torch's, of several matrices at once.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from geoscope.errors import Undefined
from geoscope.passes.row_products import sent
from geoscope.rows import Float64, FloatArray
from geoscope.torch_state import runs_compiled

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


def eigenvalues(matrix: Float64, device: str = "cpu") -> Float64:
    """Of a symmetric (d, d) matrix, largest first; of several (s, d, d), each one's, all at once.

    Raises Undefined where a device other than the CPU finds the matrix too far out of range for that.
    """
    if not runs_compiled(device):
        found: Float64 = _decomposed(torch.linalg.eigvalsh, sent(matrix, device)).cpu().numpy()
        return found[..., ::-1]
    with _ONE_THREAD:
        return np.linalg.eigvalsh(matrix).astype(np.float64, copy=False)[..., ::-1]


def eigenvectors(matrix: FloatArray, device: str = "cpu") -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (d,), largest first, and unit eigenvectors as columns (d, d), in the matrix's own precision.

    Which of two opposite vectors it is, and which basis of those of one value, is another device's own. Raises
    Undefined where the matrix is too far out of range for that.
    """
    values, vectors = _decomposed(torch.linalg.eigh, sent(matrix, device))
    return values.cpu().numpy()[::-1], vectors.cpu().numpy()[:, ::-1]


def principal_axes(matrix: Any) -> Any:
    """The unit eigenvectors of a tensor (d, d) as rows, that of the largest eigenvalue first, where the matrix is.

    Raises Undefined as `eigenvectors` does.
    """
    _, vectors = _decomposed(torch.linalg.eigh, matrix)
    return vectors.T.flip(0).contiguous()


def row_axes(rows: Any) -> Any:
    """The right singular vectors of a tensor (n, d), n < d, as rows (n, d), where it is.

    Raises Undefined as `eigenvectors` does.
    """
    driver = "gesvd" if rows.device.type == "cuda" else None  # CUDA's own choice is some times slower
    return _decomposed(lambda given: torch.linalg.svd(given, full_matrices=False, driver=driver)[::-1], rows)[0]


def largest_eigenvalue(matrix: Float64, device: str = "cpu") -> float:
    """By Lanczos iteration to working precision; by a full decomposition where that is small or does not converge.

    On a device other than the CPU the matrix's products with vectors are made there.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    if len(matrix) <= 64:
        return float(eigenvalues(matrix, device)[0])
    start = np.random.default_rng(0).standard_normal(len(matrix))
    given = matrix if runs_compiled(device) else _operator(matrix, device)
    try:
        return float(eigsh(given, k=1, which="LA", v0=start, return_eigenvectors=False)[0])
    except ArpackNoConvergence:
        return float(eigenvalues(matrix, device)[0])


def _decomposed(how: Callable[[Any], Any], matrix: Any) -> Any:
    try:
        found = how(matrix)
    except torch.linalg.LinAlgError as error:
        raise Undefined(LOST) from error
    values = found if isinstance(found, torch.Tensor) else found[0]
    if not bool(values.isfinite().all()):  # as some of CUDA's routines say it
        raise Undefined(LOST)
    return found


def _operator(matrix: Float64, device: str) -> Any:
    """A matrix on a device as scipy takes one: by its products with vectors (d,), which come and go."""
    from scipy.sparse.linalg import LinearOperator

    held = sent(matrix, device)

    def product(vector: Float64) -> Float64:
        found: Float64 = (held @ sent(vector.ravel(), device)).cpu().numpy()
        return found

    return LinearOperator(matrix.shape, matvec=product, dtype=matrix.dtype)
