"""HDF5 files: the arrays in a `.h5`, each read a block of rows at a time, by h5py (an extra)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.bounds import refuse_unpacked
from geoscope.errors import GeoscopeError, first_line
from geoscope.rows import FloatArray
from geoscope.subjects.row_files import array_files
from geoscope.subjects.row_files.array_files import read_dtype


@dataclass(frozen=True)
class Hdf5Matrix:
    """An array of a file, shape (n, d) or (n, 1, d), opened anew for every pass."""

    path: Path
    name: str
    stored: np.dtype[Any]
    axes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return (self.axes[0], self.axes[-1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return read_dtype(self.stored)

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        rows, columns = self.shape
        step = max(1, array_files.BLOCK_BYTES // (columns * self.dtype.itemsize))
        with _opened(self.path) as file:
            for start in range(0, rows, step):
                block = file[self.name][start : start + step]
                yield start, np.ascontiguousarray(block, dtype=self.dtype).reshape(-1, columns)

    def whole(self) -> FloatArray:
        rows = np.empty(self.shape, dtype=self.dtype)
        for start, block in self.blocks():
            rows[start : start + len(block)] = block
        return rows


def array_names(path: Path) -> tuple[str, ...]:
    """Every array of a file by its whole name ("train/embeddings")."""
    found: list[str] = []
    with _opened(path) as file:
        file.visititems(lambda name, held: found.append(name) if hasattr(held, "shape") else None)
    return tuple(found)


def read_matrix(path: Path, name: str) -> Hdf5Matrix:
    """An array of a file as a Matrix; GeoscopeError where it is none of numbers, or not (n, d)."""
    with _opened(path) as file:
        stored, axes = file[name].dtype, file[name].shape
        coded = "enum" in (stored.metadata or ())
    if axes is None or not (len(axes) == 2 or (len(axes) == 3 and axes[1] == 1)):
        raise GeoscopeError(
            f"expected '{name}' of {path} to be a matrix of rows, shape (n, d), got the shape {axes}; name another"
        )
    if stored.kind not in "fiu" or stored.itemsize > 8 or coded:
        what = "an enum, whose numbers are codes" if coded else stored
        raise GeoscopeError(
            f"expected '{name}' of {path} to hold float16, float32, float64 or integers, got {what}; convert it"
        )
    if 0 in axes:
        raise GeoscopeError(f"expected '{name}' of {path} to have at least one row and column, got the shape {axes}")
    return Hdf5Matrix(path, name, stored, axes)


def read_labels(path: Path, name: str) -> npt.NDArray[Any]:
    """An array of a file, whole; bytes as text."""
    with _opened(path) as file:
        refuse_unpacked(int(file[name].size or 0) * file[name].dtype.itemsize, path, "labels")
        labels = np.asarray(file[name][()])
    if labels.dtype.kind == "O":
        labels = np.array(
            [each.decode("utf-8", "backslashreplace") if isinstance(each, bytes) else each for each in labels]
        )
    return labels


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import h5py
    except ImportError as error:
        raise GeoscopeError(
            f"expected h5py to read {path.name}, got none installed; pip install 'geoscope[hdf5]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise GeoscopeError(
            f"expected arrays as HDF5, got {path}, which cannot be read: {first_line(error)}; write it again"
        ) from error
