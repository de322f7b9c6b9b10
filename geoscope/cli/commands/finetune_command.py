"""`finetune`: the command that trains under a regularizer and tracks geometry. Parse, call, print, exit."""

from __future__ import annotations

from typing import Annotated

import typer

from geoscope.cli import options
from geoscope.cli.exits import settled
from geoscope.cli.outputs import Outputs
from geoscope.cli.progress import heard
from geoscope.files import STDOUT
from geoscope.forms import output
from geoscope.forms.output import Form
from geoscope.run_folders import only_writer
from geoscope.settings.fine_tuning import FineTuningOptions
from geoscope.settings.option import Option
from geoscope.settings.texts import TASK_WORDS

TaskOption = Annotated[
    str,
    typer.Option(
        "--task",
        metavar="NAME[=DIR]|FILE|mlm:CORPUS|clm:CORPUS",
        show_default=False,
        help=f"{', '.join(TASK_WORDS)}, through datasets or from a folder of their files; a .tsv .csv .parquet of "
        "sentence (or sentence1, sentence2) and label; or masked or causal language modelling on a corpus.",
        rich_help_panel="Task",
    ),
]
RunFolderOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        show_default=False,
        help="Folder of the runs: checkpoints, scores, geometry and results; run again to go on, or to add runs.",
        rich_help_panel="Output",
    ),
]


class Printed(options.Telling):
    """What is printed and said."""

    form: Annotated[
        Form | None,
        Option(
            None, "Form of what is printed; the folder gets results.json, .csv, .md and .html.", "Output",
            flags=("--format",), shown="table", often=5,
        ),
    ]  # fmt: skip


@settled
@options.spread
def finetune(
    checkpoint: options.CheckpointArgument,
    task: TaskOption,
    folder: RunFolderOption,
    training: FineTuningOptions,
    printed: Printed,
) -> None:
    """Fine-tune with I-STAR, CosReg, persistent entropy or patchiness beside none; scores and geometry over seeds.

    Examples:
        geoscope finetune ./checkpoint --task mrpc --regularizer istar=1 -o runs/
        geoscope finetune ./checkpoint --task data.csv --batch-size 16,64 -o runs/
        geoscope finetune ./checkpoint --task rte=GLUE/RTE --recipe istar2024 -o runs/
    """
    outputs = Outputs({STDOUT: output.choose_format(printed["form"], piped="table")}, printed["quiet"])
    with only_writer(folder, "-o"):
        with heard(printed) as ears:
            from geoscope.documents.rendering import write_beside
            from geoscope.finetuning.sweeps import finetune as sweep

            result = sweep(
                checkpoint, task=task, output=folder, **training, progress=ears.progress, announce=ears.announce
            )
        write_beside(result, folder)
    outputs.send(result)
    ears.sum_up()
