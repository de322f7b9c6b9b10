"""The options of a study: what is done to the weights, how often, and what the models are scored on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

from geoscope.bounds import SEEDS
from geoscope.settings.loading import Batches, Cluster, Loading, Memory, Network
from geoscope.settings.measuring import (
    Beside,
    Heard,
    MeasureChoice,
    Rows,
    Seed,
    Sizes,
    Text,
    Transforming,
)
from geoscope.settings.option import Option
from geoscope.settings.texts import TASK_WORDS, TEXT_TASK_WORDS, names_of
from geoscope.transforms import TRANSFORMS

_STUDY, _PROBES, _FINE_TUNING = "Study", "Probes", "Fine-tuning"

_TRANSFORMS = tuple(f"transform={name}" for name in TRANSFORMS)

DEFAULT_LEVELS = "0,0.5,1,2,3,5,7,10,15,20,50,100"
"""The untouched model, and levels of marbut2024 closer together where most is lost."""

NoiseKind = Literal["absolute", "relative"]
NoiseDraws = Literal["published", "straight"]


class Perturbing(TypedDict, total=False):
    """What is done to a model."""

    levels: Annotated[
        str | Sequence[float] | None,
        Option(
            None, "Noise levels in percent, or a named grid; of --kind transform=T, its amounts.",
            _STUDY, metavar="0,0.5,...|marbut2024", shown=DEFAULT_LEVELS, words=("marbut2024",), often=10,
        ),
    ]  # fmt: skip
    seeds: Annotated[
        int,
        Option(
            3, "Draws of the noise at each level, seeded from --seed on.",
            _STUDY, metavar="K", least=1, most=SEEDS, often=10,
        ),
    ]  # fmt: skip
    kind: Annotated[
        str,
        Option(
            "noise",
            "What is done to the weights; or, with transform=T, to the rows that are measured and probed, the model "
            "staying as it is: T is a name that --transform takes.",
            _STUDY, metavar="noise|shuffle-embeddings|untrained|swap-embeddings=ID|transform=T", often=6,
            words=("noise", "shuffle-embeddings", "untrained", "swap-embeddings=", *_TRANSFORMS),
        ),
    ]  # fmt: skip
    noise_kind: Annotated[
        NoiseKind,
        Option("absolute", "Noise of deviation 1, as published, or of each weight matrix's own deviation.", _STUDY),
    ]
    noise_draws: Annotated[
        NoiseDraws,
        Option(
            "published",
            "published: another draw of the noise at every level and seed; straight: one draw a seed, so that its "
            "levels lie on a straight path.",
            _STUDY,
        ),
    ]  # fmt: skip
    targets: Annotated[
        str | None,
        Option(
            None, "Names of the weights that noise goes to, with wildcards: 'encoder.*.attention.*.weight'.",
            _STUDY, metavar="PATTERN", shown="every weight of the encoder, as published",
        ),
    ]  # fmt: skip
    save: Annotated[
        Any,
        Option(
            None, "Folder for the checkpoint of every level and seed.", _STUDY, metavar="DIR", shown="none is kept",
            written=True,
        ),
    ]  # fmt: skip
    probes: Annotated[
        Sequence[str],
        Option(
            (),
            f"Score frozen rows by a linear model: {', '.join(TEXT_TASK_WORDS)}, each with a folder of its files or "
            "through datasets.",
            _PROBES, flags=("--probe",), metavar="TASK[=DIR],...", shown="none", parse=names_of, repeated=True,
            words=TEXT_TASK_WORDS, often=10,
        ),
    ]  # fmt: skip
    probe_rows: Annotated[int, Option(4000, "Most training examples of a task.", _PROBES, metavar="N", least=1)]
    finetune: Annotated[
        Sequence[str],
        Option(
            (),
            "Score the model of every level and seed after fine-tuning it as `geoscope finetune` does, without a "
            "regularizer; tasks as there, except mlm and clm. For a GPU.",
            _FINE_TUNING, metavar="TASK[=DIR],...", shown="none", parse=names_of, repeated=True, words=TASK_WORDS,
        ),
    ]  # fmt: skip
    finetune_epochs: Annotated[int | None, Option(None, "Epochs.", _FINE_TUNING, metavar="N", least=1, shown="3")]
    finetune_examples: Annotated[
        int | None, Option(None, "Most training examples of a task.", _FINE_TUNING, metavar="N", least=2, shown="all")
    ]


class StudyMeasuring(
    Text, Rows, Seed, Transforming, MeasureChoice, Sizes, Beside, Loading, Batches, Memory, Network, total=False
):
    """How each state of a study is measured."""


class StudyOptions(Perturbing, StudyMeasuring, Cluster, total=False):
    """What `perturb` can be asked."""


class StudyKeywords(StudyOptions, Heard, total=False):
    """What `geoscope.studies.study.perturb` takes."""

    parts: Annotated[
        Any,
        Option(
            None, "A folder that keeps what is finished, so that the same call goes on where one was killed.",
            typed=False, takes="str or path",
        ),
    ]  # fmt: skip
