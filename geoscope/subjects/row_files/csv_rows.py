"""CSV rows: the columns of a .csv or .tsv, read a few megabytes at a time by pyarrow; numbers are float64."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, first_line
from geoscope.subjects.row_files.csv_heads import csv_head
from geoscope.subjects.row_files.table_rows import RowTable
from geoscope.subjects.tables.encodings import unpacked

_AT_ONCE = 1 << 20
_COUNT = re.compile(r"Expected (\d+) columns, got (\d+)")
_VALUE = re.compile(r"In CSV column #(\d+): .*invalid value '(.*)'", re.DOTALL)
_ROW = re.compile(r"Row #(\d+)")


class CsvRows(RowTable):
    """The rows of a .csv or .tsv, or of one in a .gz, whose delimiter and names are found by looking at its head."""

    first_row = 1

    def __init__(self, path: Path, *, tabs: bool = False) -> None:
        self.path, self.origin = path, str(path)
        self._head = csv_head(path, tabs=tabs)
        self.columns = self._head.columns
        self.rows = sum(batch.num_rows for batch in self.batches([0], 0, text=True))

    def batches(self, places: Sequence[int], rows: int, *, text: bool = False) -> Iterator[Any]:
        with self._errors(places, text):
            yield from self._reader(places, text=text)

    def stored(self, place: int) -> np.dtype[Any] | None:
        return None

    def _reader(self, places: Sequence[int], *, text: bool, threads: bool = True) -> Any:
        import pyarrow as pa
        from pyarrow import csv

        head = self._head
        names = [str(place) for place in range(len(head.columns))]
        numbers = {str(place) for place in places if head.columns[place].is_number and not text}
        return csv.open_csv(
            pa.input_stream(unpacked(self.path) if self.path.suffix.lower() == ".gz" else str(self.path)),
            read_options=csv.ReadOptions(
                use_threads=threads,
                block_size=max(_AT_ONCE, 4 * head.longest),
                skip_rows=head.skipped,
                column_names=names,
                encoding=head.encoding,
            ),
            parse_options=csv.ParseOptions(delimiter=head.delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.float64() if name in numbers else pa.string() for name in names},
                include_columns=[str(place) for place in places],
                decimal_point=head.decimal,
                null_values=["", "NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None"],
            ),
        )

    @contextmanager
    def _errors(self, places: Sequence[int], text: bool) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise self._refusal(error, places, text) from error

    def _refusal(self, error: Exception, places: Sequence[int], text: bool) -> GeoscopeError:
        """What pyarrow says of the file, with the row, which it knows only when it reads with one thread."""
        import pyarrow as pa

        try:
            for _ in self._reader(places, text=text, threads=False):
                pass
        except (pa.ArrowException, OSError, UnicodeError) as again:
            error = again
        said = str(error)
        row = _ROW.search(said)
        where = f"row {row[1]} of {self.path}" if row else str(self.path)
        if count := _COUNT.search(said):
            return GeoscopeError(
                f"expected {count[1]} cell{'s' * (count[1] != '1')} in a row, got {count[2]} in {where}; mend the row"
            )
        if value := _VALUE.search(said):
            name = self.columns[int(value[1])].name
            return GeoscopeError(
                f"expected numbers in the column '{name}', got {value[2][:40]!r} in {where}; mend the row or cut it"
            )
        return GeoscopeError(f"expected rows of cells, got {where}, which cannot be read: {first_line(error)}; mend it")
