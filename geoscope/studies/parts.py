"""Parts: the finished states of a study in a folder, so that one that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.report import Report
from geoscope.studies.states import State


class Parts:
    """One report a state, in files named by the state and by a hash of every setting that changes a number.

    folder: made when the first part is kept; None keeps nothing. A part made with other settings is never read.
    """

    def __init__(self, folder: Path | None, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        text = json.dumps(settings, sort_keys=True, default=str)
        self._key = hashlib.sha256(text.encode()).hexdigest()[:16]

    def read(self, state: State) -> Report | None:
        """The part of that state, or None if it has not been kept whole."""
        if self._folder is None:
            return None
        try:
            return Report.read(self._path(self._folder, state))
        except GeoscopeError:
            return None

    def keep(self, state: State, report: Report) -> None:
        if self._folder is not None:
            self._folder.mkdir(exist_ok=True)
            report.write(self._path(self._folder, state))

    def _path(self, folder: Path, state: State) -> Path:
        return folder / f"{state.name}.{self._key}.json"


def remove_parts(folder: Path) -> None:
    """Delete the parts in a folder, of whatever settings, and the folder if nothing else is in it."""
    if folder.is_dir():
        for path in [*folder.glob("*.json"), *folder.glob(".*.json.*.tmp")]:
            path.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
