"""Eigenvalues of symmetric matrices, by torch's LAPACK: it keeps its speed when other processes keep the cores busy."""

from __future__ import annotations

import numpy as np

from geoscope.rows import Float64, FloatArray


def eigenvalues(matrix: Float64) -> Float64:
    """Of a symmetric (d, d) matrix, largest first."""
    import torch

    found: Float64 = torch.linalg.eigvalsh(torch.from_numpy(np.ascontiguousarray(matrix))).numpy()[::-1]
    return found


def eigenvectors(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (d,), largest first, and unit eigenvectors as columns (d, d), in the matrix's own precision."""
    import torch

    values, vectors = torch.linalg.eigh(torch.from_numpy(np.ascontiguousarray(matrix)))
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
