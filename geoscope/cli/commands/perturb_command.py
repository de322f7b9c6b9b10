"""`perturb`: the command that measures a model at many levels of noise in its weights. Parse, call, print, exit."""

from __future__ import annotations

from geoscope.cli import options
from geoscope.cli.exits import settled
from geoscope.cli.outputs import chosen_outputs
from geoscope.cli.progress import heard
from geoscope.run_folders import only_writer, parts_of
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
    """Measure a checkpoint at several levels of noise in its weights, beside scores of tasks; run again to go on.

    Examples:
        geoscope perturb ./checkpoint -o study.json
        geoscope perturb ./checkpoint --probe cola,sst2 --levels 0,1,5 -o study.json
        geoscope perturb ./checkpoint --kind untrained -o study.json -o study.html
    """
    outputs = chosen_outputs(written, quiet=telling["quiet"])
    parts = None if outputs.first_file is None else parts_of(outputs.first_file)
    with only_writer(parts, "-o", temporary=True):
        with heard(telling) as ears:
            from geoscope.batches.finished_work import FinishedReports
            from geoscope.studies.study import perturb as study_of

            report = study_of(checkpoint, parts=parts, **study, progress=ears.progress, announce=ears.announce)
        outputs.send(report, all_measures=screens["all_measures"])
        if parts is not None:
            FinishedReports(parts).remove()
    ears.sum_up()
