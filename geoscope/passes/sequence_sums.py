"""Sums over distinct sequences, for estimates of tr S and tr S^2 that small samples do not bias.

With T_s the sum of a sequence's rows, M_s the sum of their outer products and q_s the sum of their squared lengths,
every pair, triple or quadruple of rows of distinct sequences can be summed in O(n d^2) without listing any
(Chen, Zhang and Zhong 2010, J. Am. Stat. Assoc. 105:810-819, for independent rows; here sequences take their place).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from geoscope.errors import Undefined
from geoscope.passes.row_products import add_upper_products, squared_lengths, symmetric, tensor_of, weighted_sum
from geoscope.rows import Float64, FloatArray, IntArray


@dataclass
class SequenceSums:
    """Running sums over whole sequences of d-dimensional rows about one origin. Every field adds up."""

    dimension: int
    sizes: Float64 = field(default_factory=lambda: np.zeros(5))  # sum of n_s^k, k = 0 .. 4
    total_products: Float64 = field(init=False)  # W = sum T_s T_s'; upper triangle only
    own_products: float = 0.0  # sum ||M_s||^2
    product_of_total: Float64 = field(init=False)  # sum M_s T_s
    total_on_products: float = 0.0  # sum T_s' M_s T_s
    total_cubed: Float64 = field(init=False)  # sum |T_s|^2 T_s
    total_fourth: float = 0.0  # sum |T_s|^4
    energy_squared: float = 0.0  # sum q_s^2
    energy_total: Float64 = field(init=False)  # sum q_s T_s
    energy_on_total: float = 0.0  # sum q_s |T_s|^2

    def __post_init__(self) -> None:
        d = self.dimension
        self.total_products = np.zeros((d, d))
        self.product_of_total, self.total_cubed, self.energy_total = np.zeros(d), np.zeros(d), np.zeros(d)

    def add(self, x: FloatArray, starts: IntArray) -> None:
        """Take in rows x (m, d) of whole sequences, which start at rows `starts` of them."""
        energies = squared_lengths(x).astype(np.float64)
        sizes = np.diff(np.r_[starts, len(x)])
        totals, along, own_products = _within(x, starts, sizes)
        energies = np.add.reduceat(energies, starts)
        self.product_of_total += weighted_sum(along, x)
        self.own_products += own_products
        squares = np.einsum("ij,ij->i", totals, totals)
        self.sizes += np.array([np.sum(sizes.astype(np.float64) ** k) for k in range(5)])
        add_upper_products(self.total_products, totals)
        self.total_on_products += float(along @ along)
        self.total_cubed += weighted_sum(squares, totals)
        self.total_fourth += float(squares @ squares)
        self.energy_squared += float(energies @ energies)
        self.energy_total += weighted_sum(energies, totals)
        self.energy_on_total += float(energies @ squares)

    def add_alone(self, x: FloatArray, products: Float64) -> None:
        """The same where every row is a sequence: T_s = x, M_s = x x', q_s = |x|^2; products: `upper_products(x)`."""
        energies = squared_lengths(x).astype(np.float64)
        fourth, weighted = float(energies @ energies), weighted_sum(energies, x)
        self.sizes += float(len(x))
        self.total_products += products
        for name in ("product_of_total", "total_cubed", "energy_total"):
            setattr(self, name, getattr(self, name) + weighted)
        for name in ("own_products", "total_on_products", "total_fourth", "energy_squared", "energy_on_total"):
            setattr(self, name, getattr(self, name) + fourth)

    def __add__(self, other: SequenceSums) -> SequenceSums:
        return self._combined(other, operator.add, SequenceSums(self.dimension))

    def __iadd__(self, other: SequenceSums) -> SequenceSums:
        return self._combined(other, operator.iadd, self)

    def __sub__(self, other: SequenceSums) -> SequenceSums:
        return self._combined(other, operator.sub, SequenceSums(self.dimension))

    def _combined(self, other: SequenceSums, how: Callable[[Any, Any], Any], result: SequenceSums) -> SequenceSums:
        for each in fields(self):
            if each.name != "dimension":
                setattr(result, each.name, how(getattr(self, each.name), getattr(other, each.name)))
        return result


