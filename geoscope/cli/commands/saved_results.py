"""`show` and `report`: saved results in a terminal, and as a page. Parse, call, print, exit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geoscope import files
from geoscope.cli import options
from geoscope.cli.exits import settled
from geoscope.cli.outputs import Outputs, chosen_outputs
from geoscope.errors import GeoscopeError
from geoscope.files import STDOUT, path_of
from geoscope.forms import output

if TYPE_CHECKING:
    from geoscope.result import Result

ResultsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        show_default=False,
        help="A result that was saved as JSON: a report, a study, a comparison, a check, a noise floor, correlations, "
        "a fine-tuning (or the folder of its runs); - for standard input. Several reports stand beside each other.",
    ),
]


@settled
@options.spread
def show(
    results: ResultsArgument, written: options.GateTextWritten, screens: options.Screens, telling: options.Quiet
) -> None:
    """Show a saved result as the table that its command printed.

    Examples:
        geoscope show report.json
        geoscope show comparison.json --format markdown
        geoscope show before.json after.json -o both.csv
    """
    outputs = chosen_outputs(written, quiet=telling["quiet"], forms=output.GATE_FORMS, piped="table")
    outputs.send(_read(results), all_measures=screens["all_measures"])


@settled
@options.spread
def report(results: ResultsArgument, written: options.Destinations, screens: options.Screens) -> None:
    """Draw saved results as one self-contained HTML page: findings, a chart a measure, every number.

    Examples:
        geoscope report report.json -o page.html
        geoscope report before.json after.json -o page.html
        geoscope report comparison.json -o page.html
    """
    places = list(written["output"]) or [STDOUT]
    for place in places:
        if place != STDOUT and output.SUFFIXES.get(Path(place).suffix.lower()) != "html":
            raise GeoscopeError(f"expected -o to name a page that ends in .html or .htm, got {place}; rename it")
    if STDOUT in places and sys.stdout.isatty():
        raise GeoscopeError(
            "expected -o with a page to write, got a terminal, where HTML is of no use; give -o page.html, or see the "
            "result here with `geoscope show`"
        )
    for place in places:
        files.check_destination(place)
    Outputs(dict.fromkeys(places, "html")).send(_read(results), all_measures=screens["all_measures"])


def _read(names: Sequence[str]) -> Result | Sequence[Result]:
    """The results, by the kind that each names; several only of reports."""
    if names.count(STDOUT) > 1:
        raise GeoscopeError("expected at most one result on standard input, got several -; name files for the others")
    from geoscope.documents.rendering import read_result
    from geoscope.report import Report

    found = [read_result(_file_of(name)) for name in names]
    if len(found) > 1 and (other := next((each for each in found if not isinstance(each, Report)), None)) is not None:
        raise GeoscopeError(
            f"expected reports of measure or perturb where there are several, got a {other.noun}; give it alone"
        )
    return found if len(found) > 1 else found[0]


def _file_of(name: str) -> str:
    """The file that is meant; in a folder of `finetune`, its results."""
    folder = path_of(name)
    if name == STDOUT or not folder.is_dir():
        return name
    if not (folder / "results.json").is_file():
        raise GeoscopeError(
            f"expected a saved result, got the folder {name} without results.json; name files, as in {folder}/*.json"
        )
    return str(folder / "results.json")
