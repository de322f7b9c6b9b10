"""Kept reports: a folder with one report a subject and the settings they share, so that a run can go on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geoscope import __version__
from geoscope.errors import GeoscopeError
from geoscope.files import write_whole
from geoscope.report import Report
from geoscope.tasks.subjects_in_order import named

ROUNDING_ONLY = ("device", "batch_tokens", "memory")
"""Options that change no number beyond rounding."""

_SETTINGS = "settings"
_NOT_KEPT = (*ROUNDING_ONLY, "progress", "announce")


class KeptReports:
    """NAME.json for each subject and settings.json, which says whose each name is and how all were measured.

    Raises GeoscopeError for a folder that holds something else, or reports of other settings.
    """

    def __init__(self, folder: Path, subjects: Sequence[str], options: Mapping[str, Any]) -> None:
        self.folder = folder
        path = folder / f"{_SETTINGS}.json"
        settings = _settings(options)
        held = _held(folder, path)
        if held and held["settings"] != settings:
            names = [name for name in settings if settings[name] != held["settings"].get(name)]
            told = "; ".join(f"{name} {held['settings'].get(name)} (asked: {settings[name]})" for name in names)
            raise GeoscopeError(
                f"expected -o to name a folder of reports with the same settings, got {folder} with "
                f"{told or 'further ones'}; name another folder, or ask for its settings"
            )
        taken = held["reports"] if held else {}
        self._names = named(subjects, taken, reserved=(_SETTINGS,))
        content = {
            "geoscope": "measure",
            "settings": settings,
            "reports": {**taken, **{self._names[subject]: subject for subject in subjects}},
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GeoscopeError(
                f"expected -o where geoscope may write, got {folder}: {error.strerror}; name another folder"
            ) from error
        write_whole(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())

    def path(self, subject: str) -> Path:
        return self.folder / f"{self._names[subject]}.json"

    def read(self, subject: str) -> Report | None:
        """The subject's report, if a whole one was kept; whether the subject is still the same is not known here."""
        try:
            return Report.read(self.path(subject))
        except GeoscopeError:
            return None

    def keep(self, subject: str, report: Report) -> None:
        report.write(self.path(subject))


def _held(folder: Path, path: Path) -> dict[str, Any] | None:
    """What settings.json says, None where the folder is new."""
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise GeoscopeError(
                f"expected -o to name a new folder for the reports of several subjects, or one of such reports, "
                f"got {folder}; name another"
            )
        return None
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["geoscope"] == "measure" and {**held["settings"], **held["reports"]}:
            return dict(held)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GeoscopeError(
            f"expected in {path} the settings of the reports beside it, got something else ({error!r}); "
            "name another folder"
        ) from error
    raise GeoscopeError(f"expected in {path} the settings of reports, got another command's; name another folder")


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option that changes a number, as JSON holds it."""
    kept = {name: value for name, value in options.items() if name not in _NOT_KEPT}
    reference = kept.get("isoscore_reference")
    if isinstance(reference, str | os.PathLike) and Path(reference).is_file():  # another covariance may come there
        kept["isoscore_reference"] = "sha256:" + hashlib.sha256(Path(reference).read_bytes()).hexdigest()
    settings: dict[str, Any] = json.loads(json.dumps({"version": __version__, **kept}, sort_keys=True, default=str))
    return settings
