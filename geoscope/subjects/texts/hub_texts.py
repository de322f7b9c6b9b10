"""Hub texts: a column of a data set on the hub, or in its cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.tables import is_text
from geoscope.subjects.texts.corpus_places import HubPlace
from geoscope.subjects.texts.text_files import Columns, TextColumn, chosen_column

NAMED = {
    "ptb": ("ptb-text-only/ptb_text_only", None, "refs/convert/parquet", "sentence"),
    "wikitext2": ("Salesforce/wikitext", "wikitext-2-v1", None, "text"),
}
"""Of each corpus that has a name and is on the hub: its repository, configuration, revision and column."""

SPLITS = ("train", "validation", "test")

_BATCH_ROWS = 4096


def named_texts(name: str, splits: Sequence[str] | None) -> list[str]:
    """The rows of a named corpus through `datasets`, split after split."""
    wanted = tuple(splits) if splits is not None else SPLITS
    unknown = [split for split in wanted if split not in SPLITS]
    if unknown or not wanted:
        raise GeoscopeError(
            f"expected splits of {name} among {', '.join(SPLITS)}, got '{', '.join(unknown)}'; choose from them"
        )
    from geoscope.subjects.checkpoint_files.hub import OutOfReach, load_dataset

    repository, configuration, revision, column = NAMED[name]
    try:
        loaded = load_dataset(repository, configuration, revision)
    except OutOfReach as error:
        raise GeoscopeError(
            f"expected the corpus '{name}' ({repository}) on the hub or in the cache, got neither: {error}; "
            f"pass a local file with --corpus {name}=FILE"
        ) from error
    return [text for split in SPLITS if split in wanted for text in loaded[split][column]]


def dataset_column(place: HubPlace, columns: Sequence[str]) -> TextColumn:
    """The column of text of a data set's split: the one that the place names, else as `chosen_column` has it."""
    from geoscope.subjects.checkpoint_files.hub import OutOfReach, load_dataset

    try:
        loaded = load_dataset(place.repository, place.configuration, None)
    except OutOfReach as error:
        raise GeoscopeError(
            f"expected the data set '{place.repository}' on the hub or in the cache, got neither: {error}; check the "
            "name, and write ORG/NAME/CONFIGURATION:SPLIT:COLUMN where it has several configurations"
        ) from error
    if place.split not in loaded:
        raise GeoscopeError(
            f"expected a split of {place.repository} among {', '.join(loaded)}, got '{place.split}'; choose one"
        )
    table = _Rows(loaded[place.split], f"{place.repository}:{place.split}")
    return chosen_column(table, columns if place.column is None else [place.column])


class _Rows(Columns):
    """A data set in memory-mapped files."""

    def __init__(self, rows: Any, origin: str) -> None:
        self.origin, self._rows = origin, rows

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._rows.column_names)

    def of_text(self) -> list[str]:
        return [field.name for field in self._rows.features.arrow_schema if is_text(field.type)]

    def cells(self, name: str) -> Iterator[tuple[int, Any]]:
        first = 1
        for batch in self._rows.select_columns([name]).iter(_BATCH_ROWS):
            yield from enumerate(batch[name], start=first)
            first += len(batch[name])
