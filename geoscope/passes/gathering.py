"""What is kept of a cloud while its rows stream by: sums over every row, by group of sequences, and sampled points."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.asked_sums import ASKED, OF_SEQUENCES
from geoscope.passes.attribution.holders import Holders
from geoscope.passes.by_device.group_sums import GroupSums, group_sums
from geoscope.passes.fitted_transforms import TransformedRows
from geoscope.passes.moments import BLOCK_ROWS, Frame, Moments, Sums
from geoscope.passes.row_products import sent
from geoscope.progress import Progress
from geoscope.rows import Batch, Coming, FloatArray, IntArray, Layer, RowIndex, Source, hash_rows, smallest, type_of
from geoscope.torch_state import full_precision, runs_compiled

if TYPE_CHECKING:
    from geoscope.passes.by_device.tensor_sums import TensorSums

GROUPS = 20
"""Sequences are dealt into this many groups by their place in the draw; leaving one out at a time gives errors."""


class Gathering:
    """One cloud in the making.

    layer: which it is of (None: a file's only cloud, or the union of layers).
    sample[layer]: offsets of that layer's rows among the sampled points, increasing.
    parts: GROUPS to keep sums by group of sequences, 1 to keep one sum, 0 for none.
    left_out: of each layer, the places in the index whose rows are not measured, increasing. biased: why estimates
    that samples do not bias are, of these rows. asked: which sums of ASKED to keep too, by the names of passes (others
    mean nothing here). scattered: why the rows of a sequence are no sequence. details: whether to keep who holds what.
    device: where sums are taken.
    """

    def __init__(
        self,
        layer: Layer,
        sample: dict[Layer, IntArray],
        index: RowIndex,
        *,
        parts: int,
        positions: bool,
        left_out: Mapping[Layer, IntArray] | None = None,
        biased: str | None = None,
        asked: Collection[str] = (),
        scattered: str | None = None,
        details: bool = False,
        device: str = "cpu",
    ) -> None:
        self.layer = layer
        self.holders = Holders(index, positions) if details else None
        self.sample = sample
        self.rows = 0
        self._index = index
        self._parts = parts
        self._positions = positions
        self._biased = biased
        self._asked = ASKED.keys() & set(asked)
        self._refused = {name: Undefined(scattered) for name in self._asked & OF_SEQUENCES} if scattered else {}
        sizes = [len(offsets) for offsets in sample.values()]
        self._starts = dict(zip(sample, np.cumsum([0, *sizes])[:-1].tolist(), strict=True))
        self._device = device
        self._running: GroupSums | TensorSums | None = None
        self._left_out = {layer: left_out[layer] for layer in sample if left_out and layer in left_out}
        self._awaited = np.bincount(index.sequences) * len(sample)  # rows of each sequence that have not come yet
        for places in self._left_out.values():
            np.subtract.at(self._awaited, index.sequences[places], 1)
        self._held: tuple[IntArray, Any, IntArray] | None = None  # rows of sequences that are not whole yet
        self._points: FloatArray | None = None
        self._coming: dict[Layer, tuple[IntArray, Coming]] = {}  # points that are on their way, and their places
        self.sequences = np.concatenate([index.sequences[offsets] for offsets in sample.values()])

    def add(self, offsets: IntArray, rows: dict[Layer, Any]) -> None:
        """Take in the rows (m, d) at some offsets of the index, of each of the cloud's layers that is given.

        Arrays, or tensors on the cloud's device; what a checkpoint hands over, which splits no sequence, stays there.
        """
        places = dict.fromkeys(rows, offsets)
        for layer, without in self._left_out.items():
            if layer in rows:
                kept = ~np.isin(offsets, without)
                places[layer], rows = offsets[kept], {**rows, layer: rows[layer][kept]}
        for layer, block in rows.items():
            self._keep(layer, places[layer], block)
            if self.holders is not None:
                self.holders.add(places[layer], Coming(block).array(), list(self.sample).index(layer))
            self.rows += len(block)
        if self._parts:
            joined = _joined(list(rows.values()))
            layers = np.repeat([list(self.sample).index(layer) for layer in places], [*map(len, places.values())])
            whole = self._whole_sequences(np.concatenate(list(places.values())), joined, layers)
            if len(whole[0]):
                self._add_sums(*whole)

    def taken(self, states: Any) -> Any:
        """A tensor's rows (m, d) as `add` takes them: float32, on the cloud's device."""
        rows = states.float().contiguous()
        return rows.cpu().numpy() if runs_compiled(self._device) else rows.to(self._device)

    def _whole_sequences(self, offsets: IntArray, rows: Any, layers: IntArray) -> tuple[IntArray, Any, IntArray]:
        """The rows, those held before among them, of sequences that are now whole; the others are held.

        A checkpoint hands over whole sequences; a file's blocks may cut one, or bring its rows scattered.
        """
        np.subtract.at(self._awaited, self._index.sequences[offsets], 1)
        if self._held is not None:
            offsets = np.concatenate([self._held[0], offsets])
            rows = _joined([self._held[1], rows])
            layers = np.concatenate([self._held[2], layers])
            self._held = None
        whole = self._awaited[self._index.sequences[offsets]] == 0
        if whole.all():
            return offsets, rows, layers
        self._held = offsets[~whole], rows[~whole], layers[~whole]
        return offsets[whole], rows[whole], layers[whole]

    def _add_sums(self, offsets: IntArray, rows: Any, layers: IntArray) -> None:
        if self._running is None:
            frame = Frame.around(rows[:BLOCK_ROWS], len(self._index) * len(self.sample), self._device)
            self._running = group_sums(frame, self._parts, self._asked - self._refused.keys())
        positions = self._index.positions[offsets] if self._positions else None
        several = layers if len(self.sample) > 1 else None
        self._running.add(rows, self._index.sequences[offsets], positions, several)

    def _keep(self, layer: Layer, offsets: IntArray, rows: Any) -> None:
        chosen = self.sample[layer]
        if self._points is None:
            self._points = np.empty((len(self.sequences), rows.shape[1]), dtype=type_of(rows))
        if len(chosen) == 0:
            return
        place = np.minimum(np.searchsorted(chosen, offsets), len(chosen) - 1)
        hit = np.flatnonzero(chosen[place] == offsets)
        places = self._starts[layer] + place[hit]
        if isinstance(rows, np.ndarray):
            self._points[places] = rows[hit]
        else:
            self._arrive(layer)
            self._coming[layer] = places, Coming(rows.index_select(0, sent(hit, rows.device)))

    def _arrive(self, *layers: Layer) -> None:
        """Put the points of some layers (none: of all) that are on their way in their places."""
        for layer in self._coming.keys() & set(layers or self._coming):
            places, coming = self._coming.pop(layer)
            if self._points is not None:
                self._points[places] = coming.array()

    def read(self) -> None:
        """Say that all rows have been taken in: the device keeps nothing of the cloud."""
        self._arrive()
        _ = self._sums

    @cached_property
    def _sums(self) -> list[Sums]:
        """Of each group, once all rows have been taken in."""
        running, self._running = self._running, None
        return [] if running is None else running.parts()

    @property
    def point_index(self) -> RowIndex:
        """Who each sampled point is."""
        return self._index.take(np.concatenate(list(self.sample.values())))

    @property
    def moments(self) -> Moments | Undefined:
        """Of every row seen, or why there are none."""
        if not self._sums:
            return Undefined("there are no rows")
        return self._moments(self._whole_sum())

    def moments_without(self) -> list[Moments]:
        """Of every row but those of one group of sequences, for each group in turn."""
        if len(self._sums) < 2:
            return []
        whole = self._whole_sum()
        return [self._moments(whole - part) for part in self._sums]

    def _moments(self, sums: Sums) -> Moments:
        found = sums.moments()
        if self._refused:
            found = replace(found, further={**found.further, **self._refused})
        return found if self._biased is None else replace(found, traces=replace(found.traces, biased=self._biased))

    def _whole_sum(self) -> Sums:
        if len(self._sums) == 1:
            return self._sums[0]
        return reduce(operator.iadd, self._sums, Sums(self._sums[0].frame, self._sums[0].asked))

    @property
    def zero_rows(self) -> int:
        """Rows of length 0: those that some measures leave out, and those that all do."""
        out = sum(len(places) for places in self._left_out.values())
        return out + sum(part.count - part.unit_count for part in self._sums)

    def points_at(self, offsets: IntArray) -> FloatArray:
        """The sampled points of one layer's rows at some offsets of the index, which were sampled; before they are
        taken."""
        (chosen,) = self.sample.values()
        self._arrive()
        if self._points is None:
            return np.empty((0, 1))
        return self._points if len(offsets) == len(chosen) else self._points[np.searchsorted(chosen, offsets)]

    def take_points(self) -> FloatArray:
        """The sampled points (p, d), handed over and forgotten."""
        self._arrive()
        points, self._points = self._points, None
        return np.empty((0, 1)) if points is None else points


@full_precision()
def gather(
    source: Source,
    layers: Sequence[Layer],
    *,
    union: bool,
    points: int | None,
    seed: int,
    parts: int,
    positions: bool,
    biased: str | None = None,
    asked: Collection[str] = (),
    scattered: str | None = None,
    details: bool = False,
    device: str = "cpu",
    at_once: int | None = None,
    listener: Callable[[Batch], None] | None = None,
    progress: Progress | None = None,
) -> list[Gathering]:
    """Stream a source once and return its clouds: one a layer, or with `union` one of all its layers.

    points: how many rows to sample of each cloud (None: all). parts, biased, asked, scattered, details, device: as
    of Gathering. at_once: of how many layers to read the rows at a time (None, or a union: all). listener: is given
    each batch too. positions: whether the index's positions are token positions.
    """
    out = source.left_out if isinstance(source, TransformedRows) else {}
    index = source.index
    if len(index) == 0:
        raise GeoscopeError("expected at least one row to measure, got none; draw more sequences or keep more tokens")
    samples = [union_sample(layers, index, points, seed, out)] if union else _samples(layers, index, points, seed, out)
    clouds = [
        Gathering(
            None if union else next(iter(sample)),
            sample,
            index,
            parts=parts,
            positions=positions,
            left_out=out,
            biased=biased,
            asked=asked,
            scattered=scattered,
            details=details,
            device=device,
        )
        for sample in samples
    ]  # fmt: skip
    done, total = 0, len(index) * len(layers)
    step = len(layers) if union or at_once is None else at_once
    for start in range(0, len(layers), step):
        now = layers[start : start + step]
        for batch in source.batches(now):
            held = batch.rows if runs_compiled(device) else batch.held
            for cloud in clouds:
                given = {layer: rows for layer, rows in held.items() if layer in cloud.sample}
                if given:
                    cloud.add(batch.offsets, given)
            if listener is not None:
                listener(batch)
            done += len(batch.offsets) * len(held)
            del batch, held, given  # or the last batch's rows would stay alive during the next forward pass
            if progress is not None:
                progress(done, total, "reading rows")
        for cloud in clouds:
            if cloud.sample.keys() & set(now):
                cloud.read()
    return clouds


def _joined(rows: Sequence[Any]) -> Any:
    """Rows one below the other; tensors where they are."""
    if len(rows) == 1:
        return rows[0]
    if all(isinstance(each, np.ndarray) for each in rows):
        return np.concatenate(rows)
    import torch

    return torch.cat(list(rows))


def _samples(
    layers: Sequence[Layer], index: RowIndex, points: int | None, seed: int, left_out: Mapping[Layer, IntArray]
) -> list[dict[Layer, IntArray]]:
    """The same rows of every layer, so that layers can be compared; of those that are not left out."""
    hashes = hash_rows(index, seed)
    return [{layer: _of_kept(hashes, left_out.get(layer), points)} for layer in layers]


def _of_kept(hashes: npt.NDArray[np.uint64], left_out: IntArray | None, points: int | None) -> IntArray:
    """The places of the smallest hashes that are not left out."""
    if left_out is None:
        return smallest(hashes, points)
    kept = np.setdiff1d(np.arange(len(hashes), dtype=np.int64), left_out)
    return kept[smallest(hashes[kept], points)]


def union_sample(
    layers: Sequence[Layer],
    index: RowIndex,
    points: int | None,
    seed: int,
    left_out: Mapping[Layer, IntArray] | None = None,
) -> dict[Layer, IntArray]:
    """A uniform sample of all layers' rows that are not left out: the hash sees the layer too."""
    n = len(index)
    salted = np.concatenate([hash_rows(index, seed, salt=1 + (layer or 0)) for layer in layers])
    out = [left_out[layer] + i * n for i, layer in enumerate(layers) if left_out and layer in left_out]
    picked = _of_kept(salted, np.concatenate(out) if out else None, points)
    return {layer: picked[(picked >= i * n) & (picked < (i + 1) * n)] - i * n for i, layer in enumerate(layers)}
