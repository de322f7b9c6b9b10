"""A noise floor as data: how far each measure moves by itself, and the limits that this allows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from geoscope.errors import GeoscopeError
from geoscope.result import TOLD, Part, Result

CHANCE = 0.0027
"""How often a limit is passed by chance, either way: as often as three standard deviations of a known noise."""


class Floor(Part):
    """How far one measure of one layer moves when nothing has changed."""

    layer: int | None = Field(ge=0)
    measure: str
    noise_from: Literal["draws", "whole", "trainings"] = Field(
        default="draws", description="spread over draws or trainings, or the standard error of the whole's value"
    )
    mean: float | None = Field(description="over draws or trainings; where noise is from the whole, the whole's value")
    standard_deviation: float | None = Field(
        description="of the values over draws or trainings, ddof 1; else the error"
    )
    relative: float | None = Field(default=None, description="the standard deviation over the mean's absolute value")
    n: int = Field(ge=0, description="rows each value is from, on average")
    whole_n: int = Field(description="rows the noise is scaled to")
    noise: float | None = Field(default=None, description="the standard deviation at whole_n rows")
    limit: float | None = Field(default=None, description="change that chance passes in 0.27 % of comparisons")
    amount: str | None = Field(default=None, description="the limit as the project's configuration takes it")
    values: list[float | None] = Field(description="one a draw or training; the whole's alone where noise is from it")
    reason: str | None = Field(default=None, description="why there is no mean, or no limit")


class NoiseFloor(Result):
    """The floors of one subject over draws, or of several trainings."""

    noun = "noise floor"
    made_by = "geoscope noise-floor SUBJECT -o floor.json"

    kind: Literal["noise_floor"] = "noise_floor"
    over: Literal["draws", "trainings"]
    count: int = Field(description="how many draws or trainings")
    quantile: float | None = Field(description="Student's t that limits are from; null for fewer than three values")
    subjects: list[Annotated[dict[str, Any], TOLD]]
    sample: dict[str, Any] = Field(description="the whole sample; over draws with each part's sizes in `draws`")
    settings: dict[str, Any]
    floors: list[Floor] = Field(description="by layer, then in the order of the measures")
    limits: dict[str, str] = Field(description="for [tool.geoscope.limits]")
    environment: dict[str, Any]

    def floor(self, measure: str, layer: int | None = None) -> Floor:
        """One row; the layer may be left out where there is one."""
        rows = [row for row in self.floors if row.measure == measure and layer in (None, row.layer)]
        if len(rows) != 1:
            held = ", ".join(dict.fromkeys(row.measure for row in self.floors)) or "nothing"
            raise GeoscopeError(f"expected one row of {measure}, got {len(rows)}; the noise floor holds {held}")
        return rows[0]

    def to_toml(self) -> str:
        """The limits as lines for pyproject.toml."""
        return "[tool.geoscope.limits]\n" + "".join(f'"{key}" = "{amount}"\n' for key, amount in self.limits.items())
