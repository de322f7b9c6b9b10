"""The correlations of measures with scores, as data: one association a measure, layer, quantizer and task.

How to read one. `pearson` and `spearman` say how closely the measure and the score go together over the points.
`level` holds the same for the noise level and its logarithm alone, `partials` what is left of the measure's
correlation once other columns are taken out. `left_out` is how far predictions of scores are off, in the score's
unit, by the measure and by its rivals. Where points are repeats of a level (seeds), `repeats` gives the correlation of
the level means, which are independent, and the one within levels, where the level plays no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from geoscope.errors import GeoscopeError
from geoscope.result import Interval, Part, Result

LEVEL = "noise_level"
LOG = "log:"
SUBJECT = "subject"
"""The column of every point's subject, in words."""

PERFECT_POINTS = 5
"""The fewest whose perfect order has a p below 5 %: 2 / 5!"""


@dataclass(frozen=True)
class Case:
    """One model: a subject, or one noise level and seed of it."""

    subject: str
    noise_level: float | None = None
    noise_seed: int | None = None

    def __str__(self) -> str:
        level = None if self.noise_level is None else f"level {self.noise_level:zg}"
        seed = None if self.noise_seed is None else f"seed {self.noise_seed}"
        return " ".join(part for part in (self.subject, level, seed) if part)


class Correlation(Part):
    """A coefficient from -1 to 1, and how sure it is."""

    value: float | None
    n: int = Field(description="points, or level means, it was computed from")
    taken_out: int = Field(default=0, description="columns taken out of both first; a word counts as a column")
    interval: Interval | None = Field(
        default=None, description="95 %; null for too few points and for a perfect line or order"
    )
    p: float | None = Field(default=None, description="of no association, two-sided; null for a perfect line")
    p_adjusted: float | None = Field(
        default=None, description="Benjamini-Hochberg over the table's rows, one number counted once"
    )
    reason: str | None = Field(
        default=None, description="why the value is null or, where it is not, why there is no interval, in a sentence"
    )

    @property
    def may_be_zero(self) -> bool:
        """Whether the points allow for no association at all; without an interval, whether they are too few to tell."""
        if self.value is None:
            return True
        if self.interval is None:
            return abs(self.value) < 1 or self.n - self.taken_out < PERFECT_POINTS
        return self.interval[0] <= 0 <= self.interval[1]


class FittedLine(Part):
    """The least squares line of the score over the measure."""

    slope: float
    standard_error: float | None = Field(description="of the slope; null for two points and for a perfect line")
    intercept: float
    r2: float


class Prediction(Part):
    """The score that a measure's line gives a new subject."""

    subject: str
    noise_level: float | None = None
    noise_seed: int | None = None
    value: float | None = Field(description="the measure's, of the new subject")
    score: float | None = Field(default=None, description="on the line at that value")
    interval: Interval | None = Field(default=None, description="95 %, for one new score")
    outside: bool | None = Field(default=None, description="whether the value lies outside those the line is from")
    reason: str | None = Field(default=None, description="why there is no score, or no interval of it")


class ScatterPoint(Part):
    """One model: its measure, its score, and what it is."""

    x: float = Field(description="the measure")
    y: float = Field(description="the score")
    subject: str
    noise_level: float | None = None
    noise_seed: int | None = None
    n: int | None = Field(default=None, description="rows the measure is from, where that is known")

    @property
    def label(self) -> str:
        """The subject, with its level and seed where it has any."""
        return str(Case(self.subject, self.noise_level, self.noise_seed))


class Partial(Correlation):
    """What is left of the correlation when columns are taken out of measure and score by linear regression."""

    given: list[str] = Field(description="log:COLUMN is the column's logarithm; a column of words, one indicator each")

    @property
    def name(self) -> str:
        """The columns in a word."""
        return ",".join(self.given)


class LevelAlone(Part):
    """How closely the noise level itself goes with the score, over the same points."""

    pearson: Correlation
    log_pearson: Correlation = Field(description="of the level's logarithm")


class LeftOutError(Part):
    """Root mean squared error of scores predicted from the other points, by a line over each of these."""

    left_out: Literal["point", "repeats"] = Field(description="what was left out at a time: all repeats together")
    measure: float | None
    mean: float | None = Field(description="by the mean score alone")
    level: float | None = None
    log_level: float | None = None


class Repeats(Part):
    """Several points of one level, or of one subject without levels: seeds, which are not independent."""

    groups: int = Field(description="levels, or subjects where there are none")
    most: int = Field(description="points of the one that has most")
    pearson: Correlation = Field(description="of their means")
    spearman: Correlation = Field(description="of their means")
    line: FittedLine | None = Field(description="through their means")
    within: Correlation = Field(description="of what is left when each one's mean is taken out")


class Association(Part):
    """One measure of one layer, against the scores on one task."""

    task: str
    model: str | None = Field(default=None, description="the subject whose points alone these are; null for all points")
    layer: int | str | None = Field(description="0 or last where models differ in depth")
    measure: str
    quantizer: str | None = Field(default=None, description="what the codebooks were, where the measure has any")
    n: int = Field(description="points")
    pearson: Correlation
    spearman: Correlation
    line: FittedLine | None
    level: LevelAlone | None = Field(default=None, description="null where no noise level is known or it is the same")
    partials: list[Partial] = Field(default=[])
    left_out: LeftOutError | None = None
    repeats: Repeats | None = None
    predictions: list[Prediction] = Field(default=[])
    points: list[ScatterPoint]

    @property
    def telling(self) -> Correlation:
        """The correlation whose points are independent: of the means where there are repeats."""
        return self.pearson if self.repeats is None else self.repeats.pearson


class Caution(Part):
    """What a reader must know before believing some of the associations."""

    kind: Literal["level", "given", "few", "repeats", "rows", "outside", "unmatched"]
    task: str | None = None
    model: str | None = Field(
        default=None, description="the subject whose associations it is about; null for all points"
    )
    measures: list[str] = Field(default=[], description="which associations of the task, as MEASURE or MEASURE@LAYER")
    text: str


class Correlations(Result):
    """Measures against downstream scores."""

    noun = "result of correlate"
    made_by = "geoscope correlate REPORTS SCORES -o correlations.json"

    kind: Literal["correlations"] = "correlations"
    subjects: list[str]
    tasks: list[str]
    settings: dict[str, Any]
    associations: list[Association] = Field(min_length=1, description="by task, then by layer and measure")
    cautions: list[Caution]
    notes: list[str] = Field(description="how some of it was computed")

    @model_validator(mode="after")
    def _of_its_tasks(self) -> Correlations:
        absent = set(self.tasks) ^ {row.task for row in self.associations}
        if absent:
            raise ValueError(f"the task {min(absent)!r} without an association, or an association without its task")
        return self

    def association(
        self,
        measure: str,
        task: str | None = None,
        layer: int | str | None = None,
        quantizer: str | None = None,
        model: str | None = None,
    ) -> Association:
        """One row, of all points unless a model is named; what else is left out need not be named where one row has the
        measure."""
        rows = [
            row
            for row in self.associations
            if (row.measure, row.model) == (measure, model)
            and task in (None, row.task)
            and layer in (None, row.layer)
            and quantizer in (None, row.quantizer)
        ]
        if len(rows) != 1:
            held = ", ".join(dict.fromkeys(row.measure for row in self.associations)) or "nothing"
            raise GeoscopeError(f"expected one row of {measure}, got {len(rows)}; the correlations hold {held}")
        return rows[0]
