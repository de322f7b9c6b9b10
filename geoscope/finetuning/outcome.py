"""A fine-tuning study as data: what the finished runs of a folder found, by arm."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from geoscope.result import Interval, Part, Result, Told, shaped


class Paired(Part):
    """The mean difference of runs that share their seeds, and the paired t test that it is 0."""

    difference: float
    interval: Interval | None = Field(default=None, description="95 %, of the mean difference")
    p: float | None = Field(default=None, description="two-sided")
    p_adjusted: float | None = Field(default=None, description="by Holm, over the arms of the study")
    seeds: int
    reason: str | None = Field(default=None, description="why there is no p, in a sentence")


class Trend(Part):
    """Over the runs of one regularizer's settings and of none, each seed's mean taken out: score against geometry.

    Where trainings differ, the mean of each seed under each of them.
    """

    regularizer: str
    score: str
    cloud: str
    measure: str
    slope: float | None = Field(default=None, description="score for one unit of the measure")
    correlation: float | None = Field(default=None, description="Pearson's, within seeds")
    p: float | None = Field(default=None, description="of no trend, two-sided; null for a perfect line")
    p_adjusted: float | None = Field(default=None, description="by Holm, over the trends of this regularizer and score")
    runs: int
    settings: int
    reason: str | None = Field(default=None, description="why there is no trend or, where there is, no p")


class AlongTrend(Part):
    """A number along one setting of a regularizer's runs, all others alike: each such group's mean is taken out."""

    regularizer: str
    setting: str
    scale: Literal["linear", "log2"] = Field(description="what the line is of: the setting, or its doublings")
    cloud: str | None
    measure: str = Field(description="a measure's key, or a score's name")
    slope: float | None = Field(default=None, description="for one unit, or doubling, of the setting")
    correlation: float | None = Field(default=None, description="Pearson's, within groups")
    p: float | None = Field(default=None, description="of no trend, two-sided; null for a perfect line")
    p_adjusted: float | None = Field(default=None, description="by Holm, over the numbers along this setting")
    values: list[float] = Field(description="of the setting")
    runs: int
    reason: str | None = Field(default=None, description="why there is no trend or, where there is, no p")


class RunRow(Part):
    """One number of one run: a score or a measure, after so many epochs (0: before training)."""

    regularizer: str
    weight: float | None
    shrinkage: float | None
    selection: str | None
    noise_weight: float | None
    points_from: str | None
    selection_factor: float | None = None
    temperature: float | None = None
    epochs: int | None = Field(default=None, description="null here and below where all runs have the same")
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int
    epoch: float
    cloud: str | None = Field(description="union, last, first, or layer- and a number; null for a score")
    layer: int | None = Field(description="null for a score and for the union of layers")
    measure: str = Field(description="a measure's key, or a score's name")
    value: float | None
    n: int = Field(description="rows measured, or examples scored")
    reason: str | None = Field(description="why the value is null, in a sentence")


class Spread(Part):
    """A number over the seeds of an arm after training, and against the same seeds without a regularizer."""

    cloud: str | None
    layer: int | None
    measure: str
    mean: float | None
    sd: float | None = Field(description="over seeds, n - 1 in the denominator")
    values: list[float | None] = Field(description="one a seed, in the order of the arm's seeds")
    against_none: Paired | None
    reason: str | None = Field(default=None, description="why the mean is null, in a sentence")


class Penalty(Part):
    """What a regularizer was in an epoch: means over its batches and the arm's seeds."""

    epoch: float
    penalty: float | None = Field(
        default=None, description="before the weight; null for patchiness, whose points flee the codebooks it counts by"
    )
    penalty_without_gradient: float | None = Field(
        default=None, description="share of the batches on whose points it had no gradient, so that it did nothing"
    )
    penalty_gradient: float | None = Field(
        default=None, description="length of its gradient over all weights, times the weight, on some batches"
    )
    task_gradient: float | None = Field(default=None, description="the same of the task's loss, on the same batches")
    penalty_classes: float | None = Field(default=None, description="entropy: classes in a batch")
    penalty_classes_skipped: float | None = Field(
        default=None, description="entropy: those of them with too few distinct points"
    )
    penalty_bars: float | None = Field(default=None, description="entropy: bars of a class in a batch")
    penalty_bars_kept: float | None = Field(default=None, description="entropy: those of them that the selection keeps")
    penalty_bars_share: float | None = Field(default=None, description="entropy: mean share of a class's bars kept")
    penalty_patchiness: float | None = Field(
        default=None,
        description="patchiness: of half of some training data after the epoch, by codebooks learnt then of the "
        "other half",
    )
    penalty_deficit: float | None = Field(default=None, description="entropy: ln of the bars kept less their entropy")


class ArmResult(Part):
    """One regularizer with its settings, over its seeds."""

    name: str
    settings: dict[str, Any]
    seeds: list[int]
    scores: list[Spread]
    geometry: list[Spread]
    penalties: list[Penalty] = Field(default=[], description="one an epoch; none without a regularizer")
    one_class: list[int] = Field(default=[], description="seeds whose predictions after training are all of one class")


class _Examples(TypedDict):
    examples: int


class _Task(TypedDict):
    name: str
    train: _Examples
    evaluation: _Examples


class _Training(TypedDict):
    epochs: float | None
    batch_size: int | None
    learning_rate: float | None


class _Settings(TypedDict):
    """What words are made of; there is more."""

    checkpoint: Told
    task: _Task
    hyperparameters: _Training


class FineTuning(Result):
    """The finished runs of a folder."""

    noun = "fine-tuning study"
    made_by = "geoscope finetune CHECKPOINT --task TASK -o DIR"

    kind: Literal["fine_tuning"] = "fine_tuning"
    settings: Annotated[dict[str, Any], shaped(_Settings)] = Field(
        description="what all runs share: checkpoint, task, training, tracking"
    )
    before: list[RunRow] = Field(description="the geometry before training, the same for every run")
    arms: list[ArmResult]
    trends: list[Trend]
    along: list[AlongTrend] = Field(default=[], description="scores and geometry along each setting of several values")
    measurements: list[RunRow] = Field(description="one a number, of every run and epoch")
    environment: dict[str, Any]
