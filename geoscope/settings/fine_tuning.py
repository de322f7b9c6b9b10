"""The options of a fine-tuning: what is learnt, what is penalized, how it is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, Literal, TypedDict, get_args

from geoscope import bounds
from geoscope.settings.loading import Device, Network, Origin
from geoscope.settings.measuring import Heard, Quantizer
from geoscope.settings.option import Option
from geoscope.settings.texts import MEASURE_WORDS, keys_of, names_of, numbers_of, whole_numbers_of

_TASK, _PENALTY, _TRAINING = "Task", "Regularizer", "Training"

Selection = Literal["all", "strict", "relative", "published", "random"]
Regularizer = Literal["none", "istar", "cosreg", "entropy", "patchiness"]
Tracked = Literal["last", "all"]
PointsFrom = Literal["tokens", "last", "first", "published"]
RecipeName = Literal["istar2024", "shrink2025", "trainer-defaults"]

REFERENCE_POINTS = 250_000
"""Hidden states that istar's reference covariance is taken from, as published."""

EPOCHS, BATCH_SIZE, LEARNING_RATE, MAX_LENGTH = 3, 32, 5e-5, 128
SEEDS, SHRINKAGES, SELECTION = 5, (0.2,), "published"
"""What a run is trained with unless an option or a recipe says otherwise."""

TEMPERATURE, CODEBOOK_POINTS = 0.2, 10_000
"""How soft a patchiness penalty counts, and the states of training data that its codebooks are learnt and judged by."""

GEOMETRY = ("isoscore_star", "anisotropy", "average_cosine_similarity", "two_nn")
"""What is measured of every epoch unless something else is asked for."""


class Hyper(TypedDict, total=False):
    """What of an optimizer's settings can be chosen; what is not given is the recipe's."""

    epochs: Annotated[
        int | Sequence[int] | None,
        Option(
            None, "Epochs. Several: a run of each, as of the next two.", _TRAINING, metavar="N[,N...]",
            shown=f"{EPOCHS}", often=8, parse=partial(whole_numbers_of, option="--epochs"),
        ),
    ]  # fmt: skip
    batch_size: Annotated[
        int | Sequence[int] | None,
        Option(
            None, "Examples a step.", _TRAINING, metavar="N[,N...]", shown=f"{BATCH_SIZE}",
            parse=partial(whole_numbers_of, option="--batch-size"),
        ),
    ]  # fmt: skip
    learning_rate: Annotated[
        float | Sequence[float] | None,
        Option(
            None, "AdamW's, at its highest.", _TRAINING, metavar="R[,R...]", shown=f"{LEARNING_RATE}", often=7,
            parse=partial(numbers_of, option="--learning-rate"),
        ),
    ]  # fmt: skip
    max_length: Annotated[
        int | None,
        Option(
            None,
            "Tokens an example is cut to.",
            _TRAINING,
            metavar="N",
            least=1,
            shown=f"{MAX_LENGTH}, or what the model reads if that is less",
        ),
    ]


class Alike(TypedDict, total=False):
    """Settings of regularizers that all arms of a regularizer share."""

    noise_weight: Annotated[
        float,
        Option(
            0.0, "entropy: above 0 adds the released code's term, which lengthens the bars that do not count.",
            _PENALTY, metavar="W", least=0.0,
        ),
    ]  # fmt: skip
    reference_points: Annotated[
        int,
        Option(
            REFERENCE_POINTS,
            "istar: hidden states of training data that the reference is taken from, anew every epoch.",
            _PENALTY, metavar="N", least=2,
        ),
    ]  # fmt: skip
    temperature: Annotated[
        float,
        Option(
            TEMPERATURE,
            "patchiness: how soft points are counted, in units of their mean squared distance from their codes.",
            _PENALTY, metavar="T",
        ),
    ]  # fmt: skip
    codebook_points: Annotated[
        int,
        Option(
            CODEBOOK_POINTS,
            "patchiness: hidden states of training data that its codebooks are learnt and judged by, half and half.",
            _PENALTY, metavar="N", least=2,
        ),
    ]  # fmt: skip
    codebook_steps: Annotated[
        int | None,
        Option(
            None, "patchiness: learn its codebooks anew after so many steps, not only after every epoch.",
            _PENALTY, metavar="N", least=1, shown="an epoch's",
        ),
    ]  # fmt: skip


