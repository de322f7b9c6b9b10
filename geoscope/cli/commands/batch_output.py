"""What `measure` writes of several subjects: a folder of reports, and all of them on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from geoscope.cli import exits
from geoscope.cli.exits import ExitCode
from geoscope.errors import GeoscopeError
from geoscope.files import STDOUT, path_from_home
from geoscope.forms import output

if TYPE_CHECKING:
    from geoscope.batches.batch import ReportBatch


def check_folder(destinations: Sequence[str]) -> str | None:
    """-o as the folder of several subjects' reports, None where none was named."""
    if list(destinations) in ([], [STDOUT]):
        return None
    if len(destinations) > 1:
        raise GeoscopeError(
            f"expected one -o, a folder for the reports of several subjects, got {len(destinations)}; draw what is in "
            "it with `geoscope report`"
        )
    (destination,) = destinations
    folder = path_from_home(destination)
    if folder.is_file() or (not folder.exists() and folder.suffix.lower() in output.SUFFIXES):
        raise GeoscopeError(
            f"expected -o to name a folder for the reports of several subjects, got {destination}; name a folder, "
            "and send the table of all to a file with >"
        )
    if not folder.parent.is_dir():
        raise GeoscopeError(f"expected -o in a folder that exists, got {destination}; make {folder.parent} first")
    return destination


def end(batch: ReportBatch) -> None:
    """Say why subjects could not be measured, and end with 2 if there are some."""
    lines = [f"{subject} was not measured: {mistake}" for subject, mistake in batch.mistakes.items()]
    exits.say_some(lines, "were not", beside=4)
    if not batch.reports:
        exits.say(f"expected a subject that can be measured, got none among {len(lines):,}; mend one of them")
    if batch.mistakes:
        raise typer.Exit(ExitCode.MISTAKE)
