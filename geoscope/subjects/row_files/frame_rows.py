"""Frame rows: the columns of a table in memory (pandas, polars, pyarrow, `datasets`) as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, first_line
from geoscope.subjects.row_files.table_rows import RowTable, looked_into, stored_dtype, typed_column
from geoscope.subjects.tables.tables import refuse_twice


class FrameRows(RowTable):
    """The rows of a table in memory, its columns told apart as those of a file of it."""

    def __init__(self, table: Any, origin: str) -> None:
        """table: a pyarrow Table."""
        self.origin = origin
        self._table, self._kinds = table, table.schema.types
        self.rows = int(table.num_rows)
        self.columns = tuple(typed_column(field.name, field.type) for field in table.schema)
        self.columns = looked_into(self, self._kinds)

    def batches(self, places: Sequence[int], rows: int, *, text: bool = False) -> Iterator[Any]:
        yield from self._table.select(list(places)).to_batches(max_chunksize=rows)

    def stored(self, place: int) -> np.dtype[Any] | None:
        return stored_dtype(self._kinds[place])


def frame_rows(held: Any, origin: str) -> FrameRows | None:
    """A data frame, a table or a Dataset; None where it is none. Raises GeoscopeError where it cannot be read."""
    names = next((getattr(held, name) for name in ("column_names", "columns") if hasattr(held, name)), None)
    if names is None or not hasattr(held, "shape") or type(held).__module__.startswith("scipy"):
        return None
    refuse_twice([str(name) for name in names], origin)
    try:
        return FrameRows(_arrow(held), origin)
    except (ValueError, TypeError, NotImplementedError, AttributeError) as error:  # pyarrow's own are ValueErrors
        raise GeoscopeError(
            f"expected a table of columns as {origin}, got a {type(held).__name__} that pyarrow does not read as one: "
            f"{first_line(error)}; give its rows as an array"
        ) from error


def _arrow(held: Any) -> Any:
    import pyarrow as pa

    if isinstance(held, (pa.Table, pa.RecordBatch)):
        return pa.Table.from_batches([held]) if isinstance(held, pa.RecordBatch) else held
    if hasattr(held, "features"):
        return held.with_format("arrow")[:]
    if hasattr(held, "to_arrow"):
        return held.to_arrow()
    return pa.Table.from_pandas(held.rename(columns=str))
