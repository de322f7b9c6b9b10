"""A verification: the public packages' own numbers beside geoscope's on the same points. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from geoscope.result import Part, Result

Agreement = Literal["agrees", "differs", "disagrees", "skipped"]


class Beside(Part):
    """One number of a package beside geoscope's."""

    measure: str
    package: str = Field(description="and what of it computes the number")
    version: str | None = Field(default=None, description="of the package; null where it is not installed")
    theirs: float | None = None
    ours: float | None = None
    within: float | None = Field(default=None, description="share of geoscope's number up to which they agree")
    outcome: Agreement = Field(description="differs: for the reason that is known; disagrees: for none that is")
    reason: str | None = Field(default=None, description="why they differ, or what is missing")


class Verification(Result):
    """What public packages make of a subject's points, and what geoscope makes of them."""

    noun = "verification"
    made_by = "geoscope measures --verify SUBJECT -o verification.json"

    kind: Literal["verification"] = "verification"
    subject: dict[str, Any] = Field(description="what the points are of, as a report tells it")
    layer: int | None = Field(description="whose points they are; null for a file that is one cloud")
    points: int = Field(ge=0, description="that the packages were given, none of them a copy of another")
    copies: int = Field(ge=0, description="sampled points that equal another, which were left out")
    numbers: list[Beside]

    def of(self, outcome: Agreement) -> Sequence[Beside]:
        """Those of which that came."""
        return [each for each in self.numbers if each.outcome == outcome]
