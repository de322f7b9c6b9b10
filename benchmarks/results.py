"""Results: what each case took, what follows, and the files that keep it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass
class Result:
    """All runs of one case. seconds: of each run. memory: bytes above what was held before, of each run."""

    case: str
    data: str
    n: int
    d: int
    seconds: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    skipped: str | None = None

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def peak(self) -> int:
        """The largest run's bytes."""
        return max(self.memory)

    def fact(self, name: str) -> list[Any]:
        return [facts[name] for facts in self.facts]


@dataclass
class Finding:
    """One sentence's number: `value` with its unit, and what it should be (None: only said)."""

    what: str
    value: float
    unit: str = "x"
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool | None:
        if self.at_most is None and self.at_least is None:
            return None
        above = self.at_least is None or self.value >= self.at_least
        return above and (self.at_most is None or self.value <= self.at_most)

    @property
    def target(self) -> str:
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


@dataclass
class Section:
    """One comparison."""

    name: str
    title: str
    results: list[Result] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of(self, case: str, data: str | None = None, n: int | None = None) -> Result | None:
        """The result of a case, or None where it was skipped or not run."""
        for result in self.results:
            fits = data in (None, result.data) and n in (None, result.n)
            if result.case == case and fits and result.seconds:
                return result
        return None

    def find(self, what: str, value: float | None, unit: str = "x", **bounds: float) -> None:
        """Keep a finding, if it could be made."""
        if value is not None:
            self.findings.append(Finding(what, value, unit, **bounds))

    def as_json(self) -> dict[str, Any]:
        kept = asdict(self)
        for row, result in zip(kept["results"], self.results, strict=True):
            if result.seconds:
                row |= {"median_seconds": result.median, "peak_bytes": result.peak}
        for row, finding in zip(kept["findings"], self.findings, strict=True):
            row |= {"met": finding.met}
        return kept


def ratio(one: Result | None, other: Result | None) -> float | None:
    """How many times as long the first takes, by medians."""
    return None if one is None or other is None else one.median / other.median


def read_sections(path: Path) -> dict[str, Any]:
    """What an earlier run left: sections by name."""
    if not path.is_file():
        return {}
    sections: dict[str, Any] = json.loads(path.read_text())["sections"]
    return sections


def write_sections(path: Path, sections: dict[str, Any]) -> None:
    path.write_text(json.dumps({"sections": sections}, indent=1) + "\n")
