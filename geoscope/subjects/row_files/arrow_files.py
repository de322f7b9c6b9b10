"""Arrow files: `.feather` and `.arrow`, of either of arrow's formats, as rows that are mapped, not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, first_line
from geoscope.subjects.row_files.table_rows import RowTable, looked_into, stored_dtype, typed_column
from geoscope.subjects.tables.tables import refuse_twice

_FILE_FORMAT, _FIRST_FORMAT = b"ARROW1", b"FEA1"


class ArrowRows(RowTable):
    """The rows of an arrow file; of a compressed one a batch is unpacked at a time."""

    def __init__(self, path: Path) -> None:
        self.path, self.origin = path, str(path)
        with _errors(path):
            with path.open("rb") as stream:
                head = stream.read(len(_FILE_FORMAT))
            if head.startswith(_FIRST_FORMAT):
                raise GeoscopeError(
                    f"expected feather of version 2, got version 1 in {path}; write it again with "
                    "pyarrow.feather.write_feather(pyarrow.feather.read_table(path), new_path)"
                )
            self._is_stream = head != _FILE_FORMAT
            schema = self._opened(()).schema
        self._kinds = [field.type for field in schema]
        self.columns = tuple(typed_column(field.name, field.type) for field in schema)
        self.rows = sum(batch.num_rows for batch in self._read([0])) if self.columns else 0
        self.columns = looked_into(self, self._kinds)

    def batches(self, places: Sequence[int], rows: int, *, text: bool = False) -> Iterator[Any]:
        """As they stand in the file: their length is the writer's."""
        names = [self.columns[place].name for place in places]
        refuse_twice([each.name for each in self.columns if each.name in names], self.origin)
        for batch in self._read(sorted(places)):
            yield batch.select(names)

    def stored(self, place: int) -> np.dtype[Any] | None:
        return stored_dtype(self._kinds[place])

    def _read(self, places: Sequence[int]) -> Iterator[Any]:
        with _errors(self.path):
            reader = self._opened(places)
            if self._is_stream:
                yield from reader
            else:
                yield from (reader.get_batch(number) for number in range(reader.num_record_batches))

    def _opened(self, places: Sequence[int]) -> Any:
        """A reader of the columns at some places; of all of them for none."""
        import pyarrow as pa

        options = pa.ipc.IpcReadOptions(included_fields=list(places))
        open_it = pa.ipc.open_stream if self._is_stream else pa.ipc.open_file
        return open_it(pa.memory_map(str(self.path)), options=options)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise GeoscopeError(
            f"expected embeddings in arrow, got {path}, which cannot be read: {first_line(error)}; write it again"
        ) from error
