"""Whether standard errors are as large as they should be: on a real layer's rows and on simulated clouds.

Draws of sequences, equal shares of each corpus as `measure` takes them, come in disjoint pairs. Coverage: how often a
draw's 95 % interval holds the mean over all draws. False alarms: how often the interval of a pair's difference leaves
out 0, where there is nothing to find. Power: how often it does once one side is moved by 3 standard errors of the
difference (their mean over the pairs).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.clouds import CLOUDS
from benchmarks.data import corpora_beside, layer_files, sequences_beside, shape_of
from benchmarks.results import Result, Section
from benchmarks.settings import Settings
from benchmarks.timing import Case, interleaved

POINTS = 2_000
ROWS_A_SEQUENCE = 60
DEGREES = 19


def run(settings: Settings) -> Section:
    section = Section("errors", "Standard errors: coverage, false alarms and power of 95 % intervals, worst measure")
    given = {
        "draws": settings.draws,
        "per_draw": settings.per_draw,
        "workers": settings.workers,
        "measures": "unquantized",
    }
    cases = [of_layer(settings, settings.small, given, "a real layer")]
    cases += [Case("draws of sequences", "errors.draws_of_cloud", given | {"kind": kind}, kind) for kind in CLOUDS]
    return judged(section, cases)


def judged(section: Section, cases: list[Case]) -> Section:
    """The section with the cases run, and what follows of them."""
    section.results += interleaved(cases, 1)
    for result in section.results:
        _judge(section, result)
    return section


def of_layer(settings: Settings, checkpoint: str, given: dict[str, Any], data: str) -> Case:
    """Draws of a checkpoint's last layer."""
    rows_wanted = 20 * settings.per_draw * ROWS_A_SEQUENCE
    rows = next(iter(layer_files(settings, checkpoint, rows_wanted, last=True).values()))
    beside = {"sequences": str(sequences_beside(rows)), "corpora": str(corpora_beside(rows))}
    n, d = shape_of(rows)
    return Case(
        "draws of sequences",
        "errors.draws_of_layer",
        given | beside | {"rows": str(rows), "points": POINTS},
        data,
        n,
        d,
    )


def _judge(section: Section, result: Result) -> None:
    found = result.facts[0]
    draws = max(map(len, found.values()))
    for key, pairs in found.items():
        if len(pairs) < draws:
            section.notes.append(f"{result.data}: {key} has no interval in {draws - len(pairs)} of {draws} pairs")
    rates = {key: _rates(pairs) for key, pairs in found.items() if len(pairs) == draws}
    result.facts = [rates]  # the draws themselves would fill the file
    for name, unit, worst, bounds in (
        ("coverage", "%", min, {"at_least": 90}),
        ("standard error over the true spread", "x", max, {"at_most": 1.4}),
        ("false alarms", "%", max, {"at_most": 8}),
        ("power at 3 standard errors", "%", min, {"at_least": 75}),
    ):
        key = worst(rates, key=lambda measure: rates[measure][name])
        section.find(f"{name}, {result.data}, worst: {key}", rates[key][name], unit, **bounds)


def _rates(pairs: list[dict[str, Any]]) -> dict[str, float]:
    """Of one measure over all pairs, each with both `values`, both `errors` and the difference's `interval`."""
    values, errors, intervals = (np.array([pair[name] for pair in pairs]) for name in ("values", "errors", "interval"))
    held = np.abs(values - values.mean()) <= t.ppf(0.975, DEGREES) * errors
    moved = intervals + 3 * np.mean([pair["error of the difference"] for pair in pairs])
    return {
        "coverage": 100 * float(held.mean()),
        "standard error over the true spread": float(errors.mean() / values.std(ddof=1)),
        "false alarms": 100 * _excluding_zero(intervals),
        "power at 3 standard errors": 100 * _excluding_zero(moved),
    }


def _excluding_zero(intervals: Any) -> float:
    return float(((intervals[:, 0] > 0) | (intervals[:, 1] < 0)).mean())
