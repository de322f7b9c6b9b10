"""Parquet files: a list column, or many numeric ones, as a matrix that is read by row groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError
from geoscope.rows import FloatArray
from geoscope.subjects.array_files import BLOCK_BYTES, read_dtype
from geoscope.subjects.tables import open_parquet, parquet_errors, refuse_twice

_WHAT = "embeddings"


class ParquetMatrix:
    """The (n, d) matrix in a parquet file: its one column of lists, or all its float columns side by side.

    groups: a column that is not part of the matrix. Raises GeoscopeError where there is no such column, or
    several.
    """

    def __init__(self, path: Path, *, groups: str | None = None) -> None:
        self.path = path
        file = open_parquet(path, _WHAT)
        schema = file.schema_arrow
        lists, floats = _columns(schema, groups)
        if len(lists) > 1 or not (lists or floats):
            found = f"the list columns {', '.join(lists)}" if lists else f"the columns {_names(schema)}"
            raise GeoscopeError(
                f"expected one column of lists of numbers, or several columns of floats, got {found} in {path}"
            )
        self.names: tuple[str, ...] = tuple(schema.names)
        self.columns = lists or floats
        used = {*self.columns, groups}
        refuse_twice([name for name in schema.names if name in used], str(path))
        self._in_lists = bool(lists)
        rows = file.metadata.num_rows
        if not rows:
            raise GeoscopeError(f"expected {path} to have at least one row, got none")
        kinds = [schema.field(name).type for name in self.columns]
        stored = [np.dtype((kind.value_type if self._in_lists else kind).to_pandas_dtype()) for kind in kinds]
        self.dtype = max((read_dtype(dtype) for dtype in stored), key=lambda dtype: dtype.itemsize)
        self.shape = (rows, self._width(file) if self._in_lists else len(self.columns))

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        step = max(1, BLOCK_BYTES // (self.shape[1] * self.dtype.itemsize))
        start = 0
        batches = open_parquet(self.path, _WHAT).iter_batches(batch_size=step, columns=self.columns)
        while True:
            with parquet_errors(f"{self.path} from row {start} on", _WHAT):
                batch = next(batches, None)
                if batch is None:
                    return
                block = self._list_block(batch, start) if self._in_lists else self._column_block(batch)
            yield start, block
            start += len(block)

    def whole(self) -> FloatArray:
        rows = np.empty(self.shape, dtype=self.dtype)
        for start, block in self.blocks():
            rows[start : start + len(block)] = block
        return rows

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column's values, (n,)."""
        from pyarrow.types import is_nested

        with parquet_errors(self.path, f"the column '{name}'"):
            values = open_parquet(self.path, _WHAT).read(columns=[name]).column(name)
        if is_nested(values.type):
            raise GeoscopeError(
                f"expected integers or strings in the column '{name}' of {self.path}, got {values.type}; name another"
            )
        if values.null_count:
            raise GeoscopeError(
                f"expected a label in every row of the column '{name}' of {self.path}, got {values.null_count} empty "
                "cells; fill them"
            )
        array: npt.NDArray[Any] = values.to_numpy()
        return array

    def _width(self, file: Any) -> int:
        with parquet_errors(self.path, _WHAT):
            first = next(file.iter_batches(batch_size=1, columns=self.columns)).column(0)[0]
        width = len(first.as_py() or ())
        if not width:
            raise GeoscopeError(
                f"expected numbers in every row of the column '{self.columns[0]}' of {self.path}, got none in row 0"
            )
        return width

    def _list_block(self, batch: Any, start: int) -> FloatArray:
        import pyarrow.compute as pc

        column = batch.column(0)
        lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
        uneven = np.flatnonzero(lengths != self.shape[1])
        if len(uneven):
            raise GeoscopeError(
                f"expected {self.shape[1]} numbers in every row, as row 0 has, got "
                f"{max(int(lengths[uneven[0]]), 0)} in row {start + int(uneven[0])} of {self.path}"
            )
        values = column.flatten().to_numpy(zero_copy_only=False)
        return np.ascontiguousarray(values, dtype=self.dtype).reshape(-1, self.shape[1])

    def _column_block(self, batch: Any) -> FloatArray:
        block = np.empty((batch.num_rows, self.shape[1]), dtype=self.dtype)
        for place, column in enumerate(batch.columns):
            block[:, place] = column.to_numpy(zero_copy_only=False)
        return block


def _columns(schema: Any, groups: str | None) -> tuple[list[str], list[str]]:
    """(columns of lists of numbers, columns of floats), without the one that groups."""
    import pyarrow.types as types

    lists, floats = [], []
    for field in schema:
        if field.name == groups:
            continue
        if types.is_list(field.type) or types.is_large_list(field.type) or types.is_fixed_size_list(field.type):
            inner = field.type.value_type
            if types.is_floating(inner) or types.is_integer(inner):
                lists.append(field.name)
        elif types.is_floating(field.type):
            floats.append(field.name)
    return lists, floats


def _names(schema: Any) -> str:
    names = list(schema.names)
    return ", ".join(names[:8]) + (" and others" if len(names) > 8 else "") if names else "none"
