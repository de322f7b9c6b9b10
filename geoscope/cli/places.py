"""Places: what a command reads and what it writes, by path, held against each other before it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.files import STDOUT

_HEAD = 4096
"""So many bytes of a file tell whether geoscope wrote it."""


@dataclass(frozen=True)
class _Place:
    """What is at a path that was typed; two that are one file are equal here, whatever they are called."""

    typed: str
    path: Path
    status: os.stat_result | None

    @classmethod
    def at(cls, typed: str) -> _Place:
        path = Path(typed)
        try:
            path = Path(os.path.realpath(path.expanduser()))
            return cls(typed, path, path.stat())
        except (OSError, RuntimeError, ValueError):  # nothing there, nobody's home, or nothing that a path can be
            return cls(typed, path, None)

    def same(self, other: _Place) -> bool:
        if self.status is None or other.status is None:
            return self.path == other.path
        return os.path.samestat(self.status, other.status)

    @property
    def is_folder(self) -> bool:
        return self.status is not None and self.path.is_dir()


def hold_apart(reads: Iterable[Any], writes: Iterable[tuple[str, str]]) -> None:
    """Refuse an output over an input, by whatever name or link, within a folder that is read, or around one; or twice.

    reads: what was typed that may name files or folders. writes: option and place of each output.
    """
    inputs: list[_Place] | None = None
    seen: list[tuple[str, _Place]] = []
    for option, typed in writes:
        if typed == STDOUT:
            continue
        place = _Place.at(typed)
        for other_option, other in seen:
            if place.same(other):
                each = f"every {option}" if option == other_option else f"{other_option} and {option}"
                raise GeoscopeError(
                    f"expected {each} to name a file of its own, got {other.typed} and {typed}; drop one"
                )
        seen.append((option, place))
        if place.status is None:  # nothing there that could be lost
            continue
        if inputs is None:
            inputs = [*_inputs(reads)]
        _hold_apart(option, place, inputs)


def _hold_apart(option: str, place: _Place, inputs: Iterable[_Place]) -> None:
    for read in inputs:
        if place.same(read):
            raise GeoscopeError(
                f"expected {option} to name what is not read, got {place.typed}, which is the input {read.typed}; "
                "name another"
            )
        if read.is_folder and not place.is_folder and read.path in place.path.parents and _is_read(read, place.path):
            raise GeoscopeError(
                f"expected {option} to name what is not read, got {place.typed}, a file of the input {read.typed}; "
                "name another"
            )
        if place.is_folder and place.path in read.path.parents:
            raise GeoscopeError(
                f"expected {option} to name a folder that nothing is read from, got {place.typed}, which holds the "
                f"input {read.typed}; name a new folder"
            )


def _inputs(reads: Iterable[Any]) -> Iterator[_Place]:
    """Everything there that was typed, or stands behind the first = or : of it; of -, the file standard input is of."""
    for text in dict.fromkeys(_texts(reads)):
        if text == "-":
            with suppress(OSError, ValueError, AttributeError):  # closed, or none
                yield _Place("-", Path("/dev/stdin"), os.fstat(sys.stdin.fileno()))
        for name in dict.fromkeys((text, text.partition("=")[2], text.partition(":")[2])):
            if name and (found := _Place.at(name)).status is not None:
                yield found


def _texts(given: Any) -> Iterator[str]:
    """Every text among what was typed."""
    if isinstance(given, (str, Path)):
        yield str(given)
    elif isinstance(given, Mapping):
        yield from _texts(given.values())
    elif isinstance(given, Iterable):
        for each in given:
            yield from _texts(each)


def _is_read(folder: _Place, file: Path) -> bool:
    """Whether reading a folder may read a file in it: of a checkpoint all but what geoscope wrote, else by suffix."""
    from geoscope.subjects.kinds import Kind, embeddings_suffix, is_extracted, kind_of

    try:
        kind = kind_of(folder.path)
    except GeoscopeError:  # of reports, say
        kind = None
    if kind is Kind.TEXT:
        return not _is_written(file)
    if is_extracted(folder.path):
        return file.parent == folder.path and file.suffix in (".json", ".npy") and not _is_written(file)
    return file.suffix == ".json" or bool(embeddings_suffix(file))


def _is_written(file: Path) -> bool:
    """Whether geoscope wrote a file: a result's JSON, page or CSV shows it at its beginning."""
    try:
        with open(file, "rb") as opened:
            head = opened.read(_HEAD)
    except OSError:
        return False
    columns = head.split(b"\n")[0].split(b",")
    return b'"geoscope_version"' in head or b'content="geoscope' in head or b"measure" in columns
