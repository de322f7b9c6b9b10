"""Whether a report's rows look collapsed, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geoscope.catalogue import SIGNS
from geoscope.comparisons.collapse import EMBEDDINGS, Collapse
from geoscope.document import Finding
from geoscope.documents.series import place_name
from geoscope.wording import layer_ranges, listed, rounded

if TYPE_CHECKING:
    from geoscope.report import Report

_MOST_PLACES = 3  # before they are counted


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
            found.append(Finding(f"{_placed(names)} collapsed: {told}", warning=True, lead=True))
    if found or any(row.value is None for row in rows):
        return found
    return [Finding("nothing looks collapsed", lead=True)]


def _placed(names: list[str]) -> str:
    """`layer 3 looks`, `layers 3-5 look`, `the rows look`."""
    numbers = [name.removeprefix("layer ") for name in names]
    if names == [""]:
        return "the rows look"
    if len(names) > 1 and all(number.isdecimal() for number in numbers):
        return f"layers {layer_ranges(map(int, numbers))} look"
    if len(names) > _MOST_PLACES:
        return f"{len(names)} places, such as {names[0]}, look"
    return f"{listed(names)} look{'s' * (len(names) == 1)}"
