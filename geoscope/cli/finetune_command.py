"""`finetune`: the command that trains under a regularizer and tracks geometry. Parse, call, print, exit."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from geoscope import files
from geoscope.cli import exits, options
from geoscope.cli.exits import settled
from geoscope.finetuning.arms import REFERENCE_POINTS, numbers_of
from geoscope.forms import output

_TASK, _PENALTY, _TRAINING = "Task", "Regularizer", "Training"


class Selection(StrEnum):
    """Which bars a persistent entropy is of."""

    all = "all"
    strict = "strict"
    relative = "relative"
    published = "published"
    random = "random"


class PointsFrom(StrEnum):
    """Which hidden states a regularizer sees."""

    tokens = "tokens"
    last = "last"
    first = "first"
    published = "published"


class RecipeName(StrEnum):
    """Whose settings are taken where an option is not given."""

    istar2024 = "istar2024"
    shrink2025 = "shrink2025"


TaskOption = Annotated[
    str,
    typer.Option(
        "--task",
        metavar="NAME[=DIR]|FILE|mlm:CORPUS",
        show_default=False,
        help="cola, mrpc, sst2, rte, stsb, through datasets or from a folder of their files; a .tsv .csv .parquet of "
        "sentence (or sentence1, sentence2) and label; or masked language modelling on a corpus.",
        rich_help_panel=_TASK,
    ),
]
TrainExamplesOption = Annotated[
    int | None,
    typer.Option(
        "--train-examples", metavar="N", min=2, show_default="all", help="Training examples, drawn by --seed.",
        rich_help_panel=_TASK,
    ),
]  # fmt: skip
RegularizerOption = Annotated[
    list[str] | None,
    typer.Option(
        "--regularizer",
        metavar="NAME[=W,W...]",
        show_default="none",
        help="none, istar, cosreg or entropy, with weights of its own or those of --weight; may be repeated.",
        rich_help_panel=_PENALTY,
    ),
]
WeightOption = Annotated[
    str,
    typer.Option(
        "--weight",
        metavar="W[,W...]",
        help="What the penalty is multiplied by. istar: above 0 raises isotropy, below 0 lowers it; cosreg: above 0 "
        "lowers the mean cosine; entropy: above 0 raises persistent entropy; 0 is none.",
        rich_help_panel=_PENALTY,
    ),
]
ShrinkageOption = Annotated[
    str | None,
    typer.Option(
        "--shrinkage",
        metavar="Z[,Z...]",
        show_default="0.2",
        help="istar: the weight on the reference covariance, 0 to 1.",
        rich_help_panel=_PENALTY,
    ),
]
SelectionOption = Annotated[
    Selection | None,
    typer.Option(
        "--selection", show_default="published", help="entropy: the bars that count.", rich_help_panel=_PENALTY
    ),
]  # fmt: skip
NoiseWeightOption = Annotated[
    float,
    typer.Option(
        "--noise-weight",
        metavar="W",
        min=0.0,
        help="entropy: above 0 adds the released code's term, which lengthens the bars that do not count.",
        rich_help_panel=_PENALTY,
    ),
]
PointsFromOption = Annotated[
    PointsFrom | None,
    typer.Option(
        "--points-from",
        show_default="istar tokens, cosreg last, entropy first",
        help="Hidden states penalized: tokens of every layer but the embeddings', of the last, its first of each "
        "sequence; padding never, but in published, which is as the papers' code has it.",
        rich_help_panel=_PENALTY,
    ),
]
ReferencePointsOption = Annotated[
    int,
    typer.Option(
        "--reference-points",
        metavar="N",
        min=2,
        help="istar: hidden states of training data that the reference is taken from, anew every epoch.",
        rich_help_panel=_PENALTY,
    ),
]
RecipeOption = Annotated[
    RecipeName | None,
    typer.Option(
        "--recipe",
        show_default="none",
        help="A paper's settings, as far as they are known, where an option is not given.",
        rich_help_panel=_TRAINING,
    ),
]
SeedsOption = Annotated[
    int | None,
    typer.Option(
        "--seeds", metavar="K", min=1, show_default="5", help="Runs of each setting: seeds --seed and up.",
        rich_help_panel=_TRAINING,
    ),
]  # fmt: skip
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="The first seed.", rich_help_panel=_TRAINING)
]
EpochsOption = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", min=1, show_default="3", help="Epochs.", rich_help_panel=_TRAINING),
]
BatchSizeOption = Annotated[
    int | None,
    typer.Option(
        "--batch-size", metavar="N", min=1, show_default="32", help="Examples a step.", rich_help_panel=_TRAINING
    ),
]
LearningRateOption = Annotated[
    float | None,
    typer.Option(
        "--learning-rate", metavar="R", min=0.0, show_default="5e-05", help="AdamW's, at its highest.",
        rich_help_panel=_TRAINING,
    ),
]  # fmt: skip
MaxLengthOption = Annotated[
    int | None,
    typer.Option(
        "--max-length", metavar="N", min=1, show_default="128", help="Tokens an example is cut to.",
        rich_help_panel=_TRAINING,
    ),
]  # fmt: skip
MeasuresOption = Annotated[
    str | None,
    typer.Option(
        "--measures",
        metavar="a,b,...",
        show_default="isoscore_star,anisotropy,average_cosine_similarity,two_nn",
        help="Geometry measured before training and after every epoch.",
        rich_help_panel="Measures",
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

FormOption = Annotated[
    options.Form | None,
    typer.Option(
        "--format",
        show_default="a table on a terminal, json in a pipe",
        help="Form of what is printed; the folder gets results.json, .csv, .md and .html.",
        rich_help_panel="Output",
    ),
]


@settled
def finetune(
    checkpoint: options.CheckpointArgument,
    task: TaskOption,
    folder: RunFolderOption,
    regularizers: RegularizerOption = None,
    weight: WeightOption = "1",
    shrinkage: ShrinkageOption = None,
    selection: SelectionOption = None,
    noise_weight: NoiseWeightOption = 0.0,
    points_from: PointsFromOption = None,
    reference_points: ReferencePointsOption = REFERENCE_POINTS,
    train_examples: TrainExamplesOption = None,
    recipe: RecipeOption = None,
    seeds: SeedsOption = None,
    seed: SeedOption = 0,
    epochs: EpochsOption = None,
    batch_size: BatchSizeOption = None,
    learning_rate: LearningRateOption = None,
    max_length: MaxLengthOption = None,
    measures: MeasuresOption = None,
    quantizer: options.QuantizerOption = options.Quantizer.lsq,
    device: options.DeviceOption = "auto",
    revision: options.RevisionOption = None,
    trust_remote_code: options.TrustOption = False,
    allow_pickle: options.PickleOption = False,
    form: FormOption = None,
    quiet: options.QuietOption = False,
    no_progress: options.NoProgressOption = False,
) -> None:
    """Fine-tune with I-STAR, CosReg or persistent entropy beside none, from several seeds; scores and geometry."""
    form_of_output = output.choose_format(form)
    keys = options.keys_of(measures)
    weights = numbers_of(weight, "--weight")
    shrinkages = None if shrinkage is None else numbers_of(shrinkage, "--shrinkage")
    from geoscope.cli.progress import RunProgress
    from geoscope.finetuning.geometry import GEOMETRY
    from geoscope.finetuning.sweeps import finetune as sweep
    from geoscope.rendering import render_fine_tuning, write_fine_tuning

    exits.mind_warnings(quiet=quiet)
    with RunProgress(bar=not (quiet or no_progress)) as progress:
        result = sweep(
            checkpoint, task=task, output=folder, regularizers=regularizers, weights=weights, shrinkages=shrinkages,
            selection=None if selection is None else selection.value, noise_weight=noise_weight,
            points_from=None if points_from is None else points_from.value, reference_points=reference_points,
            train_examples=train_examples, recipe=None if recipe is None else recipe.value, seeds=seeds, seed=seed,
            epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, max_length=max_length,
            measures=keys or GEOMETRY, quantizer=quantizer.value,
            device=device, revision=revision, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle,
            progress=progress, announce=None if quiet else exits.say,
        )  # fmt: skip
    write_fine_tuning(result, folder)
    files.send(render_fine_tuning(result, form_of_output, output.page_of()))
    if not quiet:
        exits.say(progress.summary())
