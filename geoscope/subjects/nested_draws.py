"""Nested draws: some of the sequences or rows of embeddings, the fewer among the more, read from where all lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.rows import IntArray, RowIndex, hash_rows, smallest
from geoscope.subjects.disjoint_draws import corpus_of, taken
from geoscope.subjects.embeddings.embeddings import Embeddings


def some_sequences(embeddings: Embeddings, count: int, seed: int) -> Embeddings:
    """So many sequences by a seeded hash, each corpus by itself, so that it keeps its share of them."""
    names = np.unique(embeddings.index.sequences)
    hashes, corpora = sequence_hashes(names, seed), corpus_of(embeddings.sample, names)
    turn = np.empty(len(names))
    for corpus in np.unique(corpora):
        own = np.flatnonzero(corpora == corpus)
        turn[own[np.argsort(hashes[own], kind="stable")]] = (np.arange(len(own)) + 0.5) / len(own)
    chosen = np.sort(names[np.argsort(turn, kind="stable")[:count]])
    return taken(embeddings, rows_of(embeddings.index, chosen), sample_of(embeddings.sample, names, chosen))


def some_rows(embeddings: Embeddings, count: int, seed: int) -> Embeddings:
    """So many rows by a seeded hash of sequence and position, whatever sequences they are of."""
    kept = smallest(hash_rows(embeddings.index, seed), count)
    names, chosen = (np.unique(each) for each in (embeddings.index.sequences, embeddings.index.sequences[kept]))
    return taken(embeddings, kept, sample_of(embeddings.sample, names, chosen))


def sequence_hashes(names: IntArray, seed: int) -> npt.NDArray[np.uint64]:
    """A seeded hash of each sequence, whatever its rows."""
    return hash_rows(RowIndex(names, np.full_like(names, -1), names), seed)


def rows_of(index: RowIndex, sequences: IntArray) -> IntArray:
    """The places of the rows of some sequences, increasing."""
    return np.flatnonzero(np.isin(index.sequences, sequences)).astype(np.int64)


def sample_of(sample: Mapping[str, Any], names: IntArray, chosen: IntArray) -> dict[str, Any]:
    """What a report says of a sample of which some sequences are left: their number, shares and fraction."""
    if not sample:
        return {}
    fraction, origin = sample.get("sampling_fraction"), corpus_of(sample, chosen)
    shares = [dict(share) for share in sample.get("corpora") or []]
    for place, share in enumerate(shares):
        share["sequences"] = int(np.sum(origin == place))
    left = None if fraction is None else fraction * len(chosen) / len(names)
    return {**sample, "sequences": len(chosen), "fingerprint": None, "corpora": shares, "sampling_fraction": left}
