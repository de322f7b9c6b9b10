"""`perturb`: the command that measures a model at many levels of noise in its weights. Parse, call, print, exit."""

from __future__ import annotations

from pathlib import Path

from geoscope import files
from geoscope.cli import options
from geoscope.cli.exits import settled
from geoscope.cli.progress import heard
from geoscope.files import STDOUT
from geoscope.forms import output
from geoscope.settings.studying import StudyOptions


@settled
@options.spread
def perturb(
    checkpoint: options.CheckpointArgument,
    study: StudyOptions,
    written: options.Written,
    screens: options.Screens,
    telling: options.Telling,
) -> None:
    """Measure a checkpoint at several levels of noise in its weights, beside scores of tasks; run again to go on."""
    destination = written["output"]
    form = output.choose_format(written["form"], destination)
    files.check_destination(destination)
    parts = None if destination == STDOUT else Path(f"{destination}.parts")
    from geoscope.batches.finished_work import FinishedReports
    from geoscope.documents.rendering import render
    from geoscope.studies.study import perturb as study_of

    with heard(telling) as ears:
        report = study_of(checkpoint, parts=parts, **study, progress=ears.progress, announce=ears.announce)
    files.send(render(report, form, output.page_of(destination, **screens)), destination)
    if parts is not None:
        FinishedReports(parts).remove()
    ears.sum_up()
