"""Many rows: what holds reports against each other and shows them takes time in proportion to their rows."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from geoscope.comparisons.checks import check
from geoscope.comparisons.comparison import compare_reports
from geoscope.comparisons.limits import parse_limit
from geoscope.comparisons.matching import pair_layers
from geoscope.documents.rendering import render
from geoscope.report import Measurement, Report, Sample, Subject

FEW, MANY = 500, 4_000


def _report(rows: int, shift: float = 0.0) -> Report:
    """A report of as many layers."""
    return Report(
        subject=Subject(name="deep", kind="checkpoint", layers=rows - 1, hidden_size=8),
        sample=Sample(rows=100, points=100, seed=0),
        settings={},
        measurements=[
            Measurement(layer=layer, measure="isoscore", value=0.3 + shift + layer / 1e6, standard_error=0.01, n=100)
            for layer in range(rows)
        ],
        environment={},
    )


def _seconds(work: Callable[[], object]) -> float:
    """The least CPU time of two runs: what else the machine does only adds to it."""
    taken = []
    for _ in range(2):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def _check(rows: int) -> Callable[[], object]:
    report = _report(rows)
    return lambda: render(check(report, "isoscore>0.1", "isoscore@last<0.1"), "table")


def _check_that_fails(rows: int) -> Callable[[], object]:
    report = _report(rows)
    return lambda: render(check(report, "isoscore>0.9"), "table")


def _compare(rows: int) -> Callable[[], object]:
    base, candidate = _report(rows), _report(rows, 0.01)
    limits = [parse_limit("isoscore:10%")]
    return lambda: render(compare_reports(base, [candidate], limits=limits), "junit")


def _show(rows: int) -> Callable[[], object]:
    report = _report(rows)
    return lambda: render(report, "table")


@pytest.mark.parametrize("of", [_check, _check_that_fails, _compare, _show])
def test_time_goes_with_the_rows(of: Callable[[int], Callable[[], object]]) -> None:
    few, many = _seconds(of(FEW)), _seconds(of(MANY))
    assert many < 3 * (MANY / FEW) * few, f"{many / few:.0f} times as long for {MANY // FEW} times as many rows"


def test_layers_of_unlike_models_pair_in_little_time() -> None:
    begun = time.process_time()
    found = pair_layers(range(20_001), range(14_001), (20_000, 14_000))
    assert time.process_time() - begun < 5  # some 0.3 s; a pair at a time it was minutes
    assert found[0] == (0, 0)
    assert found[-1] == (20_000, 14_000)
