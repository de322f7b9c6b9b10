"""What is kept of a cloud while its rows stream by: sums over every row, by group of sequences, and sampled points."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.moments import BLOCK_ROWS, Frame, Moments, Sums
from geoscope.progress import Progress
from geoscope.rows import FloatArray, IntArray, Layer, RowIndex, Source, hash_rows, smallest

GROUPS = 20
"""Sequences are dealt into this many groups by their place in the draw; leaving one out at a time gives errors."""


class Gathering:
    """One cloud in the making.

    layer: which it is of (None: a file's only cloud, or the union of layers).
    sample[layer]: offsets of that layer's rows among the sampled points, increasing.
    parts: GROUPS to keep sums by group of sequences, 1 to keep one sum, 0 for none.
    """

    def __init__(
        self, layer: Layer, sample: dict[Layer, IntArray], index: RowIndex, *, parts: int, positions: bool
    ) -> None:
        self.layer = layer
        self.sample = sample
        self.rows = 0
        self._index = index
        self._parts = parts
        self._positions = positions
        sizes = [len(offsets) for offsets in sample.values()]
        self._starts = dict(zip(sample, np.cumsum([0, *sizes])[:-1].tolist(), strict=True))
        self._sums: list[Sums] = []
        self._awaited = np.bincount(index.sequences) * len(sample)  # rows of each sequence that have not come yet
        self._held: tuple[IntArray, FloatArray] | None = None  # rows of sequences that are not whole yet
        self._points: FloatArray | None = None
        self.sequences = np.concatenate([index.sequences[offsets] for offsets in sample.values()])

    def add(self, offsets: IntArray, rows: dict[Layer, FloatArray]) -> None:
        """Take in the rows (m, d) at some offsets of the index, of each of the cloud's layers that is given."""
        for layer, block in rows.items():
            self._keep(layer, offsets, block)
            self.rows += len(block)
        if self._parts:
            joined = next(iter(rows.values())) if len(rows) == 1 else np.concatenate(list(rows.values()))
            offsets, joined = self._whole_sequences(np.tile(offsets, len(rows)), joined)
            if len(offsets):
                self._add_sums(offsets, joined)

    def _whole_sequences(self, offsets: IntArray, rows: FloatArray) -> tuple[IntArray, FloatArray]:
        """The rows, those held before among them, of sequences that are now whole; the others are held.

        A checkpoint hands over whole sequences; a file's blocks may cut one, or bring its rows scattered.
        """
        np.subtract.at(self._awaited, self._index.sequences[offsets], 1)
        if self._held is not None:
            offsets = np.concatenate([self._held[0], offsets])
            rows = np.concatenate([self._held[1], rows])
            self._held = None
        whole = self._awaited[self._index.sequences[offsets]] == 0
        if whole.all():
            return offsets, rows
        self._held = offsets[~whole], rows[~whole]
        return offsets[whole], rows[whole]

    def _add_sums(self, offsets: IntArray, rows: FloatArray) -> None:
        if not self._sums:
            frame = Frame.around(rows[:BLOCK_ROWS], len(self._index) * len(self.sample))
            self._sums = [Sums(frame) for _ in range(self._parts)]
        sequences = self._index.sequences[offsets]
        if self._parts == 1 and (sequences[1:] >= sequences[:-1]).all():  # in order already: no copy
            self._sums[0].add(rows, self._index.positions[offsets] if self._positions else None, sequences)
            return
        part = sequences % self._parts
        order = np.lexsort((sequences, part))
        bounds = np.searchsorted(part[order], np.arange(self._parts + 1))
        for sums, start, stop in zip(self._sums, bounds[:-1], bounds[1:], strict=True):
            mine = order[start:stop]
            positions = self._index.positions[offsets[mine]] if self._positions else None
            sums.add(rows[mine], positions, sequences[mine])

    def _keep(self, layer: Layer, offsets: IntArray, rows: FloatArray) -> None:
        chosen = self.sample[layer]
        if self._points is None:
            self._points = np.empty((len(self.sequences), rows.shape[1]), dtype=rows.dtype)
        if len(chosen) == 0:
            return
        place = np.minimum(np.searchsorted(chosen, offsets), len(chosen) - 1)
        hit = chosen[place] == offsets
        self._points[self._starts[layer] + place[hit]] = rows[hit]

    @property
    def moments(self) -> Moments | Undefined:
        """Of every row seen, or why there are none."""
        if not self._sums:
            return Undefined("there are no rows")
        return self._whole_sum().moments()

    def moments_without(self) -> list[Moments]:
        """Of every row but those of one group of sequences, for each group in turn."""
        if len(self._sums) < 2:
            return []
        whole = self._whole_sum()
        return [(whole - part).moments() for part in self._sums]

    def _whole_sum(self) -> Sums:
        if len(self._sums) == 1:
            return self._sums[0]
        return reduce(operator.iadd, self._sums, Sums(self._sums[0].frame))

    @property
    def zero_rows(self) -> int:
        return sum(part.count - part.unit_count for part in self._sums)

    def take_points(self) -> FloatArray:
        """The sampled points (p, d), handed over and forgotten."""
        points, self._points = self._points, None
        return np.empty((0, 1)) if points is None else points


def gather(
    source: Source,
    layers: Sequence[Layer],
    *,
    union: bool,
    points: int | None,
    seed: int,
    parts: int,
    positions: bool,
    progress: Progress | None = None,
) -> list[Gathering]:
    """Stream a source once and return its clouds: one a layer, or with `union` one of all its layers.

    points: how many rows to sample of each cloud (None: all). parts: as of Gathering.
    positions: whether the index's positions are token positions.
    """
    index = source.index
    if len(index) == 0:
        raise GeoscopeError("expected at least one row to measure, got none; draw more sequences or keep more tokens")
    samples = [union_sample(layers, index, points, seed)] if union else _samples(layers, index, points, seed)
    clouds = [
        Gathering(None if union else next(iter(sample)), sample, index, parts=parts, positions=positions)
        for sample in samples
    ]
    done, total = 0, len(index) * len(layers)
    for batch in source.batches(layers):
        for cloud in clouds:
            given = {layer: rows for layer, rows in batch.rows.items() if layer in cloud.sample}
            if given:
                cloud.add(batch.offsets, given)
        done += len(batch.offsets) * len(batch.rows)
        del batch, given  # or the last batch's rows would stay alive during the next forward pass
        if progress is not None:
            progress(done, total, "reading rows")
    return clouds


def _samples(layers: Sequence[Layer], index: RowIndex, points: int | None, seed: int) -> list[dict[Layer, IntArray]]:
    """The same rows of every layer, so that layers can be compared."""
    chosen = smallest(hash_rows(index, seed), points)
    return [{layer: chosen} for layer in layers]


def union_sample(layers: Sequence[Layer], index: RowIndex, points: int | None, seed: int) -> dict[Layer, IntArray]:
    """A uniform sample of all layers' rows: the hash sees the layer too."""
    n = len(index)
    salted = np.concatenate([hash_rows(index, seed, salt=1 + (layer or 0)) for layer in layers])
    picked = smallest(salted, points)
    return {layer: picked[(picked >= i * n) & (picked < (i + 1) * n)] - i * n for i, layer in enumerate(layers)}
