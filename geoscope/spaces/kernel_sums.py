"""Kernel sums: what linear CKA takes from rows that belong together, and CKA from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoscope.errors import Undefined
from geoscope.spaces.paired_rows import PairedRows


@dataclass(frozen=True)
class KernelSums:
    """What CKA takes from n centred rows: per pair (X, X), (Y, Y), (X, Y) the squared Frobenius norm of the cross
    product and the sum of products of squared row lengths; and the energies tr X'X and tr Y'Y."""

    n: int
    products: tuple[float, float, float]
    lengths: tuple[float, float, float]
    energies: tuple[float, float]


def kernel_sums(pair: PairedRows) -> KernelSums:
    """One sweep over the rows in blocks; O(d1^2 + d2^2 + d1 d2) memory."""
    d1, d2 = pair.whole_x.shape[1], pair.whole_y.shape[1]
    own_x, own_y, cross = np.zeros((d1, d1)), np.zeros((d2, d2)), np.zeros((d2, d1))
    lengths = np.zeros(3)
    for x, y in pair.centred():
        own_x += x.T @ x
        own_y += y.T @ y
        cross += y.T @ x
        a, b = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
        lengths += (a @ a, b @ b, a @ b)
    energies = float(np.trace(own_x)), float(np.trace(own_y))
    if 0.0 in energies:
        raise Undefined("all rows of one of the spaces are the same")
    squares = [float(np.sum(matrix * matrix)) for matrix in (own_x, own_y, cross)]
    return KernelSums(len(pair), (squares[0], squares[1], squares[2]), (lengths[0], lengths[1], lengths[2]), energies)


def cka(sums: KernelSums) -> float:
    """Linear CKA."""
    xx, yy, xy = sums.products
    return min(1.0, float(xy / np.sqrt(xx * yy)))


def cka_null(sums: KernelSums) -> float:
    """The mean of CKA over all permutations of one side's rows: tr X'X tr Y'Y / ((n-1) ||X'X||_F ||Y'Y||_F).

    Kazi-Aoual, Hitier, Sabatier and Lebreton 1995, Comput. Stat. Data Anal. 20:643-656 (of the RV coefficient).
    """
    a, b = sums.energies
    return float(a * b / ((sums.n - 1) * np.sqrt(sums.products[0] * sums.products[1])))


def cka_debiased(sums: KernelSums) -> float:
    """Linear CKA from the unbiased estimates of HSIC."""
    n, (a, b) = sums.n, sums.energies
    if n < 4:
        raise Undefined(f"it needs at least four rows in common, and there are {n}")
    ends = ((a, a), (b, b), (a, b))
    xx, yy, xy = (
        product - n / (n - 2) * length + one * other / ((n - 1) * (n - 2))
        for product, length, (one, other) in zip(sums.products, sums.lengths, ends, strict=True)
    )
    if min(xx / sums.products[0], yy / sums.products[1]) <= 1e-12:
        raise Undefined("the unbiased estimate of one of the spaces' own HSIC is not positive")
    return min(1.0, float(xy / np.sqrt(xx * yy)))
