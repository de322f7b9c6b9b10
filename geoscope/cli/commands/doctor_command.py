"""`doctor`: the command that asks an installation what is known. Parse, call, print, exit."""

from __future__ import annotations

import typer

from geoscope.cli import options
from geoscope.cli.exits import ExitCode, settled
from geoscope.cli.outputs import chosen_outputs
from geoscope.cli.progress import heard


@settled
@options.spread
def doctor(written: options.Written, telling: options.Telling) -> None:
    """Check this installation: known answers, every quantizer and search, versions, threads, kernels, memory, disk.

    Nothing is fetched. It ends with 0 where all is right, and with 3 where an answer is not the one that is known, or a
    library is broken, missing or of a version that is not used.

    Examples:
        geoscope doctor
        geoscope doctor -o doctor.json                      # for a report of a bug
    """
    outputs = chosen_outputs(written, quiet=telling["quiet"])
    with heard(telling) as ears:
        from geoscope.diagnosis.examining import examine

        diagnosis = examine(ears.progress)
    outputs.send(diagnosis)
    ears.sum_up()
    if diagnosis.of("wrong"):
        raise typer.Exit(ExitCode.UNFINISHED)
