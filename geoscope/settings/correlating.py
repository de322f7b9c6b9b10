"""The options of what relates measures to scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

from geoscope.settings.option import Option
from geoscope.settings.texts import MEASURE_WORDS, names_of


class CorrelateOptions(TypedDict, total=False):
    """What `correlate` can be asked."""

    tasks: Annotated[
        Sequence[str] | None,
        Option(
            None, "A task of the scores; may be repeated.",
            flags=("--task",), metavar="TASK|mean", shown="all, and their mean", repeated=True, often=9,
        ),
    ]  # fmt: skip
    given: Annotated[
        Sequence[str] | None,
        Option(
            None,
            "Columns to take out of the correlation together: of the scores, another measure, or subject, "
            "architecture, parameters, hidden_size; may be repeated.",
            metavar="[log:]COLUMN,...", shown="noise_level; log:noise_level", repeated=True, often=9,
            words=("noise_level", "log:noise_level", "subject", "architecture", "parameters", "hidden_size"),
        ),
    ]  # fmt: skip
    by: Annotated[
        Literal["model"] | None,
        Option(
            None,
            "model: for studies of several models, also each one's points by themselves, and all of them with each "
            "model's mean taken out.",
            shown="all points together", often=8,
        ),
    ]  # fmt: skip
    measures: Annotated[
        Sequence[str] | None,
        Option(
            None, "Measures, families, or columns of the scores.", metavar="a,b,...", shown="all", parse=names_of,
            words=MEASURE_WORDS, often=9,
        ),
    ]  # fmt: skip
    predict: Annotated[
        Sequence[Any],
        Option(
            (),
            "A new subject's report (or a folder): its score, by each measure, with a 95 % interval; may be repeated.",
            metavar="REPORT", shown="none", repeated=True, often=9,
        ),
    ]  # fmt: skip
