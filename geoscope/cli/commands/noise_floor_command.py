"""`noise-floor`: the command that says how far measures move by themselves. Parse, call, print, exit."""

from __future__ import annotations

from typing import Annotated

import typer

from geoscope.cli import options
from geoscope.cli.exits import settled
from geoscope.cli.outputs import chosen_outputs
from geoscope.cli.progress import heard
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
    written: options.TextWritten,
    screens: options.Screens,
    telling: options.Telling,
) -> None:
    """Say how far measures move when nothing changed, over draws or trainings, and the limits that allows.

    Examples:
        geoscope noise-floor ./model                        # draws of its text
        geoscope noise-floor ./model --corpus texts.txt --draws 10
        geoscope noise-floor seed-1.json seed-2.json seed-3.json
    """
    outputs = chosen_outputs(written, quiet=telling["quiet"], piped="table")
    with heard(telling) as ears:
        from geoscope.noise_floors import noise_floor as floor_of

        result = floor_of(*subjects, **floor, progress=ears.progress)
    outputs.send(result, all_measures=screens["all_measures"])
    ears.sum_up()
