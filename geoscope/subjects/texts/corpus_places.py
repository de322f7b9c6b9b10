"""Corpus places: what a --corpus names, told by looking at it alone: nothing is read or fetched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.settings.measuring import NAMED_CORPORA
from geoscope.subjects.tables.encodings import unpacked_name
from geoscope.subjects.texts.text_files import TEXT_SUFFIXES, is_plain
from geoscope.wording import meant

PIPE = "-"
"""Standard input."""

_NAMED = re.compile(r"^([\w.-]+)=(.+)$", re.DOTALL)
_DATASET = re.compile(r"^([\w.-]+/[\w.-]+)(?:/([\w.-]+))?:([^:/\s]+)(?::(.+))?$")
_HOW = "for a data set of the hub write ORG/NAME:SPLIT:COLUMN"


@dataclass(frozen=True)
class HubPlace:
    """A split of a data set on the hub, and its column of text (None: `text`, `sentence` or the only one)."""

    repository: str
    configuration: str | None
    split: str
    column: str | None


@dataclass(frozen=True)
class Place:
    """A corpus's name, and where its text is: a file, a pipe, a data set, or where its name says."""

    name: str
    file: Path | None = None
    pipe: str | None = None
    dataset: HubPlace | None = None

    @property
    def has_columns(self) -> bool:
        """Whether one of several columns can be read."""
        return self.dataset is not None or self.pipe is not None or (self.file is not None and not is_plain(self.file))

    @property
    def has_splits(self) -> bool:
        """Whether it comes through `datasets`, all splits of it."""
        return (self.file, self.pipe, self.dataset) == (None, None, None) and self.name != "sample"


def place_of(spec: str) -> Place:
    """Where a corpus is; raises GeoscopeError for an argument that names nothing."""
    if spec in NAMED_CORPORA:
        return Place(spec)
    found = _found(spec, None)
    if found is not None:
        return found
    named = _NAMED.match(spec)
    if named:
        found = _found(named[2], named[1])
        if found is None:
            raise GeoscopeError(
                f"expected a corpus file, got {path_from_home(named[2])} (from '{spec}'), which does not exist; give "
                "the path of a file"
            )
        return found
    path = path_from_home(spec, "a corpus")
    if path.is_dir():
        raise GeoscopeError(f"expected a corpus file, got the folder {path}; name a file in it")
    if unpacked_name(path).suffix.lower() in TEXT_SUFFIXES or len(path.parts) > 1:
        raise GeoscopeError(
            f"expected a corpus file, got {path}, which does not exist; give an existing file "
            f"({' '.join(TEXT_SUFFIXES)}) or one of {', '.join(NAMED_CORPORA)}; {_HOW}"
        )
    what_to_do = meant(spec, NAMED_CORPORA, "give one of them, a file or NAME=FILE")
    if len(spec.split()) > 1:
        what_to_do = "texts themselves are given as texts=[...] in Python, or in a file"
    raise GeoscopeError(f"expected a corpus of {', '.join(NAMED_CORPORA)}, got '{spec}'; {what_to_do}")


def _found(spec: str, name: str | None) -> Place | None:
    """A file, a pipe or a data set, under a name of its own unless one is given."""
    path = path_from_home(spec, "a corpus")
    if spec == PIPE:
        return Place(name or "stdin", pipe=spec)
    if path.is_file():
        return Place(name or unpacked_name(path).stem, file=path)
    if path.is_fifo():
        return Place(name or path.name, pipe=str(path))
    dataset = _DATASET.match(spec)
    if dataset:
        return Place(name or spec, dataset=HubPlace(dataset[1], dataset[2], dataset[3], dataset[4]))
    return None
