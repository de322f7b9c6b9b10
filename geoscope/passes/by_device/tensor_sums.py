"""Sums over rows by torch, on whichever device they are: of all groups of sequences at once, and nothing waits for it.

What `Sums` are is said there. All that some rows add to a group's comes of two matrix products: of the group's rows
beside a few numbers a row, and of its sequences' totals beside a few numbers a sequence.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from geoscope.passes.asked_sums import Block
from geoscope.passes.by_device.asked_there import ASKED_THERE, AskedThere
from geoscope.passes.moments import Frame, Sums, blocks_of_sequences, first_rows
from geoscope.passes.rounding import step_of
from geoscope.passes.row_products import add_upper, sent
from geoscope.passes.sequence_sums import SequenceSums
from geoscope.rows import Float64, FloatArray, IntArray, type_of
from geoscope.torch_state import full_precision

BLOCK_BYTES = 256 * 2**20
"""Of rows in float64 that are summed at a time; with all that is made of them some four times as much is held."""
SINGLE_ROWS_AT_ONCE = 4096
"""Rows of a product in float32, before it is added up in float64."""

Tensor = Any


class _OfRow(IntEnum):
    """What stands beside a row, after its d numbers."""

    ONE = 0
    WEIGHT = 1  # one over its length before the shift
    NONZERO = 2
    FIRST = 3  # whether it is at position 0
    ENERGY = 4  # |x|^2
    ALONG = 5  # x . T_s


class _OfSequence(IntEnum):
    """What stands beside the total T_s of a sequence's rows."""

    ENERGY = 0  # q_s
    SQUARE = 1  # |T_s|^2
    OWN = 2  # ||M_s||^2
    ONE = 3


_NARROW = 1024
"""Up to so many columns the groups' products, which are small, are made as one."""
_ALIGNED = 16
"""Columns come in multiples of this, the last of them zeros: products of other widths are slow on GPUs."""


