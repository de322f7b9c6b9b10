"""Parts: embeddings split by sequence into disjoint draws, read from where the whole lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.rows import FloatArray, IntArray
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.row_files.array_files import BLOCK_BYTES

_FEWEST = 2  # sequences in a part


@dataclass(frozen=True)
class ChosenRows:
    """Some rows of an array, perhaps on disk, as a Matrix."""

    array: FloatArray
    chosen: IntArray

    @property
    def shape(self) -> tuple[int, int]:
        return (len(self.chosen), int(self.array.shape[1]))

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        """(first row, rows), in order."""
        step = max(1, BLOCK_BYTES // (self.shape[1] * self.dtype.itemsize))
        for start in range(0, len(self.chosen), step):
            yield start, np.ascontiguousarray(self.array[self.chosen[start : start + step]])

    def whole(self) -> FloatArray:
        return self.array[self.chosen]


def split_sequences(embeddings: Embeddings, parts: int, seed: int) -> list[Embeddings]:
    """Disjoint parts that hold every sequence between them, each as many (give or take one), dealt by a seeded shuffle.

    Each corpus is dealt by itself, so that every part has the same shares of them, as another draw would.
    Raises GeoscopeError where there are fewer than two sequences a part.
    """
    names, place = np.unique(embeddings.index.sequences, return_inverse=True)
    if len(names) < _FEWEST * parts:
        raise GeoscopeError(
            f"expected at least {_FEWEST * parts} sequences for {parts} draws, got {len(names)} in {embeddings.name}; "
            "give more --sequences or fewer --draws"
        )
    shuffled = np.random.default_rng([seed, 0x70617274]).permutation(len(names))
    dealt = np.lexsort((shuffled, corpus_of(embeddings.sample, names)))
    part = np.empty(len(names), dtype=np.int64)
    part[dealt] = np.arange(len(names)) % parts
    return [
        taken(embeddings, np.flatnonzero(part[place] == number).astype(np.int64), embeddings.sample, renumbered=False)
        for number in range(parts)
    ]


def taken(
    embeddings: Embeddings, chosen: IntArray, sample: Mapping[str, Any], *, renumbered: bool = True
) -> Embeddings:
    """Some rows of embeddings, as a report tells of the whole.

    renumbered: whether sequences are counted anew, so that every group of them is filled.
    """
    index = embeddings.index.take(chosen)
    if renumbered:
        _, place = np.unique(index.sequences, return_inverse=True)
        index = replace(index, sequences=place.astype(np.int64))
    return Embeddings(
        {layer: ChosenRows(embeddings.rows(layer), chosen) for layer in embeddings.layers},
        index,
        name=embeddings.name,
        subject=embeddings.subject or {
            "name": embeddings.name, "kind": "embeddings", "fingerprint": embeddings.fingerprint,
            "hidden_size": embeddings.hidden_size,
        },
        sample=sample,
        settings=embeddings.settings,
        groups_known=embeddings.groups_known,
    )  # fmt: skip


def corpus_of(sample: Mapping[str, Any], sequences: IntArray) -> IntArray:
    """Which of a sample's corpora each sequence is from, by its place: drawn sequences come corpus after corpus."""
    shares = [int(share["sequences"]) for share in sample.get("corpora") or []]
    return np.searchsorted(np.cumsum(shares), sequences, side="right").astype(np.int64)
