"""Limits and what came of them: a check as a document, what a comparison says of its limits, a report of collapse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from geoscope.catalogue import SIGNS
from geoscope.comparisons.checks import Check, HeldLimit
from geoscope.comparisons.collapse import EMBEDDINGS, Collapse
from geoscope.document import MOST_LEADING, Column, Document, Finding, GateCase, Section, Table, entry
from geoscope.documents.series import place_name, ranged
from geoscope.wording import (
    between,
    crosses_layers,
    key_names,
    layer_cell,
    layer_name,
    rounded,
    short_names,
)

if TYPE_CHECKING:
    from geoscope.report import Report


def interval_columns(spare: int = 0) -> tuple[Column, Column]:
    """The ends of a row's interval, which people see as one; spare: as of a column."""

    def end(place: int) -> Callable[[Any], float | None]:
        return lambda row: (row.interval or (None, None))[place]

    low = Column("low", "95 %", value=end(0), shown=lambda row: between(row.interval), spare=spare)
    return low, Column("high", label=None, value=end(1))


_COLUMNS = (
    Column("limit", words=True), Column("measure", label=None), Column("layer", shown=layer_cell),
    Column("", "at", value=lambda row: key_names(row.keys), words=True),
    Column("", "of", value=lambda row: row.candidate, words=True),
    Column("held", shown=lambda row: "held" if row.held else "FAILED", words=True, why=lambda row: row.reason),
    Column("value", exact=True),
    Column("", "change", value=lambda row: row.change, exact=True),
    *interval_columns(), Column("reason", note=True),
    Column("caution", words=True, rare=True),
)  # fmt: skip

_READING = "A limit is held against the value itself, whatever its noise; a measure without a value fails."


def document(result: Check) -> Document:
    """Every limit, and what came of it."""
    table = limits_table(result.limits)
    name = str(result.subject["name"])
    (title,) = short_names([name])
    first = failed_limits(result.limits) or ([told_limits(result.limits)] if result.limits else [])
    return Document(
        title,
        [table],
        [Section("limits", [limits_table(sorted(result.limits, key=lambda limit: limit.held))])],
        facts=[] if title == name else [name],
        findings=[Finding(line, lead=True) for line in first],
        reading=[_READING],
        outcome=told_limits(result.limits) or "no limits",
        cases=limit_cases(result.limits),
    )


def failed_limits(limits: Sequence[HeldLimit]) -> list[str]:
    """A sentence for each limit that failed; of many the first, and how many more there are."""
    failed = [f"limit failed: {sentence_of(limit)}" for limit in limits if not limit.held]
    if len(failed) <= MOST_LEADING:
        return failed
    shown = MOST_LEADING - 1
    return [*failed[:shown], f"{len(failed) - shown} more limits failed"]


def limits_table(limits: Sequence[HeldLimit]) -> Table:
    """A row a limit."""
    keys = dict.fromkeys(key for row in limits for key in row.keys)
    further = [Column(key, label=None, value=entry(key, "keys")) for key in keys]
    return Table("Limits", [*_COLUMNS, *further], limits, style=lambda row: "" if row.held else "bad")


def told_limits(limits: Sequence[HeldLimit]) -> str:
    """How many failed, or that all held; nothing where there are none."""
    failed, many = sum(not limit.held for limit in limits), len(limits)
    if not limits:
        return ""
    return f"{failed} of {many} limits failed" if failed else f"{many} limit{'s' * (many > 1)} held"


def suite_of(layer: int | None) -> str:
    """The suite of a layer's cases."""
    return "geoscope" if layer is None else f"geoscope.layer-{layer}"


def limit_cases(limits: Sequence[HeldLimit], *, several: bool = False) -> list[GateCase]:
    """A case a limit; several: there are candidates to be named."""
    found = []
    for limit in limits:
        keys = f" at {key_names(limit.keys)}" if limit.keys else ""
        name = limit.limit + keys + (f" [{limit.candidate}]" if several else "")
        why = "; ".join(filter(None, [limit.reason, layer_name(limit) if crosses_layers(limit) else None]))
        sentence = sentence_of(limit) if limit.reason else None
        found.append(GateCase(suite_of(limit.layer), name, "passed" if limit.held else "failed", why, sentence))
    return found


def sentence_of(limit: HeldLimit) -> str:
    """A limit and what came of it, in a line."""
    place = ", ".join(filter(None, [layer_name(limit), key_names(limit.keys)]))
    where = f" at {place}" if place else ""
    who = "" if limit.candidate is None else f" of {limit.candidate}"
    return f"{limit.limit}{where}{who}: {limit.reason or 'held'}"


def collapse_in_words(report: Report) -> list[Finding]:
    """A warning for each sign, or that there is none; nothing where not every sign was measured, or no layer judged."""
    rows = [row for row in report.measurements if row.measure in SIGNS and row.layer != EMBEDDINGS]
    if {row.measure for row in rows} != set(SIGNS):
        return []
    found = []
    for bound in Collapse().bounds:
        signs = [row for row in rows if row.measure == bound.measure and row.value is not None]
        shown = [row for row in signs if not bound.holds(row.value or 0.0)]
        if shown:
            values = sorted((row.value for row in shown if row.value is not None), reverse=bound.operator == "<=")
            told = f"{SIGNS[bound.measure].told} ({bound.measure} {rounded(values[0])}, healthy {bound})"
            names = list(dict.fromkeys(place_name(row) for row in shown))
            look = f"look{'s' * (len(names) == 1)} collapsed"
            found.append(Finding(f"{ranged(names)} {look}: {told}", warning=True, lead=True))
    if found or any(row.value is None for row in rows):
        return found
    return [Finding("nothing looks collapsed", lead=True)]
