"""Looks: a checkpoint's kept report, and how its measures go from layer to layer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from geoscope.report import Measurement, Report

RESULTS = Path(__file__).parent / "results"

CHECKPOINTS = {
    "minilm": "all-MiniLM-L6-v2 (encoder)",
    "mpnet": "all-mpnet-base-v2 (encoder)",
    "smollm2": "SmolLM2-135M-Instruct (decoder)",
}
"""What is measured, by the name of its result."""

DEMO = "minilm"
"""The one that comes with the demo extra."""

LINE = (
    "measure {subject} --layers all --measures field,anisotropy,first_position_energy,two_nn,two_nn_across "
    "--corpus ptb={data}/ptb.valid.txt --corpus wikitext2={data}/wikitext2.valid.txt --sequences 500 --points 2000"
)
"""The words after `geoscope`."""

Z = 1.96  # of a two-sided 95 % interval


def kept(report: str) -> str:
    """A report's JSON without the numbers that only comparisons in pairs need."""
    held = json.loads(report)
    for row in held["measurements"]:
        row.pop("replicates", None)
        row.pop("halves", None)
    return json.dumps(held, indent=1) + "\n"


@dataclass(frozen=True)
class Look:
    """One checkpoint's measures over its layers."""

    name: str
    report: Report

    @property
    def layers(self) -> list[int]:
        """Every layer, the embeddings first."""
        return sorted({row.layer for row in self.report.measurements if row.layer is not None})

    def rows(self, key: str) -> dict[int, Measurement]:
        """A measure by layer, where it has a value."""
        held = (row for row in self.report.measurements if row.measure == key)
        return {row.layer: row for row in held if row.layer is not None and row.value is not None}

    def values(self, key: str) -> dict[int, float]:
        return {layer: row.value for layer, row in self.rows(key).items() if row.value is not None}


@cache
def look(name: str) -> Look | None:
    """What is kept of a checkpoint; None where it was not measured."""
    path = RESULTS / f"{name}.json"
    return Look(name, Report.read(path)) if path.is_file() else None


def looks() -> list[Look]:
    """All that is kept."""
    return [held for held in map(look, CHECKPOINTS) if held is not None]


def apart(one: Measurement, other: Measurement) -> float | None:
    """How many standard errors two layers' numbers are apart (the first less the second); None without errors.

    As if the two were of different text: of the same text they vary together, so that more is told apart than here.
    """
    if None in (one.value, other.value, one.standard_error, other.standard_error):
        return None
    spread = float(one.standard_error or 0.0) ** 2 + float(other.standard_error or 0.0) ** 2
    return (float(one.value or 0.0) - float(other.value or 0.0)) / spread**0.5 if spread > 0 else None