def _width(dimension: int, beside: type[IntEnum]) -> int:
    """Columns of d numbers and what stands beside them."""
    return -(-(dimension + len(beside)) // _ALIGNED) * _ALIGNED


def numbers_a_group(dimension: int) -> int:
    """How many numbers are kept of a group's rows in so many dimensions."""
    return _width(dimension, _OfRow) ** 2 + _width(dimension, _OfSequence) ** 2


class TensorSums:
    """The sums of each of some groups of sequences, in one frame; a sequence is of group `sequence % parts`.

    asked: which of ASKED to take too.
    """

    def __init__(self, frame: Frame, parts: int, asked: Collection[str] = ()) -> None:
        d = len(frame.origin)
        self.frame, self._dimension, self._parts, self._step = frame, d, parts, 0.0
        kind = {"dtype": torch.float64, "device": frame.device}
        self._origin = sent(frame.origin * frame.scale, frame.device)
        self._size = torch.zeros((), **kind)
        self._row_width, self._sequence_width = _width(d, _OfRow), _width(d, _OfSequence)
        self._of_rows = torch.zeros(parts, self._row_width, self._row_width, **kind)
        self._of_sequences = torch.zeros(parts, self._sequence_width, self._sequence_width, **kind)
        self._lengths = np.zeros((parts, 5))  # sums of n_s^k
        self._asked: dict[str, AskedThere] = {name: ASKED_THERE[name](d, parts) for name in asked}

    def add(
        self,
        rows: Tensor | FloatArray,
        sequences: IntArray,
        positions: IntArray | None = None,
        layers: IntArray | None = None,
    ) -> None:
        """Take in all rows (m, d) of some sequences, in any order; a tensor on the frame's device, or an array.

        sequences: (m,) which each is of; positions: (m,) where in it, 0 the first; layers: (m,) of which layer.
        """
        self._step = max(self._step, step_of(type_of(rows)))
        _, whose, sizes = np.unique(sequences, return_inverse=True, return_counts=True)
        order = np.lexsort((sequences, -sizes[whose]))  # those of one size together, the longest first: as they come
        starts = first_rows(sequences[order])
        most = max(BLOCK_BYTES // (8 * self._dimension), 1)
        with full_precision(), torch.no_grad():
            for start, stop in blocks_of_sequences(starts, len(order), most):
                own = order[start:stop]
                first = starts[(starts >= start) & (starts < stop)] - start
                who = (None if each is None else each[own] for each in (positions, layers))
                self._add_block(self._taken(rows, own), first, sequences[own], *who)

    def _taken(self, rows: Tensor | FloatArray, which: IntArray) -> Tensor:
        """Some of the rows, on the frame's device."""
        in_order = bool((np.diff(which) == 1).all())
        some = slice(int(which[0]), int(which[-1]) + 1)
        if isinstance(rows, np.ndarray):
            return self._there(rows[some] if in_order else rows[which])
        found = rows[some] if in_order else rows.index_select(0, self._there(which).to(rows.device))
        return found.to(self.frame.device)

    def _add_block(
        self,
        rows: Tensor,
        starts: IntArray,
        sequences: IntArray,
        positions: IntArray | None,
        layers: IntArray | None,
    ) -> None:
        d = self._dimension
        ends = torch.stack([end.abs().double() for end in torch.aminmax(rows)])
        single = self.frame.single and self.frame.resolves(float(ends.amax()))
        kind = torch.float32 if single else torch.float64
        given = rows.to(kind) if self.frame.scale == 1.0 else rows.to(kind) * self.frame.scale
        self._size = torch.maximum(self._size, ends.amax())
        beside = torch.empty(len(given), self._row_width, dtype=kind, device=given.device)
        beside[:, d + len(_OfRow) :] = 0
        about = torch.sub(given, self._origin.to(kind), out=beside[:, :d])
        lengths = torch.linalg.vector_norm(given, dim=1, dtype=torch.float64)
        energies = torch.linalg.vector_norm(about, dim=1, dtype=torch.float64).square_()
        of_row = beside[:, d:]
        of_row[:, _OfRow.ONE] = 1
        of_row[:, _OfRow.WEIGHT] = torch.where(lengths > 0, 1 / lengths, 0.0)
        of_row[:, _OfRow.NONZERO] = lengths > 0
        of_row[:, _OfRow.FIRST] = 0 if positions is None else self._there(positions == 0)
        of_row[:, _OfRow.ENERGY] = energies
        sizes = np.diff(np.r_[starts, len(given)])
        totals, of_row[:, _OfRow.ALONG] = self._of_each(about, energies, starts, sizes)
        parts = sequences[starts] % self._parts
        for power in range(5):
            self._lengths[:, power] += np.bincount(parts, sizes.astype(np.float64) ** power, self._parts)
        self._add_products(self._of_rows, beside, np.repeat(parts, sizes))
        self._add_products(self._of_sequences, totals, parts)
        if self._asked:
            block = Block(given, about, sequences, positions, layers, self._step)
            for asked in self._asked.values():
                asked.add(block)

    def _of_each(self, about: Tensor, energies: Tensor, starts: IntArray, sizes: IntArray) -> tuple[Tensor, Tensor]:
        """Of each sequence its total with what stands beside it, (s, width); of each row its x . T_s.

        The squares of M_s by the smaller of each sequence's two Gram matrices.
        """
        d = self._dimension
        made = torch.empty(len(starts), self._sequence_width, dtype=torch.float64, device=about.device)
        made[:, d + len(_OfSequence) :] = 0
        totals, along = made[:, :d], torch.empty_like(energies)
        of_sequence = made[:, d:]
        of_sequence[:, _OfSequence.ONE] = 1
        bounds = np.flatnonzero(np.diff(sizes, prepend=-1))
        for low, high in zip(bounds, np.r_[bounds[1:], len(sizes)], strict=True):
            size, first = int(sizes[low]), int(starts[low])
            rows = slice(first, first + size * int(high - low))
            own = about[rows].view(-1, size, d)
            torch.sum(own, dim=1, dtype=torch.float64, out=totals[low:high])
            of_sequence[low:high, _OfSequence.ENERGY] = energies[rows].view(-1, size).sum(dim=1)
            if size <= d:
                gram = torch.bmm(own, own.transpose(1, 2))
                along[rows] = gram.sum(dim=2, dtype=torch.float64).view(-1)
            else:
                gram = torch.bmm(own.transpose(1, 2), own)
                along[rows] = torch.bmm(own, totals[low:high, :, None].to(own.dtype)).view(-1)
            of_sequence[low:high, _OfSequence.OWN] = gram.square().sum(dim=(1, 2), dtype=torch.float64)
        of_sequence[:, _OfSequence.SQUARE] = torch.linalg.vecdot(totals, totals)
        return made, along

    def _add_products(self, target: Tensor, rows: Tensor, parts: IntArray) -> None:
        """Add the products x' x of each group's rows (m, c) to its own target (c, c), whose upper triangle counts."""
        order = np.argsort(parts, kind="stable")
        bounds = np.searchsorted(parts[order], np.arange(self._parts + 1))
        fullest = int(np.diff(bounds).max())
        if rows.dtype == torch.float64 and rows.shape[1] <= _NARROW and self._parts * fullest <= 2 * len(rows):
            within = np.empty(len(rows), dtype=np.int64)
            within[order] = np.arange(len(rows)) - bounds[parts[order]]
            dealt = rows.new_zeros(self._parts, fullest, rows.shape[1])
            dealt.view(-1, rows.shape[1]).index_copy_(0, self._there(parts * fullest + within), rows)
            target.baddbmm_(dealt.mT, dealt)
            return
        if self._parts > 1:
            rows = rows.index_select(0, self._there(order))
        for part, (low, high) in enumerate(pairwise(bounds.tolist())):
            if rows.dtype == torch.float64:
                add_upper(target[part], rows[low:high])
            else:
                for some in rows[low:high].split(SINGLE_ROWS_AT_ONCE):
                    target[part] += some.T @ some

    def _there(self, array: Any) -> Tensor:
        return sent(array, self.frame.device)

    def parts(self) -> list[Sums]:
        """The sums of each group, on the CPU."""
        of_rows, of_sequences = self._of_rows.cpu().numpy(), self._of_sequences.cpu().numpy()
        size = float(self._size)
        asked = {name: each.parts() for name, each in self._asked.items()}
        found = []
        for part in range(self._parts):
            sums = Sums(self.frame, frozenset(asked), size=size, step=self._step)
            self._fill(sums, of_rows[part])
            sums.sequences = self._sequence_sums(part, of_rows[part], of_sequences[part])
            sums.further = {name: each[part] for name, each in asked.items()}
            found.append(sums)
        return found

    def _fill(self, sums: Sums, products: Float64) -> None:
        d = self._dimension
        columns, numbers = products[:d, d:], products[d:, d:]
        sums.products = products[:d, :d].copy()
        sums.count = round(numbers[_OfRow.ONE, _OfRow.ONE])
        sums.total = columns[:, _OfRow.ONE].copy()
        sums.unit_count = round(numbers[_OfRow.ONE, _OfRow.NONZERO])
        weights = numbers[_OfRow.ONE, _OfRow.WEIGHT]
        sums.unit_total = columns[:, _OfRow.WEIGHT] + weights * self.frame.origin * self.frame.scale
        sums.first_count = round(numbers[_OfRow.ONE, _OfRow.FIRST])
        sums.first_total = columns[:, _OfRow.FIRST].copy()
        sums.first_energy = float(numbers[_OfRow.FIRST, _OfRow.ENERGY])

    def _sequence_sums(self, part: int, of_rows: Float64, of_sequences: Float64) -> SequenceSums:
        d = self._dimension
        found = SequenceSums(d)
        columns, numbers = of_sequences[:d, d:], of_sequences[d:, d:]
        along = d + _OfRow.ALONG
        found.sizes = self._lengths[part].copy()
        found.total_products = of_sequences[:d, :d].copy()
        found.own_products = float(numbers[_OfSequence.OWN, _OfSequence.ONE])
        found.product_of_total = of_rows[:d, along].copy()
        found.total_on_products = float(of_rows[along, along])
        found.total_cubed = columns[:, _OfSequence.SQUARE].copy()
        found.total_fourth = float(numbers[_OfSequence.SQUARE, _OfSequence.SQUARE])
        found.energy_squared = float(numbers[_OfSequence.ENERGY, _OfSequence.ENERGY])
        found.energy_total = columns[:, _OfSequence.ENERGY].copy()
        found.energy_on_total = float(numbers[_OfSequence.ENERGY, _OfSequence.SQUARE])
        return found
