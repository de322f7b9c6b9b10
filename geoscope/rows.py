"""Rows: who each one is, and how a subject hands them over, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Layer = int | None
"""A layer's number (0 is the embedding layer), or None for a file that is one cloud."""


@dataclass(frozen=True)
class RowIndex:
    """Who each of n rows is: three int64 arrays of shape (n,).

    sequences: the sequence's place in the draw (a file: its group, or the row's own number).
    positions: the token's place in its sequence; -1 for a pooled row; in a grouped file the order in the group.
    token_ids: the tokenizer's id; -1 where there is none.
    """

    sequences: IntArray
    positions: IntArray
    token_ids: IntArray

    def __len__(self) -> int:
        return len(self.sequences)

    def take(self, chosen: IntArray) -> RowIndex:
        return RowIndex(self.sequences[chosen], self.positions[chosen], self.token_ids[chosen])


@dataclass(frozen=True)
class Batch:
    """Some rows of every asked layer, each (m, d), where they were made: row i is row `offsets[i]` of the index.

    held: arrays on the CPU, or torch tensors on another device. rows: the same on the CPU, which takes a copy then.
    """

    offsets: IntArray
    held: Mapping[Layer, Any]

    @cached_property
    def rows(self) -> Mapping[Layer, FloatArray]:
        coming = {layer: Coming(rows) for layer, rows in self.held.items()}
        return {layer: each.array() for layer, each in coming.items()}


class Coming:
    """Rows on their way to the CPU, by a copy that a GPU makes beside its work; an array is there already."""

    def __init__(self, rows: Any) -> None:
        self._rows, self._arrived = rows, None
        if isinstance(rows, np.ndarray):
            return
        if rows.device.type != "cuda":
            self._rows = rows.cpu().numpy()
            return
        import torch

        here = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
        here.copy_(rows, non_blocking=True)
        self._arrived = torch.cuda.Event()
        self._arrived.record(torch.cuda.current_stream(rows.device))
        self._rows = here.numpy()

    def array(self) -> FloatArray:
        """The rows, waited for where that is still needed."""
        if self._arrived is not None:
            self._arrived.synchronize()
        array: FloatArray = self._rows
        return array


def type_of(rows: Any) -> np.dtype[Any]:
    """The type of the numbers of an array, or of a tensor."""
    return np.dtype(str(rows.dtype).removeprefix("torch."))


class Source(Protocol):
    """Where rows come from: a checkpoint reading text, or embeddings on disk."""

    @property
    def layers(self) -> tuple[Layer, ...]: ...

    @property
    def index(self) -> RowIndex: ...

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """Every row of every asked layer exactly once, in any order."""
        ...


def smallest(hashes: npt.NDArray[np.uint64], points: int | None) -> IntArray:
    """Which rows have the `points` smallest hashes (ties by place), increasing; all of them for None.

    With `hash_rows` a uniform sample without replacement that depends on neither order nor batching.
    """
    if points is None or points >= len(hashes):
        return np.arange(len(hashes), dtype=np.int64)
    chosen = np.argsort(hashes, kind="stable")[:points]
    return np.sort(chosen).astype(np.int64)


def hash_rows(index: RowIndex, seed: int, salt: int = 0) -> npt.NDArray[np.uint64]:
    """Seeded splitmix64 of each row's (sequence, position); another salt gives another sample of the same seed."""
    state = _splitmix(np.full(len(index), seed, dtype=np.int64).view(np.uint64))
    if salt:
        state = _splitmix(state ^ np.uint64(salt))
    state = _splitmix(state ^ index.sequences.astype(np.int64).view(np.uint64))
    return _splitmix(state ^ index.positions.astype(np.int64).view(np.uint64))


def _splitmix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def non_finite(rows: Mapping[Layer, Any]) -> dict[Layer, int]:
    """How many of each layer's rows (m, d), arrays or tensors, hold a value that is not finite.

    A sum over all values is finite only if they all are, so the values are looked at one by one only when it is
    not: then they may still all be finite, and large. Tensors are waited for once.
    """
    if all(isinstance(each, np.ndarray) for each in rows.values()):
        return {layer: non_finite_rows(each) for layer, each in rows.items()}
    import torch

    sums = torch.stack([torch.as_tensor(each).sum() for each in rows.values()]).cpu().numpy()
    return {
        layer: 0 if np.isfinite(total) else int((~torch.as_tensor(each).isfinite().all(dim=1)).sum())
        for total, (layer, each) in zip(sums, rows.items(), strict=True)
    }


def non_finite_rows(rows: FloatArray) -> int:
    """How many of the (m, d) rows hold a value that is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = rows.sum()
    return 0 if np.isfinite(total) else int((~np.isfinite(rows).all(axis=1)).sum())
