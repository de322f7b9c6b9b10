"""Embedding files: rows from a file or folder of any kind that is taken, whichever reader that is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError
from geoscope.rows import Layer
from geoscope.subjects import hdf5_files
from geoscope.subjects.array_files import StoredMatrix, matrix, read_npy, read_npz, read_safetensors
from geoscope.subjects.arrow_files import ArrowRows
from geoscope.subjects.csv_rows import CsvRows
from geoscope.subjects.embeddings import Embeddings
from geoscope.subjects.file_heads import refuse_other_contents
from geoscope.subjects.groups import grouped, read_labels, ungrouped
from geoscope.subjects.kinds import embeddings_suffix
from geoscope.subjects.packed_bits import refuse_packed
from geoscope.subjects.parquet_files import ParquetRows
from geoscope.subjects.record_rows import RecordMatrix
from geoscope.subjects.shards import joined, shard_files
from geoscope.subjects.table_rows import RowTable, TableMatrix
from geoscope.wording import listed

_LAYER = re.compile(r"^layer-(\d+)$")
_TABLES: dict[str, Callable[[Path], RowTable]] = {
    ".parquet": ParquetRows,
    ".feather": ArrowRows,
    ".arrow": ArrowRows,
    ".csv": CsvRows,
    ".tsv": partial(CsvRows, tabs=True),
}


class NoRows(GeoscopeError):
    """A table without a row, which is nothing to measure, but may be a shard among others."""


@dataclass(frozen=True)
class _Read:
    """A file's matrices by layer, and its own labels if they were asked for and are there."""

    matrices: dict[Layer, StoredMatrix]
    labels: npt.NDArray[Any] | None = None


def open_embeddings(path: str | Path, *, groups: str | None = None, column: str | None = None) -> Embeddings:
    """The embeddings in a file, or in a folder of files of one kind.

    groups: what says which sequence a row belongs to: a column or field, a key, or a file. column: which column, field
    or key holds the rows, where it is not clear. Raises GeoscopeError when the file is missing, unreadable or not a
    matrix of numbers, and where several could be meant.
    """
    path = Path(path).expanduser()
    found = _read_folder(path, groups, column) if path.is_dir() else _read(path, groups, column)
    for layer, rows in found.matrices.items():
        refuse_packed(rows, str(path) if layer is None else f"layer {layer} of {path}")
    count = next(iter(found.matrices.values())).shape[0]
    if groups is None:
        return Embeddings(found.matrices, ungrouped(count), name=str(path), groups_known=False)
    labels = found.labels
    if labels is None:
        if not Path(groups).expanduser().is_file():
            raise GeoscopeError(
                f"expected --groups to be a column or key of {path} or a file, got '{groups}'; give one of them"
            )
        labels = read_labels(Path(groups).expanduser(), count)
    return Embeddings(found.matrices, grouped(labels, count, f"--groups '{groups}'"), name=str(path))


def _read_folder(folder: Path, groups: str | None, column: str | None) -> _Read:
    files, read = [], []
    for file in shard_files(folder):
        try:
            shard = _read(file, groups, column)
        except NoRows:
            continue
        if tuple(shard.matrices) != (None,):
            raise GeoscopeError(
                f"expected one array in each file of {folder}, got layers in {file.name}; choose one with --column"
            )
        files.append(file)
        read.append(shard)
    if not read:
        raise GeoscopeError(f"expected a row at least in the files of {folder}, got none")
    labels = [shard.labels for shard in read if shard.labels is not None]
    rows = joined([shard.matrices[None] for shard in read], files)
    return _Read({None: rows}, np.concatenate(labels) if len(labels) == len(read) else None)


def _read(path: Path, groups: str | None, column: str | None) -> _Read:
    suffix = embeddings_suffix(path)
    if path.suffix.lower() != ".gz":
        refuse_other_contents(path, suffix)
    if suffix == ".npy":
        if column is not None:
            raise GeoscopeError(f"expected no --column with {path}, a .npy holds one array; leave it out")
        return _Read({None: matrix(read_npy(path), str(path))})
    if suffix == ".jsonl":
        records = RecordMatrix(path, column=column, groups=groups)
        return _Read(
            {None: records}, records.labels(groups) if groups is not None and groups in records.names else None
        )
    if suffix in _TABLES:
        table = _TABLES[suffix](path)
        if not table.rows:
            raise NoRows(f"expected {path} to have at least one row, got none; write it again")
        rows = TableMatrix(table, column=column, groups=groups)
        return _Read({None: rows}, _labels(table, groups))
    if suffix == ".h5":
        names = hdf5_files.array_names(path)
        chosen = _by_layer(names, path, groups, column)
        found = {layer: hdf5_files.read_matrix(path, name) for layer, name in chosen.items()}
        return _checked(found, path, hdf5_files.read_labels(path, groups) if groups in names else None)
    arrays = read_npz(path) if suffix == ".npz" else read_safetensors(path)
    chosen = _by_layer(tuple(arrays.names), path, groups, column)
    held = {layer: matrix(arrays.read(name), f"'{name}' of {path}") for layer, name in chosen.items()}
    return _checked(held, path, arrays.read(groups) if groups in arrays.names else None)


def _labels(table: RowTable, groups: str | None) -> npt.NDArray[Any] | None:
    if groups is None or groups not in [each.name for each in table.columns]:
        return None
    labels = table.labels(groups)
    if any(table.stored(place) is not None for place in range(len(table.columns))):
        return labels
    try:
        return labels.astype(np.int64)
    except (ValueError, OverflowError):
        return labels


def _checked(matrices: dict[Layer, Any], path: Path, labels: npt.NDArray[Any] | None) -> _Read:
    counts = {rows.shape[0] for rows in matrices.values()}
    if len(counts) != 1:
        raise GeoscopeError(
            f"expected layers of as many rows each, got {sorted(counts)} in {path}; save those to measure by themselves"
        )
    return _Read(matrices, labels)


def _by_layer(names: tuple[str, ...], path: Path, groups: str | None, column: str | None) -> dict[Layer, str]:
    """The arrays to read: the one that was asked for, the only one, or one a layer called layer-NN."""
    free = [name for name in names if name != groups]
    if column is not None:
        if column not in free:
            raise GeoscopeError(
                f"expected --column to be an array of {path}, got '{column}'; there are {listed(sorted(free), 12)}"
            )
        return {None: column}
    if not free:
        raise GeoscopeError(f"expected an array of rows, got none in {path}")
    if len(free) == 1:
        return {None: free[0]}
    numbers = {name: int(match[1]) for name in free if (match := _LAYER.match(name))}
    if len(set(numbers.values())) != len(free):
        raise GeoscopeError(
            f"expected one array, or one a layer called layer-NN, and perhaps the one that --groups names, got "
            f"{listed(sorted(free), 12)} in {path}; choose one with --column"
        )
    return {numbers[name]: name for name in sorted(free, key=numbers.__getitem__)}
