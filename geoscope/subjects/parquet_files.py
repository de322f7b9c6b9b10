"""Parquet files: a list column, or many numeric ones, as a matrix that is read by row groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError, first_line
from geoscope.rows import FloatArray
from geoscope.subjects.array_files import BLOCK_BYTES, read_dtype


class ParquetMatrix:
    """The (n, d) matrix in a parquet file: its one column of lists, or all its float columns side by side.

    groups: a column that is not part of the matrix. Raises GeoscopeError where there is no such column, or
    several.
    """

    def __init__(self, path: Path, *, groups: str | None = None) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = path
        try:
            file = pq.ParquetFile(path)
            schema = file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise GeoscopeError(f"{path} is not a readable parquet file: {first_line(error)}.") from error
        lists, floats = _columns(schema, groups)
        if len(lists) > 1 or not (lists or floats):
            found = f"it has the list columns {', '.join(lists)}" if lists else f"its columns are {_names(schema)}"
            raise GeoscopeError(
                f"{path} should have one column of lists of numbers, or several columns of floats, but {found}."
            )
        self.names: tuple[str, ...] = tuple(schema.names)
        self.columns = lists or floats
        self._in_lists = bool(lists)
        rows = file.metadata.num_rows
        if not rows:
            raise GeoscopeError(f"{path} is empty: it has no row; geoscope needs at least one.")
        kinds = [schema.field(name).type for name in self.columns]
        stored = [np.dtype((kind.value_type if self._in_lists else kind).to_pandas_dtype()) for kind in kinds]
        self.dtype = max((read_dtype(dtype) for dtype in stored), key=lambda dtype: dtype.itemsize)
        self.shape = (rows, self._width(file) if self._in_lists else len(self.columns))

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        step = max(1, BLOCK_BYTES // (self.shape[1] * self.dtype.itemsize))
        start = 0
        try:
            for batch in pq.ParquetFile(self.path).iter_batches(batch_size=step, columns=self.columns):
                block = self._list_block(batch, start) if self._in_lists else self._column_block(batch)
                yield start, block
                start += len(block)
        except (pa.ArrowException, OSError) as error:
            raise GeoscopeError(f"{self.path} cannot be read past row {start}: {first_line(error)}.") from error

    def whole(self) -> FloatArray:
        rows = np.empty(self.shape, dtype=self.dtype)
        for start, block in self.blocks():
            rows[start : start + len(block)] = block
        return rows

    def column(self, name: str) -> npt.NDArray[Any]:
        """One column's values, (n,)."""
        import pyarrow.parquet as pq

        values = pq.ParquetFile(self.path).read(columns=[name]).column(name)
        if values.null_count:
            raise GeoscopeError(f"The column '{name}' of {self.path} has {values.null_count} empty cells; fill them.")
        array: npt.NDArray[Any] = values.to_numpy()
        return array

    def _width(self, file: Any) -> int:
        first = next(file.iter_batches(batch_size=1, columns=self.columns)).column(0)[0]
        width = len(first.as_py() or ())
        if not width:
            raise GeoscopeError(f"Row 0 of the column '{self.columns[0]}' of {self.path} is empty.")
        return width

    def _list_block(self, batch: Any, start: int) -> FloatArray:
        import pyarrow.compute as pc

        column = batch.column(0)
        lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
        uneven = np.flatnonzero(lengths != self.shape[1])
        if len(uneven):
            raise GeoscopeError(
                f"Row {start + int(uneven[0])} of {self.path} has {max(int(lengths[uneven[0]]), 0)} numbers "
                f"where row 0 has {self.shape[1]}; all rows must be alike."
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
