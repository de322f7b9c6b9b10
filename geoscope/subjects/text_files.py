"""Text files: one sequence per line, record or row."""

from __future__ import annotations

import io
from pathlib import Path

from geoscope.errors import GeoscopeError
from geoscope.subjects.encodings import read_text
from geoscope.subjects.table_files import read_table
from geoscope.subjects.tables import Table, text_cell

TEXT_SUFFIXES = (".txt", ".jsonl", ".csv", ".parquet")
"""What a corpus file may be called; `.text` and `.tokens` (WikiText's own) read like `.txt`."""

_PLAIN = (".txt", ".text", ".tokens")
_WHAT = "a corpus"
_COLUMNS = ("text", "sentence")


def read_texts(path: Path) -> list[str]:
    """Every text of a file, in order, as it stands there (blank ones too).

    `.txt`: lines. `.jsonl`, `.csv`, `.parquet`: the column (of a record of JSON: field) `text` or `sentence`, or else
    the only one of text, null as a blank; a line of `.jsonl` may also be a string.
    Raises GeoscopeError for an unreadable file, an unknown suffix, or a file without such a field or column.
    """
    suffix = path.suffix.lower()
    if suffix in _PLAIN:
        return io.StringIO(read_text(path, _WHAT), newline=None).read().split("\n")
    if suffix not in TEXT_SUFFIXES:
        raise GeoscopeError(
            f"expected a corpus file that ends in {', '.join(TEXT_SUFFIXES)}, got '{suffix}' in {path}; "
            "rename or convert it"
        )
    table = read_table(path, _WHAT)
    cells = enumerate(table.cells(_chosen_column(table)))
    return ["" if cell is None else text_cell(cell, table.where(row)) for row, cell in cells]


def _chosen_column(table: Table) -> int:
    named = table.place(*_COLUMNS)
    if named is not None:
        return named
    texts = [place for place in range(len(table.columns)) if table.holds_text(place)]
    if len(texts) == 1:
        return texts[0]
    found = f"the text columns {', '.join(table.columns[place] for place in texts)}" if texts else "no column of text"
    raise GeoscopeError(
        f"expected a column 'text' or 'sentence', got {found} in {table.origin}; name the one to read so"
    )
