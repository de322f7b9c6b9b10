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
    """Over the runs of one regularizer's settings and of none, each seed's mean taken out: score against geometry."""

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


class RunRow(Part):
    """One number of one run: a score or a measure, after so many epochs (0: before training)."""

    regularizer: str
    weight: float | None
    shrinkage: float | None
    selection: str | None
    noise_weight: float | None
    points_from: str | None
    seed: int
    epoch: float
    cloud: str | None = Field(description="union, last or first; null for a score")
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
    penalty: float = Field(description="before the weight")
    penalty_without_gradient: float | None = Field(
        default=None, description="share of the batches on whose points it had no gradient, so that it did nothing"
    )
    penalty_bars: float | None = Field(default=None, description="entropy: bars of a class in a batch")
    penalty_bars_kept: float | None = Field(default=None, description="entropy: those of them that the selection keeps")
    penalty_deficit: float | None = Field(default=None, description="entropy: ln of the bars kept less their entropy")


class ArmResult(Part):
    """One regularizer with its settings, over its seeds."""

    name: str
    settings: dict[str, Any]
    seeds: list[int]
    scores: list[Spread]
    geometry: list[Spread]
    penalties: list[Penalty] = Field(default=[], description="one an epoch; none without a regularizer")


class _Examples(TypedDict):
    examples: int


class _Task(TypedDict):
    name: str
    train: _Examples
    evaluation: _Examples


class _Training(TypedDict):
    epochs: float
    batch_size: int
    learning_rate: float


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
    measurements: list[RunRow] = Field(description="one a number, of every run and epoch")
    environment: dict[str, Any]
