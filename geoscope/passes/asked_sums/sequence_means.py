"""Means over sequences of what each is by itself: how its rows turn from token to token, how they spread.

Under a union of layers each layer's rows of a sequence count as a sequence. A sequence of which nothing can be told is
left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from geoscope.passes.asked_sums.sums import AskedSums, Block, runs
from geoscope.passes.eigenvalues import eigenvalues
from geoscope.passes.rounding import STEPS
from geoscope.passes.row_products import tensor_of
from geoscope.rows import BoolArray, Float64, FloatArray, IntArray

_AT_ONCE = 2**17  # numbers whose differences stay in cache
_STRAIGHT = 0.9  # cosines beyond this tell too little of an angle


@dataclass
class Turns(AskedSums):
    """Angles between successive steps from token to token, in radians, averaged in each sequence.

    total: the sum over sequences of these means. sequences, rows: how many have one, and of how many rows they are.
    placed: rows whose position in their sequence is known.
    """

    total: float = 0.0
    sequences: int = 0
    rows: int = 0
    placed: int = 0

    def add(self, block: Block) -> None:
        strands = strands_of(block)
        if strands is not None:
            self.take(*_angles(block.given[strands.order], strands.follows, block.step), strands)

    def take(self, angles: Float64, known: BoolArray, strands: Strands, chosen: BoolArray | None = None) -> None:
        """Take in the angle at each row (m,) and whether there is one, in the strands' order; of chosen rows (m,),
        which are whole sequences (None: all)."""
        starts = strands.starts
        counts = np.add.reduceat(known.astype(np.int64), starts)
        sums = np.add.reduceat(angles, starts)
        told = counts > 0 if chosen is None else (counts > 0) & chosen[starts]
        self.placed += len(angles) if chosen is None else int(chosen.sum())
        self.total += float(np.sum(sums[told] / counts[told]))
        self.sequences += int(told.sum())
        self.rows += int(np.diff(np.r_[starts, len(angles)])[told].sum())


@dataclass(frozen=True)
class Strands:
    """A block's rows one after another, as they follow in their sequences.

    order: what puts the rows so. follows: (m - 1,) whether a row's next is the next token of the same. starts: where
    each strand begins.
    """

    order: IntArray | slice
    follows: BoolArray
    starts: IntArray


def strands_of(block: Block) -> Strands | None:
    """The strands of a block's rows; None where nobody knows how these follow each other."""
    if block.positions is None or block.sequences is None:
        return None
    order, whose = _in_strands(block)
    positions = block.positions[order]
    follows = (positions[1:] == positions[:-1] + 1) & np.all([each[1:] == each[:-1] for each in whose], axis=0)
    return Strands(order, follows, runs(*whose))


def _in_strands(block: Block) -> tuple[IntArray | slice, list[IntArray]]:
    """The block's order, and by it whose each row is; rows of the same position count as copies of a sequence, each
    with the rows before and after it."""
    order = block.order
    whose = [each[order] for each in block.whose]
    if block.positions is None:
        return order, whose
    starts, places = runs(*whose, block.positions[order]), np.arange(len(block.given))
    if len(starts) == len(places):
        return order, whose
    copy = places - np.repeat(starts, np.diff(np.r_[starts, len(places)]))
    again = np.lexsort((places, copy, *reversed(whose)))
    return places[order][again], [*(each[again] for each in whose), copy[again]]


