"""`size-curve`: the command that says how much text a number needs. Parse, call, print, exit."""

from __future__ import annotations

from typing import Annotated

import typer

from geoscope.cli import options
from geoscope.cli.exits import settled
from geoscope.cli.outputs import chosen_outputs
from geoscope.cli.progress import heard
from geoscope.settings.judging import CurveOptions

SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="SUBJECT", show_default=False, help="As measure takes it; its sequences or rows are drawn from."
    ),
]


@settled
@options.spread
def size_curve(
    subject: SubjectArgument,
    curve: CurveOptions,
    written: options.TextWritten,
    screens: options.Screens,
    telling: options.Telling,
) -> None:
    """Measure growing samples of a subject: how much text each number needs.

    Examples:
        geoscope size-curve ./model -o curve.json -o curve.html
        geoscope size-curve ./model --sequence-counts 100,300,1000
        geoscope size-curve rows.npy --rows 250,500,1000 --measures isotropy
    """
    outputs = chosen_outputs(written, quiet=telling["quiet"], piped="table")
    with heard(telling) as ears:
        from geoscope.size_curves import size_curve as curve_of

        result = curve_of(subject, **curve, progress=ears.progress, announce=ears.announce)
    outputs.send(result, all_measures=screens["all_measures"])
    ears.sum_up()
