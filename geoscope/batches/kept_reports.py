"""Kept reports: a folder with one report a subject and the settings they share, so that a run can go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geoscope import __version__
from geoscope.batches.finished_work import FinishedReports, that_count
from geoscope.batches.subjects_in_order import named
from geoscope.errors import GeoscopeError
from geoscope.report import Report
from geoscope.run_folders import SETTINGS, ClaimedFolder
from geoscope.settings.measuring import MeasureOptions

_NEW = "a new folder for the reports of several subjects, or one of such reports"
_COMMAND = "measure"


class KeptReports:
    """NAME.json for each subject and settings.json, which says whose each name is and how all were measured.

    Raises GeoscopeError for a folder that holds something else, or reports of other settings.
    """

    def __init__(self, folder: Path, subjects: Sequence[str], options: Mapping[str, Any]) -> None:
        claimed = ClaimedFolder(folder, "-o", "reports", _NEW)
        settings = {"version": __version__, **that_count(MeasureOptions, options)}
        held = claimed.held()
        taken: dict[str, str] = {}
        if held is not None:
            whole = all(isinstance(held.get(part), dict) for part in ("settings", "reports"))
            if not whole or held.get("geoscope") != _COMMAND:
                raise GeoscopeError(
                    f"expected in {claimed.path} the settings of reports, got another command's; name another folder"
                )
            claimed.check(settings, held["settings"])
            taken = held["reports"]
        self._names = named(subjects, taken, reserved=(SETTINGS, *_foreign(folder, taken)))
        reports = {**taken, **{self._names[subject]: subject for subject in subjects}}
        claimed.claim({"geoscope": _COMMAND, "settings": settings, "reports": reports})
        self._finished = FinishedReports(folder)

    def read(self, subject: str) -> Report | None:
        """The subject's report, if a whole one was kept; whether the subject is still the same is not known here."""
        return self._finished.read(self._names[subject])

    def keep(self, subject: str, report: Report) -> None:
        """Write the subject's report, whole or not at all."""
        self._finished.keep(self._names[subject], report)


def _foreign(folder: Path, reports: Mapping[str, str]) -> list[str]:
    """The names of files in a folder that are no report of its own, which none may overwrite."""
    return [path.stem for path in folder.glob("*.json") if path.stem not in (*reports, SETTINGS)]
