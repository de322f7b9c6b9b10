"""Parquet files: their columns as rows, read by row groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.subjects.row_files.table_rows import RowTable, looked_into, stored_dtype, typed_column
from geoscope.subjects.tables.tables import open_parquet, parquet_errors, refuse_twice

_WHAT = "embeddings"


class ParquetRows(RowTable):
    """The rows of a parquet file; columns of one name are refused when they are read."""

    def __init__(self, path: Path) -> None:
        self.path, self.origin = path, str(path)
        file = open_parquet(path, _WHAT)
        schema = file.schema_arrow
        self._kinds = [field.type for field in schema]
        self.rows = int(file.metadata.num_rows)
        self.columns = tuple(typed_column(field.name, field.type) for field in schema)
        self.columns = looked_into(self, self._kinds)

    def batches(self, places: Sequence[int], rows: int, *, text: bool = False) -> Iterator[Any]:
        names = [self.columns[place].name for place in places]
        refuse_twice([each.name for each in self.columns if each.name in names], self.origin)
        batches = open_parquet(self.path, _WHAT).iter_batches(batch_size=rows, columns=names)
        start = 0
        while True:
            with parquet_errors(f"{self.path} from row {start} on", _WHAT):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch.select(names)
            start += batch.num_rows

    def stored(self, place: int) -> np.dtype[Any] | None:
        return stored_dtype(self._kinds[place])
