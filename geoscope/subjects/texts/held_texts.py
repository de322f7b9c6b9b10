"""Held texts: sequences that are given in Python rather than in a file, as a corpus."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.tables import text_cell
from geoscope.subjects.texts.corpora import Corpus, fingerprint
from geoscope.subjects.texts.text_files import COLUMNS
from geoscope.subjects.texts.words import Words

_TAKEN = "a list of texts, or a column or Dataset of them"


def corpus_held(
    held: Any, name: str = "texts", *, words: Words | None = None, text_columns: Sequence[str] | None = None
) -> Corpus:
    """Texts in Python as a corpus of that name; null and blank ones are left out, with a warning that counts them.

    held: strings in a list or another sequence, a column of a data frame, of pyarrow or of `datasets`, or a `datasets`
    Dataset with one of text_columns, a column text or sentence, or one of strings; a lone string is one text.
    Raises GeoscopeError for anything else, and where no text is left.
    """
    texts = [held] if isinstance(held, str) else _listed(held, text_columns or ())
    wrong = next((place for place, text in enumerate(texts) if text is not None and not isinstance(text, str)), None)
    if wrong is not None:
        raise GeoscopeError(
            f"expected {_TAKEN}, got a {type(texts[wrong]).__name__} in place {wrong} of {name}; mend or drop it"
        )
    for place, text in enumerate(texts):
        if text is not None:
            text_cell(text, f"place {place} of {name}")
    sequences = tuple(text for text in ((text or "").strip() for text in texts) if text)
    if len(sequences) < len(texts):
        warnings.warn(
            f"{len(texts) - len(sequences)} of {len(texts)} {name} are null or blank and left out",
            stacklevel=3,
        )
    if words is not None:
        sequences = words.lines(sequences)
    if not sequences:
        raise GeoscopeError(f"expected at least one text in {name}, got none; give some")
    return Corpus(name, sequences, fingerprint(sequences))


def _listed(held: Any, asked: Sequence[str]) -> list[Any]:
    if hasattr(held, "columns") and not hasattr(held, "column_names"):  # a data frame
        names = [str(name) for name in held.columns]
        return _listed(held[held.columns[names.index(_named(names, asked, "data frame"))]], ())
    columns = getattr(held, "column_names", None)
    if columns is not None and hasattr(held, "features"):  # a Dataset
        texts = _texts_of(held, columns)
        return list(held[_named(texts, asked, "Dataset", alone=texts[0] if len(texts) == 1 else None)])
    for method in ("to_pylist", "to_list"):  # of pyarrow, pandas and polars
        if hasattr(held, method):
            listed: list[Any] = getattr(held, method)()
            return [None if _is_null(text) else text for text in listed]
    if isinstance(held, dict) or not hasattr(held, "__iter__") or getattr(held, "ndim", 1) != 1:
        raise GeoscopeError(f"expected {_TAKEN}, got a {type(held).__name__}; give its texts")
    return list(held)


def _is_null(text: Any) -> bool:
    """None, or what pandas writes for it."""
    return text is None or (isinstance(text, float) and text != text) or str(text) == "<NA>"


def _named(names: Sequence[str], asked: Sequence[str], kind: str, *, alone: str | None = None) -> str:
    """The name of the column of texts: one asked for, else as files call it, else the one that stands alone."""
    found = next((name for name in asked or COLUMNS if name in names), None if asked else alone)
    if found is None:
        raise GeoscopeError(
            f"expected a {kind} with a column {' or '.join(asked or COLUMNS)}, got the columns {', '.join(names)}; "
            "give the column of texts, or name it as text_columns"
        )
    return found


def _texts_of(held: Any, columns: Sequence[str]) -> list[str]:
    """A Dataset's columns of strings."""
    return [name for name in columns if getattr(held.features[name], "dtype", None) in ("string", "large_string")]
