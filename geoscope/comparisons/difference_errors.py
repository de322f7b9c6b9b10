"""How sure a difference of two measurements is: paired through their replicates, or from their own errors.

With the same drawn sequences, what one group of sequences does to both reports cancels: the difference is jackknifed
over the groups, or spreads over halves of the sequences. With other draws the two errors add in squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from statistics import stdev
from typing import TYPE_CHECKING

from geoscope.catalogue import sees_points
from geoscope.errors import Undefined
from geoscope.statistics import jackknife_error, welch_degrees

if TYPE_CHECKING:
    from geoscope.report import Measurement, Report

ERROR_DEGREES = 19
"""Degrees of freedom of a standard error, which is over 20 groups or halves of the sequences."""

_NO_ERROR = "it has no standard error: the measure has none, the sequences are too few, or --no-errors was given"
"""What is said of a report that does not say why."""


@dataclass(frozen=True)
class Noise:
    """The standard error of a difference, its degrees of freedom, and whether it was taken in pairs."""

    standard_error: float
    degrees: float
    paired: bool


@dataclass(frozen=True)
class Share:
    """How much of a finite corpus a report's errors count as drawn: of its sequences, and of their rows as points.

    drawn is 0 where its errors are of an endless corpus. sequences: how many were drawn; None where that is not
    known, and where each row is a sequence, so that no two rows are of one.
    """

    drawn: float
    sampled: float
    sequences: int | None = None

    def of(self, measure: str) -> float:
        """The share that a measure saw, by which its standard error was made smaller."""
        return self.drawn * (self.sampled if sees_points(measure) else 1.0)


@dataclass(frozen=True)
class Draws:
    """How the samples of two reports stand to one another.

    same_sequences: both saw the same drawn sequences. same_rows: the same model on the same sample, so that equal
    values are equal by necessity. finite: whether the difference is of this finite corpus, and not of an endless one.
    """

    same_sequences: bool
    same_rows: bool
    base: Share
    candidate: Share
    finite: bool = False


def draws_of(base: Report, candidate: Report) -> Draws:
    """How the samples of two comparable reports stand to one another."""
    fingerprint = base.sample.fingerprint
    weights = base.subject.fingerprint
    return Draws(
        same_sequences=fingerprint is not None and fingerprint == candidate.sample.fingerprint,
        same_rows=weights is not None
        and weights == candidate.subject.fingerprint
        and base.sample == candidate.sample
        and base.settings.get("split") == candidate.settings.get("split"),
        base=share_of_corpora(base),
        candidate=share_of_corpora(candidate),
        finite="corpus" in (population_of(base), population_of(candidate)),
    )


def population_of(report: Report) -> str | None:
    """What the report's standard errors are of; None for a report from before that was asked.

    Such a report's errors were made smaller by the share of the corpus that was drawn. Beside errors of an endless
    corpus they are freed of that; beside errors of the finite one they are what those are.
    """
    named = report.settings.get("population")
    return None if named is None else str(named)


def contrast(base: Measurement, candidate: Measurement, draws: Draws, weight: float = 1.0) -> Noise:
    """The noise of `candidate - weight * base`; a weight other than 1 tests a relative limit, base noise included.

    Paired, over G groups: SE^2 = (G - 1)/G sum (d_g - mean d)^2, d_g = candidate_g - weight * base_g; scaled up where
    a measurement's own error is larger than its own jackknife (TwoNN's is), or, for a quantized measure, with both
    training spreads added in squares. Paired over halves of the sequences, where measurements carry those: the spread
    of the halves' differences. t with G - 1 degrees, G groups or halves. Of a finite corpus (draws.finite) times 1 - f
    in the square, f the share of it that was drawn.
    Unpaired: the root of the squared sum; Welch and Satterthwaite's degrees. Undefined where an error is missing.
    """
    if draws.same_rows and base.layer == candidate.layer and base.value == candidate.value:
        return Noise(0.0, degrees_of(base), True)
    if draws.same_sequences:
        paired = _paired(base, candidate, draws, weight)
        if paired is not None:
            return paired
    ours = abs(weight) * _own_error(base, draws.base, draws)
    theirs = _own_error(candidate, draws.candidate, draws)
    return Noise(hypot(ours, theirs), welch_degrees(ours, degrees_of(base), theirs, degrees_of(candidate)), False)


def _paired(base: Measurement, candidate: Measurement, draws: Draws, weight: float) -> Noise | None:
    shares = draws.base.of(base.measure), draws.candidate.of(base.measure)
    left = sqrt(1 - min(shares)) if draws.finite else 1.0
    if base.halves is not None and candidate.halves is not None and len(base.halves) == len(candidate.halves):
        apart = [c - weight * b for b, c in zip(base.halves, candidate.halves, strict=True)]
        return Noise(stdev(apart) * left, len(apart) - 1, True)
    ours, theirs = _replicates(base), _replicates(candidate)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return None
    error = jackknife_error([c - weight * b for b, c in zip(ours, theirs, strict=True)]) * left
    spreads = (base.training_spread, candidate.training_spread)
    if spreads == (None, None):
        base_growth = _growth(base, ours, shares[0])
        candidate_growth = _growth(candidate, theirs, shares[1])
        if base_growth is None or candidate_growth is None:
            return None
        error *= max(1.0, base_growth, candidate_growth)
    else:
        error = hypot(error, weight * (spreads[0] or 0.0), spreads[1] or 0.0)
    return Noise(error, len(ours) - 1, True)


def _growth(row: Measurement, replicates: Sequence[float], fraction: float) -> float | None:
    """How many times the measurement's error is its own jackknife; None where only the jackknife is 0."""
    if not row.standard_error:
        return 1.0
    own = jackknife_error(replicates) * sqrt(1 - fraction)
    return row.standard_error / own if own > 0 else None


def _own_error(row: Measurement, share: Share, draws: Draws) -> float:
    """A measurement's error over draws of what the difference is of; Undefined where it does not have one.

    Of an endless corpus it is freed of what drawn much of a finite one has taken off, in reports where that was done.
    """
    if row.standard_error is None:
        raise Undefined(row.reason or _NO_ERROR)
    fraction = share.of(row.measure)
    if draws.finite or fraction == 0:
        return row.standard_error
    spread = min(row.training_spread or 0.0, row.standard_error)  # of trainings, which no corpus bounds
    if fraction < 1:
        return hypot(sqrt((row.standard_error**2 - spread**2) / (1 - fraction)), spread)
    replicates = _replicates(row)
    if replicates is None:
        raise Undefined(
            "its report was measured before errors of an endless corpus were, on the whole of a corpus, and carries "
            "nothing to tell them from; measure it again"
        )
    return hypot(jackknife_error(replicates), spread)


def _replicates(row: Measurement) -> Sequence[float] | None:
    """Those of every group, or None: without one the spread would be too small."""
    values = row.replicates
    if values is None or len(values) < 2 or any(value is None for value in values):
        return None
    return values


def degrees_of(row: Measurement) -> float:
    """Degrees of freedom of a measurement's standard error."""
    replicates = _replicates(row)
    return ERROR_DEGREES if replicates is None else len(replicates) - 1


def share_of_corpora(report: Report) -> Share:
    """How much of its corpora a report counts as drawn, and of how many sequences it is."""
    sample = report.sample
    drawn = 0.0 if population_of(report) == "endless" else sample.sampling_fraction or 0.0
    several = sample.sequences is not None and sample.sequences < sample.rows
    sampled = sample.points / sample.rows if sample.rows else 1.0
    return Share(drawn, sampled, sample.sequences if several else None)