class Training(Hyper, Alike, total=False):
    """What is penalized, and how it is trained."""

    regularizers: Annotated[
        Iterable[str] | None,
        Option(
            None,
            "none, istar, cosreg, entropy or patchiness, with weights of its own or --weight's; may be repeated.",
            _PENALTY, flags=("--regularizer",), metavar="NAME[=W,W...]", shown="none", repeated=True,
            words=get_args(Regularizer), often=10,
        ),
    ]  # fmt: skip
    weights: Annotated[
        Sequence[float],
        Option(
            (1.0,),
            "What the penalty is multiplied by. istar: above 0 raises isotropy, below 0 lowers it; cosreg: above 0 "
            "lowers the mean cosine; entropy, patchiness: above 0 raises it; 0 is none.",
            _PENALTY, flags=("--weight",), metavar="W[,W...]", shown="1", often=9,
            parse=partial(numbers_of, option="--weight"),
        ),
    ]  # fmt: skip
    shrinkages: Annotated[
        Sequence[float] | None,
        Option(
            None, "istar: the weight on the reference covariance, 0 to 1.",
            _PENALTY, flags=("--shrinkage",), metavar="Z[,Z...]", shown=f"{SHRINKAGES[0]}",
            parse=partial(numbers_of, option="--shrinkage"),
        ),
    ]  # fmt: skip
    selection: Annotated[
        str | Sequence[str] | None,
        Option(
            None, f"entropy: the bars that count: {', '.join(get_args(Selection))}. Several: an arm of each.",
            _PENALTY, metavar="S[,S...]", shown=SELECTION, parse=names_of, words=get_args(Selection),
        ),
    ]  # fmt: skip
    selection_factor: Annotated[
        float | Sequence[float] | None,
        Option(
            None, "entropy: what Q, the most bars that may pass the selection's test, is multiplied by.",
            _PENALTY, metavar="F[,F...]", shown="1", parse=partial(numbers_of, option="--selection-factor"),
        ),
    ]  # fmt: skip
    points_from: Annotated[
        PointsFrom | None,
        Option(
            None,
            "Hidden states penalized: tokens of every layer but the embeddings', of the last, its first of each "
            "sequence; padding never, but in published, which is as the papers' code has it.",
            _PENALTY, shown="istar tokens, cosreg and patchiness last, entropy first",
        ),
    ]  # fmt: skip
    train_examples: Annotated[
        int | None,
        Option(None, "Training examples, drawn by --seed.", _TASK, metavar="N", least=2, shown="all", often=8),
    ]
    text_columns: Annotated[
        Sequence[str] | None,
        Option(
            None,
            "Of a labelled file, the column of its text; given twice, of its two texts. Of mlm and clm, the corpus's.",
            _TASK, flags=("--text-column",), metavar="NAME", shown="as GLUE, SNLI and others call them", repeated=True,
        ),
    ]  # fmt: skip
    recipe: Annotated[
        RecipeName | None,
        Option(
            None, "A paper's settings, as far as they are known, or the Trainer's, where an option is not given.",
            _TRAINING, shown="none", often=7,
        ),
    ]  # fmt: skip
    seeds: Annotated[
        int | None,
        Option(
            None,
            "Runs of each setting: seeds --seed and up.",
            _TRAINING,
            metavar="K",
            least=1,
            most=bounds.SEEDS,
            shown=f"{SEEDS}",
            often=9,
        ),
    ]
    seed: Annotated[int, Option(0, "The first seed.", _TRAINING, metavar="N", least=0)]
    measures: Annotated[
        Iterable[str],
        Option(
            GEOMETRY, "Geometry measured before training and after every epoch.",
            "Measures", metavar="a,b,...", shown=", ".join(GEOMETRY), parse=keys_of, words=MEASURE_WORDS, often=6,
        ),
    ]  # fmt: skip

    track: Annotated[
        Tracked,
        Option(
            "last", "Layers whose geometry is followed beside that of all as one cloud: the last, or all.",
            "Measures",
        ),
    ]  # fmt: skip


class FineTuningOptions(Training, Quantizer, Device, Origin, Network, total=False):
    """What `finetune` can be asked."""


class FineTuningKeywords(FineTuningOptions, Heard, total=False):
    """What `geoscope.finetuning.sweeps.finetune` takes."""
