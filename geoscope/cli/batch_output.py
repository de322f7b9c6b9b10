"""What `measure` writes of several subjects: a folder of reports, and all of them on standard output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from geoscope import files
from geoscope.cli import exits, options
from geoscope.cli.exits import ExitCode
from geoscope.errors import GeoscopeError
from geoscope.files import STDOUT
from geoscope.forms import output

if TYPE_CHECKING:
    from geoscope.batches.batch import ReportBatch


def check_folder(destination: str) -> str | None:
    """-o as the folder of several subjects' reports, None where none was named."""
    if destination == STDOUT:
        return None
    folder = Path(destination).expanduser()
    if folder.is_file() or (not folder.exists() and folder.suffix.lower() in output.SUFFIXES):
        raise GeoscopeError(
            f"expected -o to name a folder for the reports of several subjects, got {destination}; name a folder, "
            "and send the table of all to a file with >"
        )
    if not folder.parent.is_dir():
        raise GeoscopeError(f"expected -o in a folder that exists, got {destination}; make {folder.parent} first")
    return destination


def send_all(batch: ReportBatch, form: str, screens: options.Screens) -> None:
    """All that was measured, on standard output."""
    from geoscope.documents.rendering import render

    if batch.reports:
        files.send(render(batch.reports, form, output.page_of(**screens)))


def end(batch: ReportBatch) -> None:
    """Say why subjects could not be measured, and end with 2 if there are some."""
    for subject, mistake in batch.mistakes.items():
        exits.say(f"{subject} was not measured: {mistake}")
    if batch.mistakes:
        raise typer.Exit(ExitCode.MISTAKE)