@dataclass(frozen=True)
class UnbiasedTraces:
    """Unbiased estimates of (tr S)^2 and tr S^2 over rows of distinct sequences; needs four sequences.

    Unbiased about any origin. Where sequences differ in length the value moves a little with the origin (pairs and
    quadruples then weigh rows differently): by 1e-5 of itself where the origin was 1 % of the energy off the mean.
    sums: over sequences. products: M = sum x x' (d, d). total: T = sum x (d,). biased: why they would not be unbiased.
    """

    sums: SequenceSums
    products: Float64
    total: Float64
    biased: str | None = None

    @cached_property
    def squared_trace(self) -> float:
        """Of (tr S)^2."""
        s, T = self.sums, self.total
        pairs, triples, _ = self._counts
        q, squared, trace = float(np.trace(self.products)), float(T @ T), float(np.trace(s.total_products))
        mixed = q * squared - q * trace - 2 * float(s.energy_total @ T) + 2 * s.energy_on_total
        return (q**2 - s.energy_squared) / pairs - 2 * mixed / triples + self._quadruple_mean

    @cached_property
    def trace_of_square(self) -> float:
        """Of tr S^2."""
        s, M, T, W = self.sums, self.products, self.total, self._between
        pairs, triples, _ = self._counts
        pair_mean = (float(np.vdot(M, M)) - s.own_products) / pairs
        chains = float(T @ M @ T) - float(np.vdot(M, W)) - 2 * float(s.product_of_total @ T)
        return pair_mean - 2 * (chains + 2 * s.total_on_products) / triples + self._quadruple_mean

    @cached_property
    def _quadruple_mean(self) -> float:
        s, T, W = self.sums, self.total, self._between
        spread = float(T @ W @ T) - 2 * float(s.total_cubed @ T) + s.total_fourth
        squares = float(np.vdot(W, W)) - s.total_fourth
        return ((float(T @ T) - float(np.trace(W))) ** 2 - 4 * spread + 2 * squares) / self._counts[2]

    @cached_property
    def _between(self) -> Float64:
        return symmetric(self.sums.total_products)

    @cached_property
    def _counts(self) -> tuple[float, float, float]:
        """How many ordered pairs, triples and quadruples of rows of distinct sequences there are."""
        if self.biased is not None:
            raise Undefined(self.biased)
        if round(self.sums.sizes[0]) < 4:
            raise Undefined(f"expected rows of at least four sequences, got {round(self.sums.sizes[0])}")
        _, p1, p2, p3, p4 = self.sums.sizes.tolist()
        quadruples = p1**4 - 6 * p1**2 * p2 + 3 * p2**2 + 8 * p1 * p3 - 6 * p4
        return p1**2 - p2, p1**3 - 3 * p1 * p2 + 2 * p3, quadruples


def _within(x: FloatArray, starts: IntArray, sizes: IntArray) -> tuple[Float64, Float64, float]:
    """Each sequence's sum of rows T_s (s, d); of each row (m,) its x . T_s; the sum over sequences of ||M_s||^2.

    The last two by the smaller of each sequence's two Gram matrices, sequences of one length together.
    """
    import torch

    rows, lengths = tensor_of(x), np.unique(sizes).tolist()
    totals, along, squares = np.empty((len(starts), x.shape[1])), np.empty(len(x)), 0.0
    for size in lengths:
        which = sizes == size
        places = starts[which][:, None] + np.arange(size)
        own = rows.view(len(starts), size, -1) if len(lengths) == 1 else rows[torch.from_numpy(places)]
        total = own.sum(dim=1)
        totals[which] = total.numpy()
        if size <= x.shape[1]:
            gram = torch.bmm(own, own.transpose(1, 2))
            along[places] = gram.sum(dim=2).numpy()
        else:
            gram = torch.bmm(own.transpose(1, 2), own)
            along[places] = torch.bmm(own, total[:, :, None])[:, :, 0].numpy()
        squares += float(gram.square().sum(dtype=torch.float64))
    return totals, along, squares
