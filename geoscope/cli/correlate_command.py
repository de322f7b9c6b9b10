"""`correlate`: the command that relates measures to downstream scores. Parse, call, print, exit."""

from __future__ import annotations

from typing import Annotated

import typer

from geoscope import files
from geoscope.cli import exits, options
from geoscope.cli.exits import settled
from geoscope.files import STDOUT
from geoscope.forms import output

ReportsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="REPORT",
        default_factory=list,
        show_default=False,
        help="Reports, folders of them, or a study by perturb. May be left out where SCORES holds the measures too.",
    ),
]
ScoresArgument = Annotated[
    str,
    typer.Argument(
        metavar="SCORES",
        show_default=False,
        help="A .csv, .tsv or .json with the columns subject, task, score (and noise_level, noise_seed, layer, or any "
        "other); results of lm-evaluation-harness or mteb, or a folder of them; reports with scores of their own; a "
        "folder of finetune.",
    ),
]
TaskOption = Annotated[
    list[str] | None,
    typer.Option(
        "--task", metavar="TASK|mean", show_default="all, and their mean", help="A task of the scores; may be repeated."
    ),
]
GivenOption = Annotated[
    list[str] | None,
    typer.Option(
        "--given",
        metavar="[log:]COLUMN,...",
        show_default="noise_level; log:noise_level",
        help="Columns to take out of the correlation together: of the scores, another measure, or architecture, "
        "parameters, hidden_size; may be repeated.",
    ),
]
MeasuresOption = Annotated[
    str | None,
    typer.Option(
        "--measures",
        metavar="a,b,...",
        show_default="all",
        help="Measures, families, or columns of the scores.",
    ),
]
PredictOption = Annotated[
    list[str] | None,
    typer.Option(
        "--predict",
        metavar="REPORT",
        show_default=False,
        help="A new subject's report (or a folder): its score, by each measure, with a 95 % interval; may be repeated.",
    ),
]


@settled
def correlate(
    reports: ReportsArgument,
    scores: ScoresArgument,
    tasks: TaskOption = None,
    given: GivenOption = None,
    measures: MeasuresOption = None,
    predict: PredictOption = None,
    form: options.FormatOption = None,
    destination: options.OutputOption = STDOUT,
    quiet: options.QuietOption = False,
) -> None:
    """Relate measures to downstream scores, and say what a confounder such as the noise level leaves of it."""
    form_of_output = output.choose_format(form, destination)
    files.check_destination(destination)
    from geoscope.correlations.correlating import correlate as related
    from geoscope.rendering import render_correlations

    result = related(
        reports,
        scores,
        tasks=tasks,
        given=given,
        measures=None if measures is None else [name.strip() for name in measures.split(",") if name.strip()],
        predict=predict or [],
    )
    files.send(render_correlations(result, form_of_output, output.page_of(destination)), destination)
    if not quiet and (destination != STDOUT or form_of_output in ("json", "csv")):
        for caution in result.cautions:
            exits.say(f"warning: {caution.text}")
