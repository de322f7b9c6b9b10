"""`correlate`: the command that relates measures to downstream scores. Parse, call, print, exit."""

from __future__ import annotations

from typing import Annotated

import typer

from geoscope.cli import exits, options
from geoscope.cli.exits import settled
from geoscope.cli.outputs import chosen_outputs
from geoscope.settings.correlating import CorrelateOptions

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
        help="A .csv, .tsv, .jsonl, .parquet or .json with the columns subject, task, score (and noise_level, "
        "noise_seed, layer, or any other), or with one row a subject and one column a task; results of "
        "lm-evaluation-harness, mteb, lighteval or the Trainer, or a folder of them; reports with scores of their own; "
        "a folder of finetune.",
    ),
]


@settled
@options.spread
def correlate(
    reports: ReportsArgument,
    scores: ScoresArgument,
    relating: CorrelateOptions,
    written: options.TextWritten,
    screens: options.Screens,
    telling: options.Quiet,
) -> None:
    """Relate measures to downstream scores, and say what a confounder such as the noise level leaves of it.

    Examples:
        geoscope correlate study.json                       # of a study with probes
        geoscope correlate bert.json gpt2.json --by model   # studies of two models
        geoscope correlate reports/ scores.csv -o page.html -o table.csv
    """
    exits.mind_warnings(quiet=telling["quiet"])
    outputs = chosen_outputs(written, quiet=telling["quiet"], piped="table")
    from geoscope.correlations.correlate import correlate as related

    result = related(reports, scores, **relating)
    outputs.send(result, all_measures=screens["all_measures"])
    if not telling["quiet"] and outputs.on_stdout in (None, "csv"):
        for caution in result.cautions:
            exits.say(f"warning: {caution.text}")
