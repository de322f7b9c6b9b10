"""Embedding files: rows from a file or folder of any kind that is taken, whichever reader that is."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.bounds import refuse_unpacked
from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.rows import Layer
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.embeddings.objects import held_labels
from geoscope.subjects.embeddings.packed_bits import refuse_packed
from geoscope.subjects.embeddings.shards import joined, shard_files, shard_name
from geoscope.subjects.kinds import embeddings_suffix
from geoscope.subjects.row_files import hdf5_files
from geoscope.subjects.row_files.array_files import StoredMatrix, matrix, read_npy, read_npz, read_safetensors
from geoscope.subjects.row_files.arrow_files import ArrowRows
from geoscope.subjects.row_files.csv_rows import CsvRows
from geoscope.subjects.row_files.groups import grouped, read_labels, ungrouped, whole_numbers
from geoscope.subjects.row_files.parquet_files import ParquetRows
from geoscope.subjects.row_files.record_rows import RecordMatrix
from geoscope.subjects.row_files.row_columns import is_index
from geoscope.subjects.row_files.table_rows import RowTable, TableMatrix
from geoscope.subjects.tables.file_heads import refuse_other_contents
from geoscope.wording import listed

_LAYER = re.compile(r"^layer-(\d{1,9})$", re.ASCII)
_LAYER_FILE = re.compile(r"^layer[-_. ]?(\d{1,9})$", re.IGNORECASE | re.ASCII)
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
    """A file's matrices by layer, and its own labels if they were asked for and are there.

    columns: what the row's numbers are called, or the array or field that holds them. in_text: whether labels are
    text that may be numbers.
    """

    matrices: dict[Layer, StoredMatrix]
    labels: npt.NDArray[Any] | None = None
    columns: tuple[str, ...] = ()
    in_text: bool = False


def open_embeddings(path: str | Path, *, groups: Any = None, column: str | None = None) -> Embeddings:
    """The embeddings in a file, or in a folder of files of one kind.

    groups: what says which sequence a row belongs to: a column or field, a key, a file, or the labels themselves.
    column: which column, field or key holds the rows, where it is not clear. Raises GeoscopeError when the file is
    missing, unreadable or not a matrix of numbers, and where several could be meant.
    """
    path = path_from_home(path)
    asked = str(groups) if isinstance(groups, (str, os.PathLike)) else None
    found = _read_folder(path, asked, column) if path.is_dir() else _read(path, asked, column)
    for layer, rows in found.matrices.items():
        refuse_packed(rows, str(path) if layer is None else f"layer {layer} of {path}")
        if path.is_file():
            refuse_unpacked(math.prod(rows.shape) * rows.dtype.itemsize, path, "embeddings")
    count = next(iter(found.matrices.values())).shape[0]
    if groups is None:
        return Embeddings(found.matrices, ungrouped(count), name=str(path), groups_known=False)
    if asked is None:
        return Embeddings(found.matrices, grouped(held_labels(groups), count, "groups"), name=str(path))
    labels = found.labels
    if labels is None:
        labels = _labels_of_file(path_from_home(asked, "a column, a key or a file as --groups"), count, path)
    elif found.in_text:
        labels = whole_numbers(labels)
    return Embeddings(found.matrices, grouped(labels, count, f"--groups '{asked}'"), name=str(path))


def _labels_of_file(file: Path, count: int, path: Path) -> npt.NDArray[Any]:
    if not file.is_file():
        raise GeoscopeError(
            f"expected --groups to be a column or key of {path} or a file, got '{file}'; give one of them"
        )
    suffix = embeddings_suffix(file)
    if suffix not in (".parquet", ".feather", ".arrow"):
        return read_labels(file, count)
    refuse_other_contents(file, suffix)
    table = _TABLES[suffix](file)
    names = [each.name for each in table.columns if not is_index(each)]
    if len(names) != 1:
        raise GeoscopeError(
            f"expected one column of labels, got {listed(names, 6) or 'none'} in {file}; save that column alone"
        )
    return table.labels(names[0])


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
    layers = [match[1] for file in files if (match := _LAYER_FILE.match(shard_name(file)))]
    if len(files) > 1 and len(layers) == len(files):
        return _layers(read, [int(layer) for layer in layers], folder)
    labels = [shard.labels for shard in read if shard.labels is not None]
    rows = joined([_in_order(shard, read[0], file, files[0]) for shard, file in zip(read, files, strict=True)], files)
    whose = np.concatenate(labels) if len(labels) == len(read) else None
    return _Read({None: rows}, whose, in_text=all(shard.in_text for shard in read))


def _layers(read: Sequence[_Read], numbers: Sequence[int], folder: Path) -> _Read:
    """Files called layer-NN as layers of the same rows, with labels if they are the same in each."""
    matrices: dict[Layer, StoredMatrix] = {
        number: shard.matrices[None]
        for number, shard in sorted(zip(numbers, read, strict=True), key=lambda pair: pair[0])
    }
    labels = [shard.labels for shard in read]
    first = labels[0]
    same = [
        first is each or (first is not None and each is not None and np.array_equal(first, each)) for each in labels
    ]
    if len(matrices) < len(read) or not all(same):
        what = "one file a layer" if len(matrices) < len(read) else "the same groups in every layer"
        raise GeoscopeError(f"expected {what}, got others in {folder}; move what does not belong elsewhere")
    return _checked(matrices, folder, first)


def _in_order(shard: _Read, first: _Read, file: Path, first_file: Path) -> StoredMatrix:
    """A shard's rows, their numbers in the order of the first shard's columns; refused where it has other columns."""
    rows, wanted = shard.matrices[None], first.columns
    if shard.columns == wanted or rows.shape[1] != first.matrices[None].shape[1]:  # of another width: joined refuses
        return rows
    if set(shard.columns) != set(wanted) or not isinstance(rows, (TableMatrix, RecordMatrix)):
        other = next((name for name in shard.columns if name not in wanted), None)
        lacking = next((name for name in wanted if name not in shard.columns), None)
        told = [f"no '{lacking}'"] * (lacking is not None) + [f"'{other}'"] * (other is not None)
        raise GeoscopeError(
            f"expected the row's columns of {first_file} in every file, got {' but '.join(told)} in {file}; choose "
            "with --column, or measure them apart"
        )
    return rows.in_order(wanted)


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
            {None: records},
            records.labels(groups) if groups is not None and groups in records.names else None,
            records.row_names,
        )
    if suffix in _TABLES:
        table = _TABLES[suffix](path)
        if not table.rows:
            raise NoRows(f"expected {path} to have at least one row, got none; write it again")
        rows = TableMatrix(table, column=column, groups=groups)
        in_text = all(table.stored(place) is None for place in range(len(table.columns)))
        return _Read({None: rows}, _labels(table, groups), rows.row_names, in_text)
    if suffix == ".h5":
        names = hdf5_files.array_names(path)
        chosen = _by_layer(names, path, groups, column)
        found = {layer: hdf5_files.read_matrix(path, name) for layer, name in chosen.items()}
        return _checked(found, path, hdf5_files.read_labels(path, groups) if groups in names else None, chosen)
    arrays = read_npz(path) if suffix == ".npz" else read_safetensors(path)
    chosen = _by_layer(tuple(arrays.names), path, groups, column)
    held = {layer: matrix(arrays.read(name), f"'{name}' of {path}") for layer, name in chosen.items()}
    return _checked(held, path, arrays.read(groups) if groups in arrays.names else None, chosen)


def _labels(table: RowTable, groups: str | None) -> npt.NDArray[Any] | None:
    return None if groups is None or groups not in [each.name for each in table.columns] else table.labels(groups)


def _checked(
    matrices: dict[Layer, Any], path: Path, labels: npt.NDArray[Any] | None, chosen: Mapping[Layer, str] | None = None
) -> _Read:
    counts = {rows.shape[0] for rows in matrices.values()}
    if len(counts) != 1:
        raise GeoscopeError(
            f"expected layers of as many rows each, got {sorted(counts)} in {path}; save those to measure by themselves"
        )
    return _Read(matrices, labels, tuple((chosen or {}).values()))


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
        raise GeoscopeError(f"expected an array of rows, got none in {path}; save one in it")
    if len(free) == 1:
        return {None: free[0]}
    numbers = {name: int(match[1]) for name in free if (match := _LAYER.match(name))}
    if len(set(numbers.values())) != len(free):
        raise GeoscopeError(
            f"expected one array, or one a layer called layer-NN, and perhaps the one that --groups names, got "
            f"{listed(sorted(free), 12)} in {path}; choose one with --column"
        )
    return {numbers[name]: name for name in sorted(free, key=numbers.__getitem__)}
