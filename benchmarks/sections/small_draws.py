"""Whether few sequences make `compare` say more than they can: a model against a noisy copy of it, on small draws.

Of each measure: its relative difference over all sequences ("true"), and how often draws of 40 sequences call it
*changed* although that is within the margin (a false call), or, where it is not, rightly (power). Coverage: how often
a draw's 95 % interval holds the mean over all draws of as many sequences. Shift: how far that mean is from the value
over all sequences, in standard errors of a draw; what shifts by more than one of them moves with the number of rows or
sequences, and the catalogue must say so.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.data import corpora_beside, layer_files, noisy_copy, sequences_beside, shape_of
from benchmarks.results import Section
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved
from geoscope.catalogue import TRAITS
from geoscope.comparisons.comparison import MARGIN
from geoscope.comparisons.difference_errors import ERROR_DEGREES
from geoscope.comparisons.verdicts import margin_scale

NOISE = 0.05
"""Of the copy's weights, in standard deviations of each tensor."""
PER_DRAW = 40
EVERY_ROW = 10**9


def run(settings: Settings) -> Section:
    section = Section("small_draws", f"Draws of {PER_DRAW} sequences: a model against a copy with 5 % weight noise")
    checkpoints = (settings.small, str(noisy_copy(settings, settings.small, NOISE)))
    base, candidate = (next(iter(layer_files(settings, each, EVERY_ROW, last=True).values())) for each in checkpoints)
    beside = {"sequences": str(sequences_beside(base))}
    rows = {"base": str(base), "candidate": str(candidate), "bits": settings.bits} | beside
    drawn = {"corpora": str(corpora_beside(base)), "per_draw": PER_DRAW, "workers": settings.workers}
    n, d = shape_of(base)
    kinds = {"unquantized": settings.small_draws, "quantized": settings.quantized_draws}
    cases = [Case("every sequence", "small_draws.whole", rows | {"kind": kind}, kind, n, d) for kind in kinds]
    cases += [
        Case(f"{number} draws", "small_draws.draws", rows | drawn | {"kind": kind, "number": number}, kind)
        for kind, number in kinds.items()
    ]
    section.results += interleaved(cases, 1)
    for kind, number in kinds.items():
        true = section.of("every sequence", kind)
        found = section.of(f"{number} draws", kind)
        if true is not None and found is not None:
            rates = {key: _rates(key, true.facts[0][key], each) for key, each in found.facts[0].items()}
            found.facts = [{key: row for key, row in rates.items() if row}]
            _judge(section, found.facts[0])
    return section


def _rates(key: str, true: list[float | None], draws: list[dict[str, Any]]) -> dict[str, Any]:
    """Of one measure: what the draws said, beside what every sequence says; nothing where it has no error."""
    told = [draw for draw in draws if draw["interval"] is not None and draw["error"] is not None]
    if true[0] is None or true[1] is None or len(told) < 2:
        return {}
    values, errors = np.array([draw["values"][0] for draw in told]), np.array([draw["error"] for draw in told])
    mean = values.mean()
    reach = t.ppf(0.975, ERROR_DEGREES) * errors
    return {
        "true": (true[1] - true[0]) / margin_scale(key, true[0], 10_000),
        "changed": float(np.mean([draw["verdict"] == "changed" for draw in told])),
        "same": float(np.mean([draw["verdict"] == "same" for draw in told])),
        "draws": len(told),
        "coverage": float(np.mean(np.abs(values - mean) <= reach)),
        "mean": float(mean),
        "whole": true[0],
        "shift": float((true[0] - mean) / sqrt(float(np.mean(np.square(errors))))) if errors.any() else None,
    }


def _judge(section: Section, rates: dict[str, dict[str, Any]]) -> None:
    for key, row in rates.items():
        slack = 2 * sqrt(0.05 * 0.95 / row["draws"])
        within = abs(row["true"]) <= MARGIN
        what = f"{key}, true difference {100 * row['true']:+.1f} %"
        if within:
            section.find(f"called changed, {what}", 100 * row["changed"], "%", at_most=100 * (0.05 + slack))
        else:
            section.find(f"power, {what}", 100 * row["changed"], "%")
    for key, row in rates.items():
        section.find(f"coverage, {key}", 100 * row["coverage"], "%", at_least=90)
    for key, row in rates.items():
        moving = bool(TRAITS[key].moves_with)
        bound = {} if moving or row["shift"] is None else {"at_most": 1.0}
        told = f"shift from {PER_DRAW} to all sequences, {key} ({row['mean']:.4g} to {row['whole']:.4g})"
        section.find(told + ("" if moving else ", said to move with neither"), _size(row["shift"]), "SE", **bound)


def _size(shift: float | None) -> float | None:
    return None if shift is None else abs(shift)