def _angles(rows: FloatArray, follows: BoolArray, step: float) -> tuple[Float64, BoolArray]:
    """(m,) the angle at each row between the step to it and the step from it, and whether there is one."""
    angles, known = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
    tall = max(_AT_ONCE // rows.shape[1], 1)
    for start in range(1, len(rows) - 1, tall):
        stop = min(start + tall, len(rows) - 1)  # the rows start .. stop - 1 have one before and one after
        some = rows[start - 1 : stop + 1].astype(np.float64, copy=False)
        steps = some[1:] - some[:-1]
        squares = np.einsum("ij,ij->i", steps, steps)
        longest = np.einsum("ij,ij->i", some, some)
        longest = np.maximum(longest[1:], longest[:-1])
        moved = follows[start - 1 : stop] & (squares > (STEPS * step) ** 2 * longest)
        which = np.flatnonzero(moved[1:] & moved[:-1])
        lengths = np.sqrt(squares)
        cosines = np.einsum("ij,ij->i", steps[which], steps[which + 1]) / (lengths[which] * lengths[which + 1])
        angles[start + which] = _exactly(steps, lengths, which, cosines)
        known[start + which] = True
    return angles, known


def _exactly(steps: Float64, lengths: Float64, which: IntArray, cosines: Float64) -> Float64:
    """The angles between steps and those after them; nearly parallel ones by how far their unit vectors lie apart."""
    found: Float64 = np.arccos(np.clip(cosines, -1.0, 1.0))
    near = np.flatnonzero(np.abs(cosines) > _STRAIGHT)
    if len(near):
        at = which[near]
        one, other = steps[at] / lengths[at, None], steps[at + 1] / lengths[at + 1, None]
        found[near] = 2.0 * np.arctan2(np.linalg.norm(one - other, axis=1), np.linalg.norm(one + other, axis=1))
    return found


@dataclass
class SpectralEntropies(AskedSums):
    """The entropy of the Gram spectrum of each sequence's rows as they are, over ln min(T, d), T its rows.

    total: the sum over sequences. sizes: how many sequences of T rows have one.
    """

    total: float = 0.0
    sizes: Counter[int] = field(default_factory=Counter)

    @property
    def sequences(self) -> int:
        return self.sizes.total()

    @property
    def rows(self) -> int:
        return sum(size * count for size, count in self.sizes.items())

    def add(self, block: Block) -> None:
        if block.sequences is None or self.dimension < 2:
            return
        for size, places in sequences_of_each_size(block):
            self.take(size, gram_entropies(block.given[places].astype(np.float64, copy=False)))

    def take(self, size: int, entropies: Float64) -> None:
        """Take in the entropies (s,) of some sequences of `size` rows, NaN where there is none."""
        told = entropies[np.isfinite(entropies)] / np.log(min(size, self.dimension))
        self.total += float(told.sum())
        self.sizes[size] += len(told)


def sequences_of_each_size(block: Block) -> Iterator[tuple[int, IntArray]]:
    """The sequences of two rows or more, those of one length together: T, and where in the block their rows are
    (s, T)."""
    order = block.order
    starts = runs(*(each[order] for each in block.whose))
    sizes = np.diff(np.r_[starts, len(block.given)])
    for size in np.unique(sizes[sizes > 1]).tolist():
        places = starts[sizes == size][:, None] + np.arange(size)
        yield size, places if isinstance(order, slice) else order[places]


def gram_entropies(rows: Float64) -> Float64:
    """-sum p ln p of each of some sequences (s, T, d), p the eigenvalues of Z Z' over its trace; NaN where Z is 0."""
    import torch

    given = tensor_of(rows)
    tall = rows.shape[1] > rows.shape[2]
    products = torch.bmm(given.transpose(1, 2), given) if tall else torch.bmm(given, given.transpose(1, 2))
    values = np.clip(eigenvalues(products.numpy()), 0.0, None)
    traces = values.sum(axis=1)
    shares = np.divide(values, traces[:, None], out=np.full_like(values, np.nan), where=traces[:, None] > 0)
    rest = shares[:, 1:]
    logs = np.log(rest, out=np.zeros_like(rest), where=rest > 0)
    first = np.log1p(-np.minimum(rest.sum(axis=1), 1.0 - 1.0 / values.shape[1]))  # exact where one holds nearly all
    entropies: Float64 = -shares[:, 0] * first - np.sum(rest * logs, axis=1)
    return entropies
