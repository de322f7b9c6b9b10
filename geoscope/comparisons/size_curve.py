"""A size curve as data: every measure at growing samples, and from which size on it is within its error of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from geoscope.catalogue import NullKind
from geoscope.comparisons.verdicts import interval_of_value
from geoscope.errors import GeoscopeError
from geoscope.files import is_none
from geoscope.report import Measurement
from geoscope.result import TOLD, Part, Result

_OUTSIDE = "its value at the full sample lies outside its 95 % interval"
"""How a reason ends where no smaller size is enough."""


class Size(Part):
    """One sample: a part of every larger one."""

    size: int = Field(ge=1, description="what the curve is over: sequences or rows")
    sequences: int = Field(ge=0)
    rows: int = Field(ge=0, description="of a cloud")
    points: int = Field(ge=0)


class SizePoint(Part):
    """One measure of one layer at one size."""

    layer: int | None = Field(ge=0)
    measure: str
    size: int = Field(ge=1)
    value: float | None
    standard_error: float | None = Field(default=None, ge=0)
    null: float | None = None
    null_kind: NullKind | None = Field(default=None, exclude_if=is_none)
    n: int = Field(ge=0, description="rows the number was computed from")
    reason: str | None = Field(default=None, description="why there is no value, or no error")
    caution: str | None = Field(default=None, exclude_if=is_none)

    @property
    def measurement(self) -> Measurement:
        """The same as a report has it, the size a column of its own."""
        held = {name: value for name, value in self if value is not None and name != "size"}
        return Measurement(**{"layer": None, "value": None, **held, "size": self.size})


class Enough(Part):
    """From which size on one measure of one layer stays within its error of its value at the full sample."""

    layer: int | None = Field(ge=0)
    measure: str
    whole: float | None = Field(description="the value at the full sample")
    from_size: int | None = Field(description="its 95 % interval, and that of every larger size, holds that value")
    standard_error: float | None = Field(default=None, ge=0, description="at that size")
    reason: str | None = Field(default=None, description="why no smaller size is enough, or none is known to be")

    @property
    def is_not(self) -> bool:
        """Whether no smaller size is enough; else that is not known, or one is."""
        return self.whole is not None and (self.reason or "").endswith(_OUTSIDE)


class SizeCurve(Result):
    """Every measure against the size of the sample."""

    noun = "size curve"
    made_by = "geoscope size-curve SUBJECT -o curve.json"

    kind: Literal["size_curve"] = "size_curve"
    over: Literal["sequences", "rows"]
    sizes: list[Size] = Field(min_length=1, description="increasing; the last is the full sample")
    subject: Annotated[dict[str, Any], TOLD]
    sample: dict[str, Any] = Field(description="the full sample")
    settings: dict[str, Any]
    points: list[SizePoint] = Field(description="by layer, then measure, then size")
    enough: list[Enough] = Field(description="by layer, then measure")
    environment: dict[str, Any]

    def curve(self, measure: str, layer: int | None = None) -> list[SizePoint]:
        """One measure at every size; the layer may be left out where there is one."""
        rows = [row for row in self.points if row.measure == measure and layer in (None, row.layer)]
        if len({row.layer for row in rows}) != 1:
            held = ", ".join(dict.fromkeys(row.measure for row in self.points)) or "nothing"
            raise GeoscopeError(
                f"expected {measure} of one layer, got {'several' if rows else 'none'}; the size curve holds {held}"
            )
        return rows


def enough_of(curve: Sequence[SizePoint]) -> Enough:
    """What a curve says, its points by size, the last of the full sample."""
    *smaller, whole = curve
    found: dict[str, Any] = {"layer": whole.layer, "measure": whole.measure, "whole": whole.value, "from_size": None}
    if whole.value is None:
        return Enough(**found, reason=f"undefined at the full sample: {whole.reason}")
    first: SizePoint | None = None
    for point in reversed(smaller):
        held = interval_of_value(point.measurement)
        if held is None:
            why = point.reason or "it has no standard error"
            break
        if not held[0] <= whole.value <= held[1]:
            why = _OUTSIDE
            break
        first = point
    if first is not None:
        return Enough(**{**found, "from_size": first.size}, standard_error=first.standard_error)
    return Enough(**found, reason=f"at {smaller[-1].size:,}: {why}" if smaller else "there is no smaller size")
