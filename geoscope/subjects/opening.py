"""Opening: any SUBJECT as rows to be read. The one ladder that every command climbs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.rows import Layer, Source
from geoscope.run_folders import ClaimedFolder
from geoscope.settings.measuring import ReadingKeywords, ReadingOptions, Seed
from geoscope.settings.option import fields_of, part
from geoscope.subjects.embeddings.embedding_files import open_embeddings
from geoscope.subjects.embeddings.embedding_folders import read_folder
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.embeddings.kept_rows import Keeping, open_kept
from geoscope.subjects.embeddings.objects import object_embeddings
from geoscope.subjects.kinds import Kind, expect, is_extracted
from geoscope.subjects.layers import resolve_layers
from geoscope.subjects.text_subjects import Planned, TextSubject, keep_embeddings, open_text_subject

_WITH_ROWS = "a subject with rows to read"


@dataclass(frozen=True)
class Opened:
    """A subject ready to be read, and what a report says of it.

    token_positions: whether rows are tokens, which have a place in their sequence. read_with: the settings that rows
    were made with before. identity: what rows that take time to read follow from; None of others.
    """

    source: Source
    layers: tuple[Layer, ...]
    subject: dict[str, Any]
    sample: dict[str, Any]
    token_positions: bool
    read_with: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] | None = None


def opened(subject: Any, options: Mapping[str, Any], planned: Planned | None = None) -> Opened:
    """A subject's rows: an array, Embeddings or their file or folder, a checkpoint, or a TextSubject opened before.

    options: keywords of `measure`, of which those that bear on rows are taken. planned: told of a checkpoint's rows
    before it is loaded. Raises GeoscopeError for a subject that
    is none of these or not there, before any text is drawn, and for options that mean nothing beside it.
    """
    if isinstance(subject, TextSubject):
        return _of_text(subject)
    if expect(subject, (Kind.TEXT, Kind.ROWS, Kind.HELD), _WITH_ROWS) is Kind.TEXT:
        _refuse_file_options(options)
        text = open_text_subject(_named(subject), planned, **part(ReadingKeywords, options))
        for warning in text.extraction.warnings:
            warnings.warn(warning, stacklevel=2)
        return _of_text(text)
    return _of_embeddings(_embeddings(subject, options), options)


def keep_rows(opening: Opened, folder: str | Path | None) -> None:
    """Have a folder keep a checkpoint's rows as they are read, or hand over those that it has.

    Raises GeoscopeError for rows that need no reading, and for a folder of something else or of another reading.
    """
    if folder is None:
        return
    if opening.identity is None or not isinstance(opening.source, Keeping):
        raise GeoscopeError(
            f"expected --run with a checkpoint that reads text, got {opening.subject['name']}, whose rows are there "
            "already; leave it out"
        )
    claimed = ClaimedFolder(path_from_home(folder), "--run", "rows", "a new folder or one of such a run")
    opening.source.keep_in(open_kept(claimed, opening.identity, len(opening.source.index), anew=False))


def embeddings_of(subject: Any, options: Mapping[str, Any]) -> Embeddings:
    """The same rows as Embeddings: a checkpoint reads its text now, once, and of the asked layers only."""
    if expect(subject, (Kind.TEXT, Kind.ROWS, Kind.HELD), _WITH_ROWS) is not Kind.TEXT:
        return _embeddings(subject, options)
    _refuse_file_options(options)
    return keep_embeddings(_named(subject), **part(ReadingKeywords, options))


def wanted_layers(embeddings: Embeddings, options: Mapping[str, Any], *, extracted: bool) -> Any:
    """What of `--layers` is left to ask of rows; of those extracted for it, every one (as one cloud under union)."""
    wanted = options.get("layers", "last")
    layers = resolve_layers("all" if extracted and wanted != "union" else wanted, embeddings.layers)
    return wanted if wanted == "union" or layers == (None,) else list(layers)


def _embeddings(subject: Any, options: Mapping[str, Any]) -> Embeddings:
    """Rows that there are, of which no text can be chosen any more."""
    for name, flag in (("corpora", "--corpus"), ("texts", "texts"), ("words", "--words")):
        if options.get(name) is not None:
            raise GeoscopeError(f"expected {flag} only with a checkpoint; an embeddings file holds its rows already")
    found = _found_embeddings(subject, options)
    _warn_of_idle(found, options)
    return found


def _warn_of_idle(embeddings: Embeddings, options: Mapping[str, Any]) -> None:
    """Say which options change nothing, since the rows are there already and were not made so."""
    made_with = {**(embeddings.sample or {}), **embeddings.settings}
    acting = {*fields_of(Seed), "layers", "protocol"}
    idle = [
        field.flag
        for name, field in fields_of(ReadingOptions).items()
        if (field.option.told or "").startswith(("sample.", "settings."))
        and name not in acting
        and options.get(name, field.option.default) not in (field.option.default, made_with.get(name))
    ]
    if idle and options.get("protocol") is None:
        one = len(idle) == 1
        warnings.warn(
            f"{', '.join(idle)} {'chooses' if one else 'choose'} rows of a checkpoint's; those of {embeddings.name} "
            "are there already, and are measured as they are.",
            stacklevel=2,
        )


def _found_embeddings(subject: Any, options: Mapping[str, Any]) -> Embeddings:
    """Embeddings, or what holds them as arrays or files."""
    groups, column = options.get("groups"), options.get("column")
    if isinstance(subject, Embeddings):
        if column is not None:
            raise GeoscopeError("expected column only with an embeddings file or a table, got it beside Embeddings")
        if groups is not None:
            raise GeoscopeError("expected no groups beside Embeddings, which say themselves whose each row is")
        return subject
    if expect(subject, (Kind.ROWS, Kind.HELD), _WITH_ROWS) is Kind.HELD:
        return object_embeddings(subject, groups=groups, column=column)
    path = path_from_home(subject)
    if not is_extracted(path):
        return open_embeddings(path, groups=groups, column=column)
    if groups is not None:
        raise GeoscopeError(f"expected no --groups with the folder {path}, which says itself whose rows it has")
    if column is not None:
        raise GeoscopeError(f"expected no --column with the folder {path}, which extract wrote; choose its --layers")
    return read_folder(path)


def _named(subject: Any) -> Any:
    """A checkpoint's name as text; one that is loaded as it is."""
    return str(subject) if isinstance(subject, Path) else subject


