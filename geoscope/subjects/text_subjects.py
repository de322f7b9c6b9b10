"""Text subjects: a checkpoint and its corpora, from names to an extraction and what a report says of both."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from geoscope.rows import Progress
from geoscope.subjects.checkpoints import Checkpoint, load_checkpoint
from geoscope.subjects.corpora import draw, load_corpus
from geoscope.subjects.embedding_folders import check_output, write_embeddings
from geoscope.subjects.embeddings import Embeddings
from geoscope.subjects.extraction import Extraction
from geoscope.subjects.layers import Wanted
from geoscope.subjects.words import parse_words

LOADING = ("revision", "device", "dtype", "trust_remote_code", "allow_pickle")
"""The options of `measure` that say how a checkpoint is loaded."""

READING = (
    "corpora", "split", "words", "sequences", "max_length", "layers", "pooling", "tokens", "seed", "batch_tokens",
)  # fmt: skip
"""Those that say which text it reads, and which rows come of that."""


class TextSubject(NamedTuple):
    """A checkpoint and its drawn, tokenized text: the rows to be read, and what a report says of both.

    The model is read anew whenever the rows are, so that what it gives follows its weights.
    """

    extraction: Extraction
    about: dict[str, Any]
    sample: dict[str, Any]


def open_text_subject(
    subject: str | Checkpoint,
    *,
    corpora: Sequence[str] | None = None,
    sequences: int = 5000,
    max_length: int = 128,
    layers: Wanted = "last",
    pooling: str = "tokens",
    tokens: str = "all",
    seed: int = 0,
    device: str = "auto",
    dtype: str = "auto",
    batch_tokens: int | None = None,
    split: Sequence[str] | str | None = None,
    words: str | None = None,
    trust_remote_code: bool = False,
    revision: str | None = None,
    allow_pickle: bool = False,
    progress: Progress | None = None,
) -> TextSubject:
    """The rows to be read, and the report's words on where they come from.

    subject: a checkpoint's name, or one that is loaded. corpora: specs as of --corpus; by default `sample` for `demo`,
    else `ptb` and `wikitext2`. words: MIN-MAX, see `words.py`. What a user should hear of the draw is in
    `extraction.warnings`. Raises GeoscopeError for any user's mistake.
    """
    name = subject.name if isinstance(subject, Checkpoint) else subject
    specs = list(corpora) if corpora else ["sample"] if name == "demo" else ["ptb", "wikitext2"]
    splits = [split] if isinstance(split, str) else split
    kept = None if words is None else parse_words(words)
    drawn = draw([load_corpus(spec, splits=splits, words=kept) for spec in specs], sequences, seed)
    checkpoint = (
        subject
        if isinstance(subject, Checkpoint)
        else load_checkpoint(
            subject,
            revision=revision,
            device=device,
            dtype=dtype,
            trust_remote_code=trust_remote_code,
            allow_pickle=allow_pickle,
        )
    )
    extraction = Extraction(
        checkpoint,
        drawn.texts,
        pooling=pooling,
        tokens=tokens,
        max_length=max_length,
        layers=layers,
        seed=seed,
        batch_tokens=batch_tokens,
        progress=progress,
        warnings=drawn.warnings,
    )
    sample = {
        "corpora": [
            {"name": share.name, "fingerprint": share.fingerprint, "sequences": share.sequences}
            for share in drawn.corpora
        ],
        "sequences": len(drawn.texts),
        "rows": len(extraction.index),
        "pooling": pooling,
        "max_length": max_length,
        "seed": seed,
        "fingerprint": drawn.fingerprint,
        "sampling_fraction": drawn.fraction,
    }
    return TextSubject(extraction, _describe(extraction), sample)


def extract(
    subject: str,
    *,
    corpora: Sequence[str] | None = None,
    sequences: int = 5000,
    max_length: int = 128,
    layers: Wanted = "last",
    pooling: str = "tokens",
    tokens: str = "all",
    seed: int = 0,
    device: str = "auto",
    dtype: str = "auto",
    batch_tokens: int | None = None,
    split: Sequence[str] | str | None = None,
    words: str | None = None,
    trust_remote_code: bool = False,
    revision: str | None = None,
    allow_pickle: bool = False,
    output: str | Path | None = None,
    progress: Progress | None = None,
) -> Embeddings:
    """Embeddings of a checkpoint over its corpora, in the folder `output`, else in a temporary one.

    `.rows(layer)` is an (n, d) float32 array. Under `union` the layers are written one by one.
    """
    if output is not None:
        check_output(Path(output).expanduser())
    extraction, described, sample = open_text_subject(
        subject,
        corpora=corpora,
        sequences=sequences,
        max_length=max_length,
        layers=layers,
        pooling=pooling,
        tokens=tokens,
        seed=seed,
        device=device,
        dtype=dtype,
        batch_tokens=batch_tokens,
        split=split,
        words=words,
        trust_remote_code=trust_remote_code,
        revision=revision,
        allow_pickle=allow_pickle,
        progress=progress,
    )
    for warning in extraction.warnings:
        warnings.warn(warning, stacklevel=2)
    settings = {
        "layers": list(extraction.layers),
        "pooling": pooling,
        "tokens": tokens,
        "max_length": max_length,
        "sequences": sequences,
        "split": [split] if isinstance(split, str) else None if split is None else list(split),
        "seed": seed,
        "dtype": extraction.checkpoint.dtype,
        **({} if words is None else {"words": words}),
    }
    temporary = tempfile.TemporaryDirectory(prefix="geoscope-") if output is None else None
    folder = Path(temporary.name) / "embeddings" if temporary is not None else Path(str(output))
    written = write_embeddings(folder, extraction, subject=described, sample=sample, settings=settings)
    written.keep(temporary)
    return written


def _describe(extraction: Extraction) -> dict[str, Any]:
    checkpoint = extraction.checkpoint
    return {
        "name": checkpoint.name,
        "kind": "checkpoint",
        "architecture": checkpoint.architecture,
        "revision": checkpoint.revision,
        "fingerprint": checkpoint.fingerprint,
        "parameters": checkpoint.parameters,
        "layers": checkpoint.layers,
        "hidden_size": checkpoint.hidden_size,
    }
