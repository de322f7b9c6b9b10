"""Embedding folders: what `geoscope extract` writes: embeddings.json, a layer-NN.npy per layer, rows.npy."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from geoscope.bounds import DESCRIPTION_BYTES, read_whole
from geoscope.errors import GeoscopeError, first_line, telling_what_is_kept
from geoscope.files import json_content, path_from_home, write_json
from geoscope.progress import Progress
from geoscope.report import Sample, Subject
from geoscope.result import first_mistake
from geoscope.rows import Layer, RowIndex, Source
from geoscope.run_folders import ClaimedFolder, only_writer, parts_of
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.embeddings.kept_rows import Keeping, KeptRows, open_kept
from geoscope.subjects.row_files.array_files import Matrix, matrix, read_npy

_JSON, _ROWS, _VERSION = "embeddings.json", "rows.npy", "1"
_MOST_SEQUENCES = 10**8
"""More would take a gigabyte to count."""
_LAYER_FILE = re.compile(r"^layer-(\d{1,9})\.npy$", re.ASCII)


def write_embeddings(
    folder: str | Path,
    source: Source,
    *,
    subject: Mapping[str, Any],
    sample: Mapping[str, Any],
    settings: Mapping[str, Any],
    identity: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Embeddings:
    """Stream a Source into `folder`, each row at its place, whole or not at all, replacing an older one.

    The rows stand in `folder`.parts until all are there. identity: of the reading; where that is interrupted its rows
    stay, and the next with the same goes on from them. Raises GeoscopeError for a folder with other files in it, and
    for a source that is no checkpoint's layers.
    """
    folder = path_from_home(folder)
    check_output(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    parts = parts_of(folder)
    with only_writer(parts, "-o", temporary=True):
        claimed = ClaimedFolder(parts, "-o", "unfinished rows", f"a folder beside which {parts.name} is new")
        kept = open_kept(claimed, identity or {}, len(source.index), anew=True)
        if identity is None:
            kept.remove(_ROWS, _JSON)
        try:
            _write_rows(kept, source, progress)
            index = source.index
            np.save(kept.folder / _ROWS, np.stack([index.sequences, index.positions, index.token_ids], axis=1))
            described = {"schema_version": _VERSION, "subject": subject, "sample": sample, "settings": settings}
            write_json(kept.folder / _JSON, described)
        except BaseException as error:
            if identity is None or kept.is_empty or isinstance(error, GeoscopeError):  # which nothing goes on from
                kept.remove(_ROWS, _JSON)
                claimed.path.unlink(missing_ok=True)
                raise
            with telling_what_is_kept(f"the rows read so far are kept in {parts}"):
                raise
        _put(kept.folder, folder, parts / "old")
        kept.remove()
        claimed.path.unlink(missing_ok=True)
    return read_folder(folder)


def check_output(folder: Path) -> None:
    """Refuse, before any work, a place where an embedding folder must not be written."""
    if folder.is_dir():
        foreign = [path.name for path in folder.iterdir() if not _is_own(path.name)]
        if not foreign and ((folder / _JSON).is_file() or not any(folder.iterdir())):
            return
        held = f"it holds {sorted(foreign)[0]}" if foreign else f"it has no {_JSON}"
        raise GeoscopeError(
            f"expected a folder that is new, empty or written by extract, got {folder} ({held}); give another folder"
        )
    if folder.exists():
        raise GeoscopeError(f"expected a folder for extract to write, got the file {folder}; give another name")


def read_folder(folder: Path) -> Embeddings:
    """The embeddings that `extract` wrote into a folder, memory-mapped."""
    try:
        described = json_content(read_whole(folder / _JSON, "JSON", DESCRIPTION_BYTES))
    except FileNotFoundError as error:
        raise GeoscopeError(
            f"expected a folder of embeddings, got {folder} without {_JSON}; name a folder that extract wrote"
        ) from error
    except (OSError, ValueError) as error:
        raise GeoscopeError(
            f"expected JSON, got something else in {folder / _JSON}: {first_line(error)}; extract the embeddings again"
        ) from error
    if not isinstance(described, dict) or described.get("schema_version") != _VERSION:
        raise GeoscopeError(
            f"expected schema version {_VERSION}, the one read here, got another in {folder / _JSON}; extract the "
            "embeddings again"
        )
    facts = _facts(described, folder / _JSON)
    found = {int(match[1]): path for path in folder.iterdir() if (match := _LAYER_FILE.match(path.name))}
    if not found or not (folder / _ROWS).is_file():
        lacking = "no layer-NN.npy" if not found else f"no {_ROWS}"
        raise GeoscopeError(
            f"expected layer-NN.npy and {_ROWS} in the folder {folder}, got {lacking}; extract the embeddings again"
        )
    matrices: dict[Layer, Matrix] = {
        layer: matrix(read_npy(found[layer]), str(found[layer])) for layer in sorted(found)
    }
    rows = np.array(read_npy(folder / _ROWS))
    counts = {layers.shape[0] for layers in matrices.values()} | {len(rows)}
    if rows.ndim != 2 or rows.shape[1] != 3 or rows.dtype != np.int64 or len(counts) != 1:
        raise GeoscopeError(
            f"expected a {_ROWS} that fits the layers beside it, got another in {folder}; extract the embeddings again"
        )
    told, drawn = facts["sample"].get("rows"), facts["sample"].get("sequences")
    if told not in (None, len(rows)):
        raise GeoscopeError(
            f"expected as many rows as {folder / _JSON} says, {told:,}, got {len(rows):,} in {_ROWS}; extract the "
            "embeddings again"
        )
    most = max(len(rows), min(drawn or 0, _MOST_SEQUENCES))
    if rows.min() < -1 or rows[:, 0].min() < 0 or rows[:, 0].max() >= most or rows[:, 1:].max() >= 2**31:
        raise GeoscopeError(
            f"expected in {folder / _ROWS} each row's sequence, of {most:,}, position and token id (-1: none), got "
            "others; extract the embeddings again"
        )
    index = RowIndex(*(np.ascontiguousarray(column) for column in rows.T))
    return Embeddings(matrices, index, name=str(folder), groups_known=True, **facts)


class _Drawn(Sample):
    """A sample whose points are yet to be chosen."""

    rows: int = Field(default=0, ge=0)
    points: int = Field(default=0, ge=0)
    seed: int = 0


class _Whose(Subject):
    """A subject of which little may be said."""

    name: str = ""
    kind: str = ""


class _Described(BaseModel):
    """What embeddings.json says of its rows; a report takes it over."""

    subject: _Whose | None = None
    sample: _Drawn | None = None
    settings: dict[str, Any] | None = None


def _facts(described: Mapping[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    """The parts of the description as they are; GeoscopeError where a report could not hold them."""
    given = {key: described.get(key) for key in _Described.model_fields}
    try:
        _Described.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        raise GeoscopeError(
            f"expected the facts of a report, got in {path} {first_mistake(error)}; extract the embeddings again"
        ) from error
    return {key: part or {} for key, part in given.items()}


def _write_rows(kept: KeptRows, source: Source, progress: Progress | None) -> None:
    """Each batch into its rows' places; a source that finds there what was kept of it reads the rest."""
    keeping = source if isinstance(source, Keeping) else None
    if keeping is not None:
        keeping.keep_in(kept)
    done, total = 0, len(source.index) * len(source.layers)
    for batch in source.batches():
        if keeping is None:
            kept.keep(batch.offsets, batch.rows)
        done += len(batch.offsets) * len(batch.rows)
        if progress is not None:
            progress(done, total, "rows written")
        del batch  # the source computes the next one now


def _put(partial: Path, folder: Path, old: Path) -> None:
    """Move a finished folder into place; an older one goes only once the new one is complete."""
    _clear(old, folder)  # of a kill between these lines
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    _clear(old, folder)


def _clear(old: Path, folder: Path) -> None:
    """Delete a folder that another took the place of; what came there while that was written is no file of ours."""
    if folder.is_dir() and old.is_dir():
        for path in old.iterdir():
            if not _is_own(path.name):
                path.rename(folder / path.name)
        shutil.rmtree(old)


def _is_own(name: str) -> bool:
    return name in (_JSON, _ROWS) or bool(_LAYER_FILE.match(name))
