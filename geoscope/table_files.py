"""Table files: the rows of a .tsv, .csv or .parquet as they stand."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError, first_line

TABLE_SUFFIXES = (".tsv", ".csv", ".parquet")


def separated_rows(path: Path, what: str) -> list[list[str]]:
    """Every row of a .csv or .tsv, the header's and empty ones too; a .tsv has no quoting, as GLUE's have none.

    Raises GeoscopeError where `what` cannot be read.
    """
    dialect: dict[str, Any] = {"delimiter": ","}
    if path.suffix.lower() == ".tsv":
        dialect = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.reader(lines, **dialect))
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise GeoscopeError(f"expected {what} in {path}, could not read it: {error}") from error


def parquet_table(path: Path, what: str) -> Any:
    """A parquet file as a pyarrow Table; raises GeoscopeError where `what` cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise GeoscopeError(f"expected {what} in {path}, could not read it: {first_line(error)}") from error
