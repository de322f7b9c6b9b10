"""Shards: a folder of embeddings files of one kind, or one that datasets' save_to_disk wrote, as one matrix."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geoscope.bounds import DESCRIPTION_BYTES, read_whole
from geoscope.errors import GeoscopeError
from geoscope.files import json_content
from geoscope.rows import FloatArray
from geoscope.subjects.kinds import SAVED_DATASET, SAVED_SPLITS, embeddings_suffix
from geoscope.subjects.row_files.array_files import StoredMatrix
from geoscope.wording import listed

_NUMBER = re.compile(r"(\d+)")
_COUNTED = re.compile(r"(\d+)-of-(\d+)")
_MOST_FILES = 1 << 20
_VARIES = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|\d+")  # numbers, and names of writes


@dataclass(frozen=True)
class JoinedMatrix:
    """The rows of several matrices of one width, one after another, all in the widest of their dtypes."""

    parts: tuple[StoredMatrix, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return (sum(part.shape[0] for part in self.parts), self.parts[0].shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return max((part.dtype for part in self.parts), key=lambda dtype: dtype.itemsize)

    @property
    def stored(self) -> np.dtype[Any] | None:
        kinds = {part.stored for part in self.parts}
        return kinds.pop() if len(kinds) == 1 else None

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        first = 0
        for part in self.parts:
            for start, block in part.blocks():
                yield first + start, block.astype(self.dtype, copy=False)
            first += part.shape[0]

    def whole(self) -> FloatArray:
        rows = np.empty(self.shape, dtype=self.dtype)
        for start, block in self.blocks():
            rows[start : start + len(block)] = block
        return rows


def joined(parts: Sequence[StoredMatrix], files: Sequence[Path]) -> JoinedMatrix:
    """The matrices of some files as one; GeoscopeError where one has rows of another width."""
    for part, file in zip(parts, files, strict=True):
        if part.shape[1] != parts[0].shape[1]:
            raise GeoscopeError(
                f"expected rows of one width, got {parts[0].shape[1]} numbers in {files[0]} and {part.shape[1]} in "
                f"{file}; measure them apart"
            )
    return JoinedMatrix(tuple(parts))


def shard_files(folder: Path) -> list[Path]:
    """The files of a folder in the order of their rows: by name, numbers in names by their size.

    Of a folder that save_to_disk wrote, those that it lists. Raises GeoscopeError where files of several kinds, or
    splits, could be meant.
    """
    if (folder / SAVED_SPLITS).is_file():
        splits = [str(split) for split in _listing(folder / SAVED_SPLITS).get("splits", ())]
        raise GeoscopeError(
            f"expected one split of a saved data set, got all of {listed(splits)} in {folder}; name the folder of "
            f"one: {folder / (splits[0] if splits else 'train')}"
        )
    if (folder / SAVED_DATASET).is_file():
        return _saved_files(folder)
    files = [path for path in folder.iterdir() if embeddings_suffix(path) and path.name[0] not in "._"]
    kinds = sorted({embeddings_suffix(path) for path in files})
    if len(kinds) > 1:
        raise GeoscopeError(
            f"expected files of one kind in the folder {folder}, got {', '.join(kinds)}; name one file, or move the "
            "others elsewhere"
        )
    _refuse_subfolders(folder, kinds)
    _refuse_unlike(folder, sorted(files))
    by_number = sorted(files, key=lambda path: (_natural(path.name), path.name))
    by_name = sorted(files, key=lambda path: path.name)
    if by_number != by_name:
        place = next(place for place, pair in enumerate(zip(by_number, by_name, strict=True)) if pair[0] != pair[1])
        warnings.warn(
            f"the files of {folder} are read in the order of their numbers: {by_number[place].name} before "
            f"{by_name[place].name}",
            stacklevel=2,
        )
    return by_number


def shard_name(path: Path) -> str:
    """A file's name without what says its kind: "part-0" of part-0.csv.gz."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def _refuse_subfolders(folder: Path, kinds: Sequence[str]) -> None:
    """Refuse files of the same kind further down, which are not read."""
    for held, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        below = [name for name in names if embeddings_suffix(Path(name)) in kinds and name[0] not in "._"]
        if Path(held) != folder and below:
            raise GeoscopeError(
                f"expected all files in the folder {folder} itself, got {Path(held) / min(below)} too, and files in "
                "subfolders are not read; move them up, or elsewhere"
            )


def _refuse_unlike(folder: Path, files: Sequence[Path]) -> None:
    """Refuse files that are no parts of one whole: the same twice, unlike but for a number, or with one absent."""
    names = {shard_name(file): file for file in reversed(files)}
    for file in files:
        if names[shard_name(file)] != file:
            raise GeoscopeError(
                f"expected every part once in the folder {folder}, got {names[shard_name(file)].name} and {file.name}; "
                "move one elsewhere"
            )
        if _VARIES.sub("#", shard_name(file)) != _VARIES.sub("#", shard_name(files[0])):
            raise GeoscopeError(
                f"expected files whose names differ in a number alone, as part-0 and part-1, got {files[0].name} and "
                f"{file.name} in the folder {folder}; name one file, or rename them if they are parts of one whole"
            )
    counted = [match for file in files if (match := _COUNTED.search(shard_name(file)))]
    if not counted:
        return
    present, total = {int(match[1]) for match in counted}, int(counted[0][2])
    first = int(0 not in present and total in present)
    absent = sorted(set(range(first, first + total)) - present) if total <= _MOST_FILES else []
    if absent:
        digits = len(counted[0][1])
        raise GeoscopeError(
            f"expected {total} files in the folder {folder}, as {files[0].name} says, got none with the number"
            f"{'s' * (len(absent) > 1)} {listed([f'{number:0{digits}}' for number in absent], 6)}; copy what is absent"
        )


def _saved_files(folder: Path) -> list[Path]:
    state = _listing(folder / SAVED_DATASET)
    entries = state.get("_data_files")
    held = [entry.get("filename") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    names = [name for name in held if isinstance(name, str) and name == Path(name).name]
    if not names or len(names) < len(held):
        raise GeoscopeError(
            f"expected the list of a saved data set's files in {folder / SAVED_DATASET}, got none; save it again with "
            "save_to_disk"
        )
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise GeoscopeError(
            f"expected a saved data set whose rows are as they stand in its files, got one with an index beside them "
            f"in {folder}; call flatten_indices() and save it again"
        )
    missing = next((name for name in names if not (folder / name).is_file()), None)
    if missing is not None:
        raise GeoscopeError(f"expected {missing} in the folder {folder}, as its list says, got none; copy it there")
    return [folder / name for name in names]


def _listing(path: Path) -> dict[str, Any]:
    try:
        held: Any = json_content(read_whole(path, "a list of files", DESCRIPTION_BYTES))
    except (OSError, ValueError) as error:
        raise GeoscopeError(
            f"expected a list of files in {path}, got something that is no JSON; save it again"
        ) from error
    if not isinstance(held, dict):
        raise GeoscopeError(f"expected a list of files in {path}, got {type(held).__name__}; save it again")
    return held


def _natural(name: str) -> list[tuple[int, str]]:
    """A name's parts, so that file-2 sorts before file-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBER.split(name)]
