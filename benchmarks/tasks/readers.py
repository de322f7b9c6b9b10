"""Readers of files that people hand over."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.tasks.measuring import keys


def rows(path: str) -> Callable[[], dict[str, Any]]:
    """A pass over embeddings in a file, opened before."""
    from geoscope.subjects.embeddings.embedding_files import open_embeddings

    embeddings = open_embeddings(path)

    def run() -> dict[str, Any]:
        return {"total": sum(float(batch.rows[None].sum()) for batch in embeddings.batches())}

    return run


def pyarrow_rows(path: str) -> Callable[[], dict[str, Any]]:
    """The same by pyarrow's streaming reader, blocks of 4 MB, as rows of float32."""
    import pyarrow as pa
    from pyarrow import csv

    with csv.open_csv(path) as reader:
        kinds = dict.fromkeys(reader.schema.names, pa.float32())

    def run() -> dict[str, Any]:
        total = 0.0
        with csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=4 << 20),
            convert_options=csv.ConvertOptions(column_types=kinds),
        ) as reader:
            for batch in reader:
                block = np.column_stack([column.to_numpy(zero_copy_only=False) for column in batch.columns])
                total += float(block.sum())
        return {"total": total}

    return run


def measured(path: str) -> Callable[[], dict[str, Any]]:
    """The spectral measures of embeddings in a file, opening and all."""
    import geoscope

    chosen = keys("spectral")
    few = np.random.default_rng(0).standard_normal((200, 8))
    geoscope.measure(few, measures=chosen, errors=False, null="none")  # imports, compiles, starts threads

    def run() -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = geoscope.measure(path, measures=chosen, errors=False, null="none")
        return {"rows": report.sample.rows}

    return run


def drawn(path: str, sequences: int) -> Callable[[], dict[str, Any]]:
    """A corpus in a file, read, counted, fingerprinted and drawn from."""
    from geoscope.subjects.texts.corpora import draw, load_corpus

    def run() -> dict[str, Any]:
        corpus = load_corpus(path)
        return {"sequences": len(corpus.sequences), "drawn": len(draw([corpus], sequences, 0).texts)}

    return run
