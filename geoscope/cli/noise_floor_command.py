"""`noise-floor`: the command that says how far measures move by themselves. Parse, call, print, exit."""

from __future__ import annotations

from typing import Annotated

import typer

from geoscope import files
from geoscope.cli import options
from geoscope.cli.exits import settled
from geoscope.cli.progress import heard
from geoscope.forms import output
from geoscope.settings.judging import FloorOptions

SubjectsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SUBJECT...",
        show_default=False,
        help="One subject as measure takes it, to be measured on several draws of its sequences; or several trainings "
        "(or their reports), each measured on the same sequences.",
    ),
]


@settled
@options.spread
def noise_floor(
    subjects: SubjectsArgument,
    floor: FloorOptions,
    written: options.Written,
    screens: options.Screens,
    telling: options.Telling,
) -> None:
    """Say how far measures move when nothing changed, over draws or trainings, and the limits that allows."""
    destination = written["output"]
    form = output.choose_format(written["form"], destination)
    files.check_destination(destination)
    from geoscope.documents.rendering import render
    from geoscope.noise_floors import noise_floor as floor_of

    with heard(telling) as ears:
        result = floor_of(*subjects, **floor, progress=ears.progress)
    files.send(render(result, form, output.page_of(destination, **screens)), destination)
    ears.sum_up()
