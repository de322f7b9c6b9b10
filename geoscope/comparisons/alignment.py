"""Measuring again at a common number of rows, for subjects whose tokenizers made different numbers of them.

What is aligned: the rows. Of each subject with more rows than the one with fewest, a uniform sample of that many is
kept, by the same seeded hash of (sequence, position) that chooses the points, and every measure sees only these; the
sampled points come down to the common number too. What is not: which tokens they are, and the rows that drop out
later as duplicates. The sequences stay those that were drawn, so that the comparison stays paired.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geoscope import measuring
from geoscope.comparisons.comparing import measure_options, reads_text
from geoscope.report import Report
from geoscope.rows import Batch, Layer, RowIndex, Source, hash_rows, smallest
from geoscope.subjects.array_files import matrix
from geoscope.subjects.embedding_folders import write_embeddings
from geoscope.subjects.embeddings import Embeddings, array_embeddings, open_embeddings
from geoscope.subjects.layers import resolve_layers
from geoscope.subjects.text_subjects import open_text_subject

_OF_READING = (
    "corpora", "split", "words", "sequences", "max_length", "pooling", "tokens", "layers", "seed", "device", "dtype",
    "batch_tokens", "revision", "trust_remote_code", "allow_pickle", "progress",
)  # fmt: skip
_OF_DRAWING = (
    "corpora", "split", "sequences", "max_length", "pooling", "groups", "batch_tokens", "revision",
    "trust_remote_code", "allow_pickle", "dtype", "words", "protocol",
)  # fmt: skip


class Thinned:
    """Some rows of a source, as a source."""

    def __init__(self, source: Source, rows: int, seed: int) -> None:
        self._source = source
        self._kept = smallest(hash_rows(source.index, seed), rows)
        self.index: RowIndex = source.index.take(self._kept)

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self._source.layers

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """The kept rows of every asked layer, numbered anew."""
        for batch in self._source.batches(layers):
            place = np.searchsorted(self._kept, batch.offsets)
            hit = self._kept[np.minimum(place, len(self._kept) - 1)] == batch.offsets
            if hit.any():
                rows = {layer: block[hit] for layer, block in batch.rows.items()}
                yield Batch(place[hit].astype(np.int64), rows)


def measure_again(subject: Any, report: Report, rows: int, points: int, options: Mapping[str, Any]) -> Report:
    """A subject's report from only so many of its rows and points, otherwise as it was measured."""
    chosen = measure_options(subject, report, options)
    kept = {name: value for name, value in chosen.items() if name not in _OF_DRAWING} | {"points": points}
    source = _open(subject, chosen)
    thinned = Thinned(source, round(rows * len(source.index) / report.sample.rows), report.sample.seed)
    if thinned.layers == (None,):
        cloud = np.concatenate([batch.rows[None] for batch in thinned.batches()])
        measured = measuring.measure(cloud, groups=thinned.index.sequences, **kept)
        sample = {"rows": measured.sample.rows, "points": measured.sample.points, "dropped": measured.sample.dropped}
        measured = measured.model_copy(update={"sample": report.sample.model_copy(update=sample)})
    else:
        with tempfile.TemporaryDirectory(prefix="geoscope-") as folder:
            described = report.model_dump(mode="json", include={"subject", "sample", "settings"})
            described["sample"].pop("dropped", None)
            write_embeddings(Path(folder) / "rows", thinned, **described)
            measured = measuring.measure(Path(folder) / "rows", **kept)
    return measured.model_copy(update={"subject": report.subject})


def _open(subject: Any, options: Mapping[str, Any]) -> Source:
    if reads_text(subject):
        source, _, _ = open_text_subject(
            str(subject), **{name: options[name] for name in _OF_READING if name in options}
        )
        return source
    if isinstance(subject, (str, os.PathLike)):
        return _layers_of(open_embeddings(Path(subject), groups=options.get("groups")), options)
    return array_embeddings(subject, groups=options.get("groups"))


def _layers_of(embeddings: Embeddings, options: Mapping[str, Any]) -> Embeddings:
    """The embeddings of the asked layers only, so that no other is copied."""
    chosen = resolve_layers(options.get("layers", "last"), embeddings.layers)
    return Embeddings(
        {layer: matrix(embeddings.rows(layer), embeddings.name) for layer in chosen}, embeddings.index,
        name=embeddings.name,
    )  # fmt: skip
