"""`report`: the command that draws reports as one page. Parse, call, print, exit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geoscope import files
from geoscope.cli import options
from geoscope.cli.exits import settled
from geoscope.errors import GeoscopeError
from geoscope.files import STDOUT
from geoscope.forms import output

ReportsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="REPORT...", show_default=False, help="Reports' .json, a study's among them, or - for standard input."
    ),
]


@settled
@options.spread
def report(reports: ReportsArgument, written: options.Destination, screens: options.Screens) -> None:
    """Draw reports as one self-contained HTML page: findings, a chart a measure, every number."""
    destination = written["output"]
    if destination != STDOUT and output.SUFFIXES.get(Path(destination).suffix.lower()) != "html":
        raise GeoscopeError(f"expected -o to name a page that ends in .html or .htm, got {destination}; rename it")
    files.check_destination(destination)
    if reports.count(STDOUT) > 1:
        raise GeoscopeError("expected at most one report on standard input, got several -; name files for the others")
    from geoscope.documents.rendering import read_result, render
    from geoscope.report import Report

    found = [read_result(name) for name in reports]
    if len(found) > 1 and (other := next((each for each in found if not isinstance(each, Report)), None)) is not None:
        raise GeoscopeError(
            f"expected reports of measure or perturb where several are drawn on one page, got a {other.noun}; draw it "
            "alone"
        )
    files.send(render(found if len(found) > 1 else found[0], "html", output.Page(**screens)), destination)
