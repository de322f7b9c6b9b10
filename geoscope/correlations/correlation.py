"""The correlations of measures with scores, as data: one association a measure, layer, quantizer and task.

How to read one. `pearson` and `spearman` say how closely the measure and the score go together over the points.
`level` holds the same for the noise level and its logarithm alone, `partials` what is left of the measure's
correlation once other columns are taken out. `left_out` is how far predictions of scores are off, in the score's
unit, by the measure and by its rivals. Where points are repeats of a level (seeds), `repeats` gives the correlation of
the level means, which are independent, and the one within levels, where the level plays no part.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from geoscope import __version__
from geoscope.correlations.associations import Correlation, Line, Part
from geoscope.correlations.measured import Case
from geoscope.correlations.predictions import Prediction
from geoscope.errors import GeoscopeError
from geoscope.json_text import json_text


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
    line: Line | None = Field(description="through their means")
    within: Correlation = Field(description="of what is left when each one's mean is taken out")


class Association(Part):
    """One measure of one layer, against the scores on one task."""

    task: str
    layer: int | str | None = Field(description="0 or last where models differ in depth")
    measure: str
    quantizer: str | None = Field(default=None, description="what the codebooks were, where the measure has any")
    n: int = Field(description="points")
    pearson: Correlation
    spearman: Correlation
    line: Line | None
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
    measures: list[str] = Field(default=[], description="which associations of the task, as MEASURE or MEASURE@LAYER")
    text: str


class Correlations(Part):
    """Measures against downstream scores."""

    schema_version: Literal["1"] = "1"
    geoscope_version: str = __version__
    subjects: list[str]
    tasks: list[str]
    settings: dict[str, Any]
    associations: list[Association] = Field(description="by task, then by layer and measure")
    cautions: list[Caution]
    notes: list[str] = Field(description="how some of it was computed")

    def association(
        self, measure: str, task: str | None = None, layer: int | str | None = None, quantizer: str | None = None
    ) -> Association:
        """One row; what is left out need not be named where one row has the measure."""
        rows = [
            row
            for row in self.associations
            if row.measure == measure
            and task in (None, row.task)
            and layer in (None, row.layer)
            and quantizer in (None, row.quantizer)
        ]
        if len(rows) != 1:
            held = ", ".join(dict.fromkeys(row.measure for row in self.associations)) or "nothing"
            raise GeoscopeError(f"expected one row of {measure}, got {len(rows)}; the correlations hold {held}")
        return rows[0]

    def to_json(self) -> str:
        """The correlations' JSON: two-space indent, a newline at the end."""
        return json_text(self.model_dump(mode="json"))
