"""What came of a section: what follows from it, what is to be said, and how it ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.results import Finding

DONE, FAILED, STOPPED, LEFT_OUT = "done", "failed", "stopped", "left out"


@dataclass
class Outcome:
    """ended: one of the above; why: it did not end well. peak: bytes held on the device at once, where that is known.

    What was found before a section failed or was stopped is kept.
    """

    name: str
    title: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: str = DONE
    why: str = ""
    seconds: float = 0.0
    peak: int | None = None

    def as_json(self) -> dict[str, Any]:
        met = [finding.met for finding in self.findings]
        kept = asdict(self)
        for row, whether in zip(kept["findings"], met, strict=True):
            row["met"] = whether
        return kept


def share(what: str, value: float, **bounds: float) -> Finding:
    """A finding in percent."""
    return Finding(what, 100 * value, "%", **{name: 100 * bound for name, bound in bounds.items()})
