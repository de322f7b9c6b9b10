"""Finished work: what a folder keeps of a run, whole or not at all, read back only where the same settings made it.

Two ways to tell the settings: in a folder that was claimed for them settings.json says how everything was made, and
work of other settings is refused; else every file's name carries their key, and files of other settings lie unread.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.report import Report
from geoscope.settings.option import numbers

_KEYED = re.compile(r"[^.].*\.[0-9a-f]{16}\.json")


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


def _is_report(path: Path) -> bool:
    try:
        Report.read(path)
    except GeoscopeError:
        return False
    return True


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
        """Delete the reports that were kept under a key, of whatever settings; the user's files stay."""
        if self.folder is not None and self.folder.is_dir():
            for path in self.folder.iterdir():
                if _KEYED.fullmatch(path.name) and _is_report(path):
                    path.unlink()
