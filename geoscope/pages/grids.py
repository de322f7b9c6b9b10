"""Grids: tables of a page, as columns and rows of plain cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geoscope.wording import rounded

_LONG = 24  # characters of words that go on one line


@dataclass(frozen=True)
class Grid:
    """A table; the cells of the first column head their rows. exact: columns whose numbers are told in full too."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    exact: frozenset[str] = frozenset()

    def without_empty(self) -> Grid:
        """The grid less the columns that hold nothing."""
        kept = [at for at in range(len(self.columns)) if any(row[at] not in (None, "") for row in self.rows)]
        return Grid(
            self.caption,
            [self.columns[at] for at in kept],
            [[row[at] for at in kept] for row in self.rows],
            self.exact,
        )

    def is_text(self, place: int) -> bool:
        """Whether a column holds words."""
        return any(isinstance(row[place], str) for row in self.rows)


def shown(cell: Any) -> str:
    """A cell as text, rounded for display."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return rounded(cell)
    if isinstance(cell, list | tuple):
        return ", ".join(shown(part) for part in cell)
    return str(cell)


def kind_of(cell: Any) -> str:
    """A cell's class in the style sheet: none for numbers, and words by whether they may be broken into lines."""
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return ""
    return "words" if len(shown(cell)) > _LONG else "word"


def flattened(content: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """Nested settings as one level, parts joined by spaces."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        key = f"{head} {name}".strip()
        if isinstance(value, Mapping):
            flat |= flattened(value, key)
        else:  # as written: a setting is not rounded
            flat[key] = repr(value + 0.0) if isinstance(value, float) else value
    return flat


def side_by_side(caption: str, labels: Sequence[str], contents: Sequence[Mapping[str, Any]]) -> Grid:
    """A row a name, a column a content; one column where all contents are the same."""
    flat = [flattened(content) for content in contents]
    names = list(dict.fromkeys(name for content in flat for name in content))
    if all(content == flat[0] for content in flat[1:]):
        flat, labels = flat[:1], ["all" if len(flat) > 1 else "value"]
    rows = [[name, *(shown(content.get(name)) for content in flat)] for name in names]
    return Grid(caption, ["name", *labels], rows)
