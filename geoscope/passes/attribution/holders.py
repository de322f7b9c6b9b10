"""Holders: sums by dimension and by position, and the largest values, while rows stream by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from geoscope.passes.moments import BLOCK_ROWS, Frame
from geoscope.passes.row_products import shifted
from geoscope.rows import Float64, FloatArray, IntArray, RowIndex

MOST = 5
"""Of each kind, so many are told."""
POSITIONS = 4096
"""Positions that are told apart: a sum of d numbers is kept of each."""
_DIGITS = 12  # after the point of a share, beyond which it is rounding


@dataclass(frozen=True)
class Held:
    """What one dimension, position or token id holds: its share of the centred energy, and of the rows."""

    name: int
    energy: float
    rows: float | None = None


@dataclass(frozen=True)
class Largest:
    """A value of a row, as it is. place: of the row in the index. order: what comes first of equal sizes."""

    value: float
    dimension: int
    place: int
    order: tuple[int, ...]

    @property
    def rank(self) -> tuple[float, tuple[int, ...]]:
        return -abs(self.value), self.order


@dataclass
class Holders:
    """Of one cloud. placed: whether positions are known."""

    index: RowIndex
    placed: bool
    count: int = 0
    largest: list[Largest] = field(default_factory=list)
    beyond: int = 0  # rows whose position is not told apart
    _frame: Frame | None = None
    _size: float = 0.0

    def add(self, offsets: IntArray, rows: FloatArray, layer: int) -> None:
        """Take in rows (m, d) at some places of the index, of the layer of that number among the cloud's."""
        if len(rows) == 0:
            return
        if self._frame is None:
            self._frame = Frame.around(rows[:BLOCK_ROWS])
            d = rows.shape[1]
            self._total, self._squares = np.zeros(d), np.zeros(d)
            known = self.index.positions[(self.index.positions >= 0) & (self.index.positions < POSITIONS)]
            kept = int(known.max(initial=-1)) + 1 if self.placed else 0
            self._counts, self._energies, self._totals = np.zeros(kept), np.zeros(kept), np.zeros((kept, d))
        about = shifted(self._frame.scaled(rows), self._frame.origin * self._frame.scale).astype(np.float64, copy=False)
        self.count += len(rows)
        self._total += about.sum(axis=0)
        self._squares += np.einsum("ij,ij->j", about, about)
        if self.placed:
            self._add_places(self.index.positions[offsets], about)
        self._keep_largest(offsets, rows, layer)

    def _add_places(self, positions: IntArray, about: Float64) -> None:
        told = (positions >= 0) & (positions < len(self._counts))
        self.beyond += int(np.sum(~told))
        order = np.flatnonzero(told)[np.argsort(positions[told], kind="stable")]
        if len(order) == 0:
            return
        names, starts, counts = np.unique(positions[order], return_index=True, return_counts=True)
        self._counts[names] += counts
        self._energies[names] += np.add.reduceat(np.einsum("ij,ij->i", about, about)[order], starts)
        self._totals[names] += np.add.reduceat(about[order], starts, axis=0)

    def _keep_largest(self, offsets: IntArray, rows: FloatArray, layer: int) -> None:
        """The MOST largest values of all rows so far, which are in as many rows at most."""
        sizes = np.maximum(rows.max(axis=1), -rows.min(axis=1))
        self._size = max(self._size, float(sizes.max()))
        least = abs(self.largest[-1].value) if len(self.largest) == MOST else 0.0
        which = np.flatnonzero(sizes >= least)
        sequences, positions = self.index.sequences[offsets[which]], self.index.positions[offsets[which]]
        for at in which[np.lexsort((positions, sequences, -sizes[which]))[:MOST]]:
            place = int(offsets[at])
            of_row = (int(self.index.sequences[place]), int(self.index.positions[place]), layer)
            for dimension in np.argsort(-np.abs(rows[at]), kind="stable")[:MOST].tolist():
                self.largest.append(Largest(float(rows[at, dimension]), dimension, place, (*of_row, dimension)))
        self.largest = sorted(self.largest, key=lambda each: each.rank)[:MOST]

    def by_dimension(self) -> list[Held]:
        """The dimensions that hold most of the centred energy, ties by smaller number; none of equal rows."""
        if self._frame is None:
            return []
        return held(self._squares - self._total**2 / self.count, None, self._energy)

    def by_position(self) -> list[Held] | None:
        """The positions that do; None where nobody knows them."""
        if not self.placed or self._frame is None:
            return None
        mean = self._total / self.count
        energies = self._energies - 2 * self._totals @ mean + self._counts * (mean @ mean)
        return held(np.where(self._counts > 0, energies, 0.0), self._counts / self.count, self._energy)

    @property
    def _energy(self) -> float:
        """All of it; 0 where it is rounding."""
        energy = float(np.sum(self._squares - self._total**2 / self.count))
        scale = 1.0 if self._frame is None else self._frame.scale
        least = 8 * np.finfo(np.float64).eps * self._size * scale
        return energy if energy > self.count * len(self._total) * least**2 else 0.0


def held(energies: Float64, rows: Float64 | None, whole: float) -> list[Held]:
    """The MOST largest shares of some energies of the whole, by their places; rows: each one's share of the rows.

    Those that are equal up to rounding go by their places.
    """
    if not whole > 0:
        return []
    order = np.argsort(-np.round(energies / whole, _DIGITS), kind="stable")[:MOST].tolist()
    return [
        Held(name, float(np.clip(energies[name] / whole, 0.0, 1.0)), None if rows is None else float(rows[name]))
        for name in order
        if energies[name] > 0
    ]
