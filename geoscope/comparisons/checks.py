"""Holding reports to limits: a change in a comparison, a value in one report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from geoscope.comparisons.collapse import Collapse, parse_value
from geoscope.comparisons.comparability import measures_of
from geoscope.comparisons.difference_errors import Noise, contrast
from geoscope.comparisons.limits import Bound, Limit, aimed_layers
from geoscope.comparisons.matching import Match, match_layers, share_of, why_no_difference
from geoscope.comparisons.verdicts import LEVEL, interval, interval_of_value
from geoscope.errors import GeoscopeError, Undefined
from geoscope.files import is_none
from geoscope.result import TOLD, Interval, Part, Result
from geoscope.statistics import holm, upper_tail
from geoscope.wording import listed, percent_change, rounded

if TYPE_CHECKING:
    from geoscope.report import Measurement, Report

_ROUNDING = 1e-12
"""A breach smaller than this share of the numbers it is from is rounding: 0.1 down to 0.09 is not past -10 %."""


def _is_empty(value: dict[str, Any]) -> bool:
    return not value


class HeldLimit(Part):
    """One limit on one layer, held or not."""

    limit: str = Field(description="as the user wrote it")
    measure: str
    layer: int | None = Field(description="of the base where there are two reports")
    candidate_layer: int | None = Field(
        default=None, exclude_if=is_none, description="the candidate's layer it is held against"
    )
    keys: dict[str, Any] = Field(
        default_factory=dict, exclude_if=_is_empty, description="of a study's row: its key columns, such as noise_level"
    )
    candidate: str | None = Field(default=None, description="whose change was limited; null for a bound on one report")
    held: bool
    value: float | None = Field(description="the measure's value, in the candidate where there are two")
    change: float | None = Field(default=None, description="candidate - base")
    relative: float | None = None
    interval: Interval | None = Field(default=None, description="95 %, of the change or else of the value")
    p_adjusted: float | None = Field(default=None, description="of a change within the limit; Holm over the limits")
    reason: str | None = Field(default=None, description="why it failed, or why a breach was let pass")
    caution: str | None = Field(
        default=None, exclude_if=is_none, description="why the value says less than it seems to"
    )


class Check(Result):
    """One report held to absolute limits."""

    noun = "check"
    made_by = "geoscope check REPORT LIMIT -o check.json"

    kind: Literal["check"] = "check"
    subject: Annotated[dict[str, Any], TOLD]
    limits: list[HeldLimit]

    @property
    def failed(self) -> list[HeldLimit]:
        """The limits that did not hold."""
        return [limit for limit in self.limits if not limit.held]


def check(report: Report | str | Path, *limits: str | Bound | Collapse) -> Check:
    """Hold one report to absolute limits, as the command does.

    Parameters
    ----------
    report : Report or path
        What was measured, or the file that it was written to.
    *limits : str
        ``MEASURE[@LAYER]``, then ``<``, ``<=``, ``>`` or ``>=``, then a number: ``"anisotropy<0.5"``,
        ``"two_nn@last>5"``. Without a layer, every layer of the report is meant. Or ``"collapse"``: every sign of
        collapse, on every layer above the embeddings.

    Returns
    -------
    Check
        Each limit, held or not; ``.failed`` lists those that are not. A measure without a value fails.

    Raises
    ------
    GeoscopeError
        Where a limit cannot be read, or the report lacks its measure or layer.

    Examples
    --------
    >>> import geoscope, numpy
    >>> rows = numpy.random.default_rng(0).standard_normal((500, 16))
    >>> report = geoscope.measure(rows, measures=["isoscore"])
    >>> geoscope.check(report, "isoscore>0.9").failed
    []
    """
    from geoscope.report import Report

    if not limits:
        raise GeoscopeError("expected limits to hold the report to, got none; name one such as 'anisotropy<0.5'")
    held = report if isinstance(report, Report) else Report.read(report)
    return check_report(held, [parse_value(limit) if isinstance(limit, str) else limit for limit in limits])


def check_report(report: Report, bounds: Iterable[Bound | Collapse]) -> Check:
    """Hold every layer that a bound is about to it; a bound is on the value itself, whatever its noise.

    Raises GeoscopeError for a measure or layer that the report lacks. A null fails.
    """
    held = [
        _hold_bound(each, row, whole)
        for bound in bounds
        for each, whole, rows in _rows_held(bound, report)
        for row in rows
    ]
    return Check(subject=report.subject.model_dump(mode="json"), limits=held)


def hold_collapse(named: Collapse, base: Report, candidate: Report, label: str) -> list[HeldLimit]:
    """Every sign of collapse in a candidate; what the base shows too is let pass, and said.

    Raises GeoscopeError for a measure or layer that either report lacks.
    """
    before = {
        (row.measure, row.layer): _hold_bound(each, row, whole)
        for each, whole, rows in _rows_held(named, base)
        for row in rows
    }
    beside = {theirs: own for own, theirs in match_layers(base, candidate)}
    held = []
    for each, whole, rows in _rows_held(named, candidate):
        for row in rows:
            place = {"candidate": label, "layer": beside.get(row.layer, row.layer), "candidate_layer": row.layer}
            found = _hold_bound(each, row, whole).model_copy(update=place)
            in_base = before.get((row.measure, beside[row.layer])) if row.layer in beside else None
            if not found.held and in_base is not None and not in_base.held:
                found = found.model_copy(
                    update={"held": True, "reason": f"{found.reason}; in the base, {in_base.reason}"}
                )
            held.append(found)
    return held


def _rows_held(bound: Bound | Collapse, report: Report) -> Iterable[tuple[Bound, str, list[Measurement]]]:
    """Each bound by itself, as it is called, with the report's rows that it is about."""
    if isinstance(bound, Bound):
        layers = aimed_layers(bound.aim, report, str(bound))
        yield bound, str(bound), _rows(report, bound.measure, layers, str(bound))
        return
    lacking = [each.measure for each in bound.bounds if each.measure not in measures_of(report)]
    if lacking:
        raise GeoscopeError(
            f"expected {listed(lacking)} in {report.subject.name}'s report for {bound}, got a report without; measure "
            "it again, with --measures collapse among others"
        )
    layers = bound.layers_of(report)
    for each in bound.bounds:
        whole = f"{bound}: {each}"
        yield each, whole, _rows(report, each.measure, layers, whole)


