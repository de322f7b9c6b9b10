"""The sums that are asked for, by torch where the rows are: numbers a row or a sequence come back, not the rows.

What each is, is said beside the CPU's (`asked_sums`); which sequence a number is of is known on the CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from geoscope.passes.asked_sums import AskedSums, Block, DimensionTails, SpectralEntropies, Turns
from geoscope.passes.asked_sums.sequence_means import Strands, sequences_of_each_size, strands_of
from geoscope.passes.rounding import STEPS
from geoscope.passes.row_products import sent
from geoscope.rows import BoolArray, Coming, IntArray

_BYTES_AT_ONCE = 64 * 2**20
_MATRICES_AT_ONCE = 8192  # cuSOLVER refuses some 32,768

Tensor = Any


class AskedThere:
    """Sums of each of some groups of sequences; a sequence is of group `sequence % parts`."""

    def __init__(self, dimension: int, parts: int) -> None:
        self.dimension, self._parts = dimension, parts

    def add(self, block: Block) -> None:
        """Take in rows of whole sequences, those of one next to each other; the block's rows are tensors."""
        raise NotImplementedError

    def parts(self) -> list[AskedSums]:
        """The sums of each group, on the CPU."""
        raise NotImplementedError


class TailsThere(AskedThere):
    """Powers of each dimension's values, as `DimensionTails`."""

    def __init__(self, dimension: int, parts: int) -> None:
        super().__init__(dimension, parts)
        self._sums: Tensor = 0.0

    def add(self, block: Block) -> None:
        rows, sequences = block.about.double(), _named(block)
        dealt = np.arange(self._parts)[:, None] == sequences % self._parts
        dealt_there = sent(dealt, rows.device).double()
        power, found = rows, []
        for _ in range(3):
            power = power * rows
            found.append(dealt_there @ power)
        self._sums = self._sums + torch.stack(found, dim=1)

    def parts(self) -> list[AskedSums]:
        sums = self._sums.cpu().numpy()
        return [DimensionTails(self.dimension, *part) for part in sums]


class TurnsThere(AskedThere):
    """Angles between steps, as `Turns`."""

    def __init__(self, dimension: int, parts: int) -> None:
        super().__init__(dimension, parts)
        self._kept: list[tuple[IntArray, Strands, Coming]] = []

    def add(self, block: Block) -> None:
        strands = strands_of(block)
        if strands is None:
            return
        order = strands.order
        rows = block.given if isinstance(order, slice) else block.given.index_select(0, sent(order, block.given.device))
        angles = _angles(rows, strands.follows, block.step)
        self._kept.append((_named(block)[order] % self._parts, strands, Coming(angles)))

    def parts(self) -> list[AskedSums]:
        found = [Turns(self.dimension) for _ in range(self._parts)]
        for parts, strands, coming in self._kept:
            angles, known = coming.array()
            for part, sums in enumerate(found):
                sums.take(angles, known > 0, strands, parts == part)
        return list(found)


class EntropiesThere(AskedThere):
    """Entropies of each sequence's Gram spectrum, as `SpectralEntropies`."""

    def __init__(self, dimension: int, parts: int) -> None:
        super().__init__(dimension, parts)
        self._kept: list[tuple[IntArray, int, Coming]] = []

    def add(self, block: Block) -> None:
        if block.sequences is None or self.dimension < 2:
            return
        for size, places in sequences_of_each_size(block):
            rows = block.given.index_select(0, sent(places.ravel(), block.given.device)).double()
            entropies = _gram_entropies(rows.view(len(places), size, self.dimension))
            self._kept.append((block.sequences[places[:, 0]] % self._parts, size, Coming(entropies)))

    def parts(self) -> list[AskedSums]:
        found = [SpectralEntropies(self.dimension) for _ in range(self._parts)]
        for parts, size, coming in self._kept:
            entropies = coming.array()
            for part, sums in enumerate(found):
                sums.take(size, entropies[parts == part])
        return list(found)


ASKED_THERE: dict[str, type[AskedThere]] = {"tails": TailsThere, "turns": TurnsThere, "entropies": EntropiesThere}
"""By the names of the passes that are made of them."""


def _named(block: Block) -> IntArray:
    if block.sequences is None:
        raise ValueError("rows on a device come with their sequences")
    return block.sequences


def _angles(rows: Tensor, follows: BoolArray, step: float) -> Tensor:
    """(2, m) the angle at each row (m, d) between the step to it and the step from it, and 1 where there is one."""
    found = torch.zeros(2, len(rows), dtype=torch.float64, device=rows.device)
    follows_there = sent(follows, rows.device)
    tall = max(_BYTES_AT_ONCE // (8 * rows.shape[1]), 1)
    for start in range(1, len(rows) - 1, tall):
        stop = min(start + tall, len(rows) - 1)  # the rows start .. stop - 1 have one before and one after
        some = rows[start - 1 : stop + 1].double()
        steps = some[1:] - some[:-1]
        squares = torch.linalg.vecdot(steps, steps)
        longest = torch.linalg.vecdot(some, some)
        longest = torch.maximum(longest[1:], longest[:-1])
        moved = follows_there[start - 1 : stop] & (squares > (STEPS * step) ** 2 * longest)
        steps = steps / torch.where(moved, squares, 1.0).sqrt()[:, None]
        apart = torch.linalg.vector_norm(steps[1:] - steps[:-1], dim=1)
        along = torch.linalg.vector_norm(steps[1:] + steps[:-1], dim=1)
        known = moved[1:] & moved[:-1]
        found[0, start:stop] = torch.where(known, 2.0 * torch.atan2(apart, along), 0.0)
        found[1, start:stop] = known
    return found


def _gram_entropies(rows: Tensor) -> Tensor:
    """-sum p ln p of each of some sequences (s, T, d), p the eigenvalues of Z Z' over its trace; NaN where Z is 0."""
    tall = rows.shape[1] > rows.shape[2]
    products = torch.bmm(rows.mT, rows) if tall else torch.bmm(rows, rows.mT)
    values = torch.cat([torch.linalg.eigvalsh(some) for some in products.split(_MATRICES_AT_ONCE)])
    values = values.flip(-1).clamp_min(0.0)
    shares = values / values.sum(dim=1, keepdim=True)  # of 0, NaN
    rest = shares[:, 1:]
    first = torch.log1p(-rest.sum(dim=1).clamp_max(1.0 - 1.0 / values.shape[1]))  # exact where one holds nearly all
    return -shares[:, 0] * first - torch.xlogy(rest, rest).sum(dim=1)
