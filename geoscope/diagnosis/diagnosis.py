"""A diagnosis: each thing that was looked at, and what came of it. Reads and writes its JSON; loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from geoscope.result import Part, Result

Outcome = Literal["right", "wrong", "skipped", "told"]


class Finding(Part):
    """One thing that was looked at."""

    group: str = Field(description="answers, libraries or machine")
    name: str
    outcome: Outcome = Field(description="told: nothing was expected of it")
    found: float | str | None = None
    expected: str | None = Field(default=None, description="in words")
    source: str | None = Field(default=None, description="whose figure is expected")
    reason: str | None = Field(default=None, description="why it is wrong or was skipped, and what to do")


class Diagnosis(Result):
    """What an installation computes of what is known, which libraries it has, and the machine it is on."""

    noun = "diagnosis"
    made_by = "geoscope doctor -o doctor.json"

    kind: Literal["diagnosis"] = "diagnosis"
    findings: list[Finding]

    def of(self, outcome: Outcome) -> Sequence[Finding]:
        """Those of which that came."""
        return [each for each in self.findings if each.outcome == outcome]