def _hold_bound(bound: Bound, row: Measurement, whole: str) -> HeldLimit:
    found: dict[str, Any] = {"limit": whole, "measure": row.measure, "layer": row.layer, "value": row.value}
    found |= {"keys": row.keys, "caution": row.caution}
    if row.value is None:
        return HeldLimit(**found, held=False, reason=f"it is undefined: {row.reason}")
    spread = interval_of_value(row)
    held = bound.holds(row.value)
    reason = None if held else f"it is {rounded(row.value)}{_between(spread)}"
    return HeldLimit(**found, held=held, interval=spread, reason=reason)


@dataclass(frozen=True)
class _Tested:
    """A limit on one match: by how much it is passed, and the p of its being kept (None: there is no noise to tell)."""

    limit: Limit
    match: Match
    missing: str | None = None
    beyond: bool = False
    p: float | None = None
    noise: Noise | None = None
    unjudged: str | None = None


def hold_limits(
    limits: Sequence[Limit],
    base: Report,
    candidates: Mapping[str, Report],
    matches: Sequence[Match],
    *,
    strict: bool,
) -> list[HeldLimit]:
    """Every limit on every candidate and every layer it is about.

    A limit fails where the change passes it by more than its noise: a one-sided t-test at 5 %, Holm over all that
    are tested here. It fails on the change alone with `strict` or where no noise is known, and where there is no
    change to hold: a null, or numbers that cannot be subtracted. A limit without a layer is about every layer that
    the two reports share. Raises GeoscopeError for a measure or layer that a report lacks.
    """
    of = {label: [match for match in matches if match.label == label] for label in candidates}
    tested = [
        _test(limit, match)
        for limit in limits
        for label, candidate in candidates.items()
        for match in _aimed(limit, base, candidate, of[label])
    ]
    adjusted = holm([each.p for each in tested])
    return [_held(each, p, strict=strict) for each, p in zip(tested, adjusted, strict=True)]


