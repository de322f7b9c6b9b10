"""Cross products: what linear CKA between layers takes from rows that stream by, each row in all layers at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import numpy as np

from geoscope.errors import Undefined
from geoscope.passes.moments import Frame
from geoscope.passes.row_products import largest_entry, shifted, squared_lengths, tensor_of, weighted_sum
from geoscope.rows import Batch, Float64, FloatArray, IntArray, Layer
from geoscope.spaces.kernel_sums import KernelSums, cka_debiased

BLOCK_ROWS = 1024
"""Rows of every layer that are held in float64 at a time."""


@dataclass
class CrossProducts:
    """Sums over the rows of some layers: `add` batches, then ask for the `matrix`.

    left_out: places in the index of rows that some layer lacks, which no layer then counts. Sums are of float64, about
    the mean of the first batch, products within a block in the rows' own precision: CKA of float32 rows moves by some
    1e-7. (L + 1) L / 2 matrices d x d.
    """

    layers: Sequence[Layer]
    left_out: IntArray | None = None
    count: int = 0
    _frames: dict[Layer, Frame] = field(default_factory=dict)
    _firsts: dict[Layer, FloatArray] = field(default_factory=dict)
    _moved: set[Layer] = field(default_factory=set)
    _totals: dict[Layer, Float64] = field(default_factory=dict)
    _products: dict[tuple[Layer, Layer], Float64] = field(default_factory=dict)
    _weighted: dict[tuple[Layer, Layer], Float64] = field(default_factory=dict)
    _lengths: dict[tuple[Layer, Layer], float] = field(default_factory=dict)
    _energies: dict[Layer, float] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Take in a batch, which has rows of every layer."""
        rows = {layer: batch.rows[layer] for layer in self.layers}
        if self.left_out is not None:
            kept = ~np.isin(batch.offsets, self.left_out)
            rows = {layer: block[kept] for layer, block in rows.items()}
        many = len(rows[self.layers[0]])
        if many and not self._frames:
            self._begin(rows)
        self.count += many
        for start in range(0, many, BLOCK_ROWS):
            blocks = {layer: block[start : start + BLOCK_ROWS] for layer, block in rows.items()}
            self._moved |= {layer for layer, block in blocks.items() if (block != self._firsts[layer]).any()}
            self._add(
                {
                    layer: (shifted(frame.scaled(block), frame.origin * frame.scale))
                    for (layer, block), frame in zip(blocks.items(), self._frames.values(), strict=True)
                }
            )

    def _begin(self, rows: Mapping[Layer, FloatArray]) -> None:
        for layer, block in rows.items():
            self._frames[layer] = _frame(block[:BLOCK_ROWS])
            self._firsts[layer] = block[:1].copy()
            self._totals[layer] = np.zeros(block.shape[1])
            self._energies[layer] = 0.0
        for pair in combinations_with_replacement(self.layers, 2):
            self._products[pair] = np.zeros((rows[pair[0]].shape[1], rows[pair[1]].shape[1]))
            self._lengths[pair] = 0.0
        for one in self.layers:
            for other in self.layers:
                self._weighted[one, other] = np.zeros(rows[other].shape[1])

    def _add(self, blocks: Mapping[Layer, FloatArray]) -> None:
        """Rows (m, d) of every layer in its frame."""
        held = {layer: tensor_of(block) for layer, block in blocks.items()}
        squares = {layer: squared_lengths(block).astype(np.float64) for layer, block in blocks.items()}
        for (one, other), target in self._products.items():
            target += (held[one].T @ held[other]).numpy()
            self._lengths[one, other] += float(squares[one] @ squares[other])
        for layer, block in blocks.items():
            self._totals[layer] += block.sum(axis=0, dtype=np.float64)
            self._energies[layer] += float(squares[layer].sum())
        for one, other in self._weighted:
            self._weighted[one, other] += weighted_sum(squares[one], blocks[other])

    def matrix(self) -> tuple[list[list[float | None]], str | None]:
        """The debiased linear CKA of every two layers, symmetric, and why some of it is None."""
        reason: str | None = None
        found: list[list[float | None]] = [[None] * len(self.layers) for _ in self.layers]
        for one, first in enumerate(self.layers):
            for other, second in list(enumerate(self.layers))[one:]:
                try:
                    found[one][other] = found[other][one] = cka_debiased(self._sums(first, second))
                except Undefined as why:
                    reason = reason or str(why)
        return found, reason

    def _sums(self, one: Layer, other: Layer) -> KernelSums:
        """What CKA of two layers takes, about the rows' means."""
        if self.count < 4:
            raise Undefined(f"it needs at least four rows, and there are {self.count}")
        if not {one, other} <= self._moved:
            raise Undefined("all rows of one of the layers are the same")
        pairs = ((one, one), (other, other), (one, other))
        squares = [float(np.sum(self._centred(*pair) ** 2)) for pair in pairs]
        lengths = [self._length_products(*pair) for pair in pairs]
        energies = [self._energies[each] - self.count * float(self._mean(each) @ self._mean(each)) for each in pairs[2]]
        return KernelSums(
            self.count, (squares[0], squares[1], squares[2]), (lengths[0], lengths[1], lengths[2]),
            (energies[0], energies[1]),
        )  # fmt: skip

    def _mean(self, layer: Layer) -> Float64:
        return self._totals[layer] / self.count

    def _centred(self, one: Layer, other: Layer) -> Float64:
        return self._products[one, other] - self.count * np.outer(self._mean(one), self._mean(other))

    def _length_products(self, one: Layer, other: Layer) -> float:
        """sum |x - m|^2 |y - k|^2, multiplied out."""
        n, m, k = self.count, self._mean(one), self._mean(other)
        mm, kk = float(m @ m), float(k @ k)
        return float(
            self._lengths[one, other]
            - 2 * (k @ self._weighted[one, other] + m @ self._weighted[other, one])
            + kk * self._energies[one]
            + mm * self._energies[other]
            + 4 * m @ self._products[one, other] @ k
            - 3 * n * mm * kk
        )


def _frame(rows: FloatArray) -> Frame:
    """About the mean of a first block of rows, at a scale whose squares their own precision holds: CKA sees neither."""
    around = Frame.around(rows)
    size = largest_entry(rows)
    if rows.dtype != np.float32 or size == 0.0:
        return around
    scale = float(2.0 ** -np.clip(np.frexp(size)[1], -100, 100))
    return Frame(around.origin.astype(np.float32).astype(np.float64), scale, single=True)
