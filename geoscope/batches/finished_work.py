"""Finished work: what a folder keeps of a run, whole or not at all, read back only where the same settings made it.

Two ways to tell the settings: in a folder that was claimed for them settings.json says how everything was made, and
work of other settings is refused; else every file's name carries their key, and files of other settings lie unread.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.bounds import DESCRIPTION_BYTES, read_whole
from geoscope.errors import GeoscopeError
from geoscope.files import write_json
from geoscope.report import Report
from geoscope.settings.option import numbers

SETTINGS = "settings"
"""The name of the file that says how a claimed folder's work was made."""


def that_count(group: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a group that change a number, as JSON holds them."""
    counted = numbers(group, options)
    reference = counted.get("isoscore_reference")
    if isinstance(reference, str | os.PathLike) and Path(reference).is_file():  # another covariance may come there
        with Path(reference).open("rb") as file:
            counted["isoscore_reference"] = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    held: dict[str, Any] = json.loads(json.dumps(counted, sort_keys=True, default=str))
    return held


def key_of(settings: Mapping[str, Any]) -> str:
    """A hash of settings, short enough for a file's name."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def difference(name: str, asked: Any, held: Any) -> str:
    """What of a setting is not as it was asked, in words; empty where all is. What a thing is called does not count."""
    if isinstance(asked, Mapping) and isinstance(held, Mapping):
        parts = [difference(key, asked.get(key), held.get(key)) for key in {**asked, **held} if key != "name"]
        return ", ".join(part for part in parts if part)
    return "" if asked == held else f"{name} {held} (asked: {asked})"


@dataclass(frozen=True)
class FinishedReports:
    """Reports by name. folder: made when the first is kept; None keeps nothing. key: of the settings, in file names."""

    folder: Path | None
    key: str | None = None

    def read(self, name: str) -> Report | None:
        """The report of that name, or None where no whole one was kept."""
        if self.folder is None:
            return None
        try:
            return Report.read(self._path(self.folder, name))
        except GeoscopeError:
            return None

    def keep(self, name: str, report: Report) -> None:
        """Write the report, whole or not at all."""
        if self.folder is not None:
            self.folder.mkdir(exist_ok=True)
            report.write(self._path(self.folder, name))

    def _path(self, folder: Path, name: str) -> Path:
        return folder / (f"{name}.json" if self.key is None else f"{name}.{self.key}.json")

    def remove(self) -> None:
        """Delete the folder's reports, of whatever settings, and the folder if nothing else is in it."""
        if self.folder is not None and self.folder.is_dir():
            for path in [*self.folder.glob("*.json"), *self.folder.glob(".*.json.*.tmp")]:
                path.unlink()
            if not any(self.folder.iterdir()):
                self.folder.rmdir()


@dataclass(frozen=True)
class ClaimedFolder:
    """A folder for work of the same settings. option: that named it; what: it holds; new: what a new one is called."""

    folder: Path
    option: str
    what: str
    new: str

    @property
    def path(self) -> Path:
        """The file that says the settings."""
        return self.folder / f"{SETTINGS}.json"

    def held(self) -> dict[str, Any] | None:
        """What the folder says, None where it is new. Raises GeoscopeError for one that holds something else."""
        if not self.path.is_file():
            if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
                raise GeoscopeError(f"expected {self.option} to name {self.new}, got {self.folder}; name another")
            return None
        try:
            return dict(json.loads(read_whole(self.path, "settings", DESCRIPTION_BYTES).decode("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise GeoscopeError(
                f"expected in {self.path} the settings of the {self.what} beside it, got something else ({error!r}); "
                "name another folder"
            ) from error

    def check(self, asked: Mapping[str, Any], held: Mapping[str, Any]) -> None:
        """Raises GeoscopeError where settings that are asked for are not the folder's."""
        told = [difference(name, asked.get(name), held.get(name)) for name in {**asked, **held}]
        if any(told):
            raise GeoscopeError(
                f"expected {self.option} to name a folder of {self.what} with the same settings, got {self.folder} "
                f"with {'; '.join(filter(None, told))}; name another folder, or ask for its settings"
            )

    def claim(self, content: Mapping[str, Any]) -> None:
        """Write what the folder is to say, making it where it is new."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.path, content)
        except OSError as error:
            raise GeoscopeError(
                f"expected {self.option} where geoscope may write, got {self.folder}: {error.strerror}; "
                "name another folder"
            ) from error
