"""Kept rows: hidden states on disk as they are read, a checksum a batch, so that reading goes on where it stopped."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xxhash

from geoscope import __version__
from geoscope.errors import GeoscopeError
from geoscope.files import take_room
from geoscope.rows import FloatArray, IntArray, Layer
from geoscope.run_folders import ClaimedFolder, difference

ROWS, _READ, _LAYERS = "rows", "read.jsonl", "layer-*.npy"


@runtime_checkable
class Keeping(Protocol):
    """A source that keeps what it reads, and reads no more of it than is not kept."""

    def keep_in(self, kept: KeptRows) -> None: ...


class KeptRows:
    """Some layers' n rows in a folder: rows/layer-NN.npy, each row at its place, and read.jsonl, a list of what was.

    A line of the list names a batch's rows and has the checksum of each layer's: rows that are not as they were kept,
    after a crash of the machine or by another's hand, are read again. What a kill cuts off is a line at most.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder / ROWS
        self._count, self._list = count, folder / _READ
        self._files: dict[Layer, FloatArray] = {}
        self._sums: dict[str, dict[str, str]] = {}
        listed = self._list.read_bytes() if self._list.is_file() else b""
        for line in listed.splitlines():
            try:
                said = json.loads(line)
                self._sums[str(said["rows"])] = dict(said["sums"])
            except (ValueError, TypeError, KeyError):  # cut off, or another's
                continue
        if not listed.endswith(b"\n") and listed:
            os.truncate(self._list, listed.rfind(b"\n") + 1)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to go on from."""
        return not self._sums

    def find(self, offsets: IntArray, layers: Collection[Layer]) -> dict[Layer, FloatArray] | None:
        """The rows at some places of every layer as they were kept, None where they are to be read."""
        sums = self._sums.get(_name(offsets), {})
        found: dict[Layer, FloatArray] = {}
        for layer in layers:
            file = self._files.get(layer) if layer in self._files else self._opened(layer)
            rows = None if file is None else np.array(file[span(offsets)])
            if rows is None or sums.get(str(layer)) != _checksum(rows):
                return None
            found[layer] = rows
        return found

    def keep(self, offsets: IntArray, rows: Mapping[Layer, FloatArray]) -> None:
        """Put a batch's rows in their places, then into the list."""
        self.folder.mkdir(exist_ok=True)
        for layer, values in rows.items():
            if layer is None:
                raise GeoscopeError("expected layers of a checkpoint to write, got rows that are no layer's")
            if layer not in self._files and self._opened(layer) is None:
                self._files[layer] = new_matrix(self._path(layer), (self._count, values.shape[1]))
            self._files[layer][span(offsets)] = values
        name, sums = _name(offsets), {str(layer): _checksum(values) for layer, values in rows.items()}
        with open(self._list, "ab") as file:
            file.write(json.dumps({"rows": name, "sums": sums}).encode() + b"\n")
        self._sums[name] = sums

    def require(self, size: int) -> None:
        """Refuse a disk without room for so many bytes of rows, less those that have their room already."""
        held = sum(path.stat().st_blocks * 512 for path in self.folder.glob(_LAYERS))
        free = shutil.disk_usage(self._list.parent).free
        if size - held > free:
            told = f"the {_megabytes(size - held)} of rows in {self.folder}, where {_megabytes(free)} are free"
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), told)

    def remove(self, *beside: str) -> None:
        """Delete all of it, and no other file; beside: names of what stands with the layers."""
        self._files.clear()
        self._sums.clear()
        for path in (*self.folder.glob(_LAYERS), *(self.folder / name for name in beside), self._list):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # not there, or with a user's file in it
            self.folder.rmdir()

    def _path(self, layer: Layer) -> Path:
        return self.folder / f"layer-{layer:02d}.npy"

    def _opened(self, layer: Layer) -> FloatArray | None:
        """A layer's file from before, if it is whole."""
        try:
            rows: FloatArray = np.load(self._path(layer), mmap_mode="r+", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if rows.ndim != 2 or len(rows) != self._count or rows.dtype != np.float32:
            return None
        self._files[layer] = rows
        return rows


def open_kept(claimed: ClaimedFolder, identity: Mapping[str, Any], count: int, *, anew: bool) -> KeptRows:
    """The rows that a folder keeps of a reading with this identity (weights, text, settings, environment).

    anew: rows of another are deleted, with a warning, in the place of a GeoscopeError.
    """
    asked = json.loads(json.dumps({"geoscope_version": __version__, **identity}, default=str))
    held = claimed.held()
    if held is not None and anew and (told := difference("", asked, held)):
        warnings.warn(
            f"{claimed.folder} holds unfinished work of other settings, {told}; it is begun anew", stacklevel=2
        )
        KeptRows(claimed.folder, count).remove()
    elif held is not None:
        claimed.check(asked, held)
    if held != asked:
        claimed.claim(asked)
    return KeptRows(claimed.folder, count)


def span(offsets: IntArray) -> Any:
    """Offsets as a slice where they are a run (a plain copy), else themselves."""
    first, last = int(offsets[0]), int(offsets[-1])
    return slice(first, last + 1) if last - first + 1 == len(offsets) and (np.diff(offsets) == 1).all() else offsets


def new_matrix(path: Path, shape: tuple[int, int]) -> FloatArray:
    """A file for the rows of a layer. Its room on the disk is taken before it is mapped: a mapped page without room
    ends whoever writes there."""
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.flush()
        try:
            take_room(file, file.tell() + 4 * math.prod(shape))
        except OSError:
            path.unlink()
            raise
    rows: FloatArray = np.lib.format.open_memmap(path, mode="r+")
    return rows


def _name(offsets: IntArray) -> str:
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(offsets).data)


def _checksum(rows: FloatArray) -> str:
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(rows, dtype=np.float32).data)


def _megabytes(size: int) -> str:
    return f"{size / 10**6:,.0f} MB"
