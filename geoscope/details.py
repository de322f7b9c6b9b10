"""Details: who holds a layer's energy, its largest values and its neighbours, as a report tells it."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from geoscope.files import is_none
from geoscope.result import Part


class ReportPart(Part):
    """Frozen; keys of later versions are kept; NaN and Infinity are refused."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # in settings: json.dumps then refuses what null would hide
        json_schema_serialization_defaults_required=True,
    )


class EnergyShare(ReportPart):
    """What a dimension, a position or a token id holds."""

    name: int = Field(ge=0, description="its number")
    energy: float = Field(ge=0, le=1, description="share of the centred energy sum |x - mean|^2")
    rows: float | None = Field(
        default=None, ge=0, le=1, exclude_if=is_none, description="share of the rows; none of a dimension"
    )
    text: str | None = Field(default=None, exclude_if=is_none, description="the token, where that was asked for")


class _Whose(ReportPart):
    """Which row it is."""

    sequence: int = Field(ge=0, description="its place in the draw")
    position: int | None = Field(default=None, ge=0, description="in the sequence; null of pooled rows")
    token_id: int | None = Field(default=None, ge=0, description="null of pooled rows")
    text: str | None = Field(default=None, exclude_if=is_none, description="the token, where that was asked for")


class LargestValue(_Whose):
    """One of the largest values of all rows."""

    value: float = Field(description="as it is")
    dimension: int = Field(ge=0)


class Hub(_Whose):
    """A sampled row that is often among the nearest of others."""

    count: int = Field(ge=0, description="of how many it is among the 10 nearest")


class Details(ReportPart):
    """Who holds a layer's energy, its largest values and its neighbours: five of each at most, the largest first."""

    layer: int | None = Field(ge=0, description="as of a measurement")
    dimensions: list[EnergyShare] = Field(max_length=5, description="over every row")
    positions: list[EnergyShare] | None = Field(max_length=5, description="over every row; null of pooled rows")
    token_ids: list[EnergyShare] | None = Field(max_length=5, description="over the sampled rows; null of pooled rows")
    largest: list[LargestValue] = Field(max_length=5, description="of every row, by their absolute values")
    hubs: list[Hub] | None = Field(max_length=5, description="null where no measure of neighbours was asked for")
    note: str | None = Field(default=None, exclude_if=is_none, description="what is left out, in a sentence")