def _aimed(limit: Limit, base: Report, candidate: Report, matches: Sequence[Match]) -> list[Match]:
    for report in (base, candidate):
        _check_measure(report, limit.measure, str(limit))
    layers = set(aimed_layers(limit.aim, base, str(limit)))
    found = [match for match in matches if match.base.measure == limit.measure and match.base.layer in layers]
    if not found:
        raise GeoscopeError(
            f"expected {limit.measure} of a layer that both reports have for {limit}, got none in "
            f"{base.subject.name} and {candidate.subject.name}; measure --layers all of both"
        )
    return found


def _rows(report: Report, measure: str, layers: Sequence[int | None], whole: str) -> list[Measurement]:
    _check_measure(report, measure, whole)
    aimed = set(layers)
    rows = [row for row in report.measurements if row.measure == measure and row.layer in aimed]
    if not rows:
        raise GeoscopeError(
            f"expected {measure} of layer {layers[0]} in {report.subject.name}'s report for {whole}, got none; "
            "measure it with --measures and --layers"
        )
    return rows


def _check_measure(report: Report, measure: str, whole: str) -> None:
    held = measures_of(report)
    if measure not in held:
        raise GeoscopeError(
            f"expected {measure} in {report.subject.name}'s report for {whole}, got "
            f"{', '.join(sorted(held)) or 'no measure'}; measure it with --measures {measure}"
        )


def _test(limit: Limit, match: Match) -> _Tested:
    """The base's own noise counts: with a relative limit the contrast is candidate - (1 +- limit) base."""
    base, candidate = match.base.value, match.candidate.value
    missing = why_no_difference(match)
    if missing is not None or base is None or candidate is None:
        return _Tested(limit, match, missing=missing)
    change, allowed = candidate - base, limit.allowed(base)
    side = limit.direction or (1 if change >= 0 else -1)
    excess = side * change - allowed
    beyond = excess > _ROUNDING * max(abs(base), abs(candidate), allowed)
    weight = 1.0 + side * limit.amount * (1 if base > 0 else -1 if base < 0 else 0) if limit.relative else 1.0
    try:
        noise = contrast(match.base, match.candidate, match.draws, weight)
    except Undefined as reason:
        return _Tested(limit, match, beyond=beyond, unjudged=str(reason))
    if not noise.standard_error:
        return _Tested(limit, match, beyond=beyond, p=0.0 if beyond else 1.0, noise=noise)
    p = upper_tail(excess / noise.standard_error, noise.degrees)
    if limit.direction == 0:  # the change could have passed the limit on the other side too
        p += upper_tail((abs(change) + allowed) / noise.standard_error, noise.degrees)
    return _Tested(limit, match, beyond=beyond, p=min(1.0, p), noise=noise)


def _held(tested: _Tested, p: float | None, *, strict: bool) -> HeldLimit:
    base, candidate = tested.match.base, tested.match.candidate
    found: dict[str, Any] = {
        "limit": str(tested.limit),
        "measure": base.measure,
        "layer": base.layer,
        "candidate_layer": candidate.layer,
        "candidate": tested.match.label,
        "value": candidate.value,
        "caution": base.caution or candidate.caution,
    }
    if tested.missing is not None or base.value is None or candidate.value is None:
        return HeldLimit(**found, held=False, reason=f"there is no change to hold: {tested.missing}")
    change = candidate.value - base.value
    try:
        spread = interval(change, contrast(base, candidate, tested.match.draws))
    except Undefined:
        spread = None
    found |= {"change": change, "relative": share_of(change, base.value), "interval": spread, "p_adjusted": p}
    story = f"it went from {rounded(base.value)} to {rounded(candidate.value)}, {moved(change, base.value)}"
    story += _between(spread)
    if not tested.beyond:
        return HeldLimit(**found, held=True)
    if strict or p is None:
        why = f"; held without its noise: {tested.unjudged}" if tested.unjudged and not strict else ""
        return HeldLimit(**found, held=False, reason=story + why)
    if p <= LEVEL:
        return HeldLimit(**found, held=False, reason=story)
    return HeldLimit(**found, held=True, reason=f"{story}: past the limit, but not by more than its noise")


def moved(change: float, base: float) -> str:
    """A change as text, with its share of the base."""
    relative = share_of(change, base)
    sign = "+" if change > 0 else ""
    return f"{sign}{rounded(change)}" + ("" if relative is None else f" ({percent_change(relative)})")


def _between(spread: tuple[float, float] | None) -> str:
    return "" if spread is None else f", 95 % interval {rounded(spread[0])} to {rounded(spread[1])}"
