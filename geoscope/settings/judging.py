"""The options of what holds reports against each other or against limits, of noise floors and of size curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypedDict

from geoscope.bounds import SEEDS
from geoscope.catalogue import KEYS
from geoscope.settings.loading import Batches, Loading, Memory, Network
from geoscope.settings.measuring import (
    Groups,
    Heard,
    MeasureChoice,
    OneSize,
    Permuting,
    Rows,
    Seed,
    Text,
    Transforming,
)
from geoscope.settings.option import Option
from geoscope.settings.texts import counts_of, share_of

_LIMITS = "Limits"


class Judging(TypedDict, total=False):
    """When a change counts, and which changes fail."""

    limits: Annotated[
        Iterable[Any],
        Option(
            (),
            "Fail where a change passes this by more than its noise: isoscore_star:-10% (a drop), anisotropy:+0.05 "
            "(a rise), two_nn@last:2.0 (either way); or where a candidate shows a sign of collapse that the base does "
            "not: collapse; may be repeated.",
            _LIMITS, flags=("--fail-on",), metavar="MEASURE[@LAYER]:[+|-]AMOUNT[%]", shown="the project's",
            repeated=True, words=("collapse", *(f"{key}:" for key in KEYS)), often=10,
        ),
    ]  # fmt: skip
    margin: Annotated[
        float | str,
        Option(
            0.05, "Share of the base's value (of what can move of it) up to which a change is no news.",
            _LIMITS, metavar="SHARE", shown="5%", parse=share_of, often=6,
        ),
    ]  # fmt: skip
    strict: Annotated[bool, Option(False, "Let noise excuse no breach of a limit.", _LIMITS, often=5)]
    align: Annotated[
        bool, Option(False, "Where numbers of sequences, rows or points differ, measure again at the least.")
    ]
    similarity: Annotated[
        bool,
        Option(
            False,
            "How alike the spaces are too: linear CKA, Procrustes distance, mutual neighbours, information imbalance. "
            "Not of reports.",
            often=5,
        ),
    ]


class CompareOptions(Judging, Permuting, OneSize, total=False):
    """What `compare` can be asked."""


class CompareKeywords(CompareOptions, Heard, total=False):
    """What `geoscope.compare` takes."""


class DrawOptions(TypedDict, total=False):
    """What a noise floor is taken over."""

    draws: Annotated[
        int,
        Option(
            5, "Disjoint draws that one subject's sequences are dealt into.",
            "Sample", metavar="K", least=3, most=SEEDS, often=9,
        ),
    ]  # fmt: skip


class FloorOptions(
    Text, DrawOptions, Rows, Groups, Seed, Transforming, MeasureChoice, Loading, Batches, Memory, Network, total=False
):
    """What `noise-floor` can be asked: all that changes a number but errors and nulls, which it sets itself."""


class FloorKeywords(FloorOptions, Heard, total=False):
    """What `noise_floor` takes."""


class CurveSizes(TypedDict, total=False):
    """At which sizes a curve is measured."""

    rows: Annotated[
        Sequence[int] | None,
        Option(
            None, "Numbers of rows to measure, each among the more; all there are come last.",
            "Sample", metavar="250,500,...", parse=counts_of, often=9,
            takes="sequence of int",
        ),
    ]  # fmt: skip
    sequence_counts: Annotated[
        Sequence[int] | None,
        Option(
            None, "Numbers of sequences to measure, in the place of rows.",
            "Sample", metavar="100,300,...", shown="the sample halved again and again", parse=counts_of, often=9,
            takes="sequence of int",
        ),
    ]  # fmt: skip


class CurveOptions(CurveSizes, OneSize, total=False):
    """What `size-curve` can be asked."""


class CurveKeywords(CurveOptions, Heard, total=False):
    """What `geoscope.size_curve` takes."""
