"""Embedding folders: what `geoscope extract` writes: embeddings.json, a layer-NN.npy per layer, rows.npy."""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.files import take_room
from geoscope.progress import Progress
from geoscope.rows import FloatArray, Layer, RowIndex, Source
from geoscope.scratch import new_name, remove_stale
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.row_files.array_files import Matrix, matrix, read_npy

_JSON, _ROWS, _VERSION = "embeddings.json", "rows.npy", "1"
_LAYER_FILE = re.compile(r"^layer-(\d+)\.npy$")


def write_embeddings(
    folder: str | Path,
    source: Source,
    *,
    subject: Mapping[str, Any],
    sample: Mapping[str, Any],
    settings: Mapping[str, Any],
    progress: Progress | None = None,
) -> Embeddings:
    """Stream a Source into `folder`, each row at its place, whole or not at all, replacing an older one.

    Raises GeoscopeError for a folder with other files in it, and for a source that is no checkpoint's layers.
    """
    folder = Path(folder).expanduser()
    check_output(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=f".{new_name()}-", dir=folder.parent))
    try:
        _write_rows(partial, source, progress)
        index = source.index
        np.save(partial / _ROWS, np.stack([index.sequences, index.positions, index.token_ids], axis=1))
        described = {"schema_version": _VERSION, "subject": subject, "sample": sample, "settings": settings}
        text = json.dumps(described, indent=2, ensure_ascii=False, allow_nan=False)
        (partial / _JSON).write_text(text + "\n", encoding="utf-8")
        partial.chmod(0o755)
        _put(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
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
        described = json.loads((folder / _JSON).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GeoscopeError(
            f"expected a folder of embeddings, got {folder} without {_JSON}; name a folder that extract wrote"
        ) from error
    except ValueError as error:
        raise GeoscopeError(
            f"expected JSON, got something else in {folder / _JSON}; extract the embeddings again"
        ) from error
    if not isinstance(described, dict) or described.get("schema_version") != _VERSION:
        raise GeoscopeError(
            f"expected schema version {_VERSION}, the one read here, got another in {folder / _JSON}; extract the "
            "embeddings again"
        )
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
    index = RowIndex(*(np.ascontiguousarray(column) for column in rows.T))
    facts = {key: described.get(key) or {} for key in ("subject", "sample", "settings")}
    return Embeddings(matrices, index, name=str(folder), groups_known=True, **facts)


def _write_rows(folder: Path, source: Source, progress: Progress | None) -> None:
    """Each batch into its rows' places of its layers' files, which are made when their width is known."""
    files: dict[Layer, FloatArray] = {}
    done, total = 0, len(source.index) * len(source.layers)
    for batch in source.batches():
        for layer, rows in batch.rows.items():
            if layer is None:
                raise GeoscopeError("expected layers of a checkpoint to write, got rows that are no layer's")
            if layer not in files:
                files[layer] = _new_matrix(folder / f"layer-{layer:02d}.npy", (len(source.index), rows.shape[1]))
            files[layer][_span(batch.offsets)] = rows
            done += len(rows)
        if progress is not None:
            progress(done, total, "rows written")
        del batch, rows  # the source computes the next one now


def _new_matrix(path: Path, shape: tuple[int, int]) -> FloatArray:
    """A `.npy` of float32 to be written in place. Its room is taken first: on a full disk a mapped page has none, and
    the system ends whoever writes there."""
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.flush()
        take_room(file, file.tell() + 4 * math.prod(shape))
    return np.lib.format.open_memmap(path, mode="r+")


def _span(offsets: Any) -> Any:
    """Offsets as a slice where they are a run (a plain copy), else themselves."""
    first, last = int(offsets[0]), int(offsets[-1])
    return slice(first, last + 1) if last - first + 1 == len(offsets) and (np.diff(offsets) == 1).all() else offsets


def _put(partial: Path, folder: Path) -> None:
    """Move a finished folder into place; an older one goes only once the new one is complete."""
    if not folder.exists():
        partial.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)) / "old"
    folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old.parent)


def _is_own(name: str) -> bool:
    return name in (_JSON, _ROWS) or bool(_LAYER_FILE.match(name))