def _refuse_file_options(options: Mapping[str, Any]) -> None:
    """What is said of an embeddings file means nothing beside a checkpoint."""
    if options.get("column") is not None:
        raise GeoscopeError("expected --column only with an embeddings file; a checkpoint's rows are its hidden states")
    if options.get("groups") is not None:
        raise GeoscopeError("expected --groups only with an embeddings file; a checkpoint's rows know their sequence")


def _of_text(text: TextSubject) -> Opened:
    extraction = text.extraction
    tokens = extraction.pooling == "tokens"
    return Opened(extraction, extraction.layers, text.about, text.sample, tokens, text.settings, text.identity)


def _of_embeddings(embeddings: Embeddings, options: Mapping[str, Any]) -> Opened:
    described = {
        "name": embeddings.name,
        "kind": "embeddings",
        "hidden_size": embeddings.hidden_size,
    }
    counted = {"corpora": [], "sequences": int(np.count_nonzero(np.bincount(embeddings.index.sequences)))}
    return Opened(
        embeddings,
        resolve_layers(options.get("layers", "last"), embeddings.layers),
        embeddings.subject or {**described, "fingerprint": embeddings.fingerprint},
        embeddings.sample or counted,
        bool(np.any((embeddings.index.token_ids >= 0) & (embeddings.index.positions >= 0))),
        {"tokenizer": None, **embeddings.settings, **({} if embeddings.groups_known else {"groups": "each row alone"})},
    )
