"""The page of a comparison or a check: what came out, limits, a chart of each measure's differences, every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from geoscope.catalogue import margin_scale
from geoscope.comparisons.comparison import Comparison, Difference
from geoscope.comparisons.holding import Check, HeldLimit
from geoscope.forms import comparison_forms
from geoscope.pages.charts import Interval, Line, Mark, interval_chart, line_chart
from geoscope.pages.grids import Grid, side_by_side
from geoscope.pages.page import Card, render_page
from geoscope.pages.reading import by_family, capital, reading_of
from geoscope.pages.scales import bounded, layer_scale
from geoscope.pages.series import Series
from geoscope.wording import key_names, layer_cell, layer_name, percent_change, rounded, signed

_VERDICTS = ("changed", "same", "inconclusive", "unknown")
_MEASURES_NAMED = 6  # in a sentence
_LAYERS_NAMED = 3  # each with its change


def to_html(result: Comparison | Check) -> str:
    """The page of a comparison, or of a report held to absolute limits."""
    shared: dict[str, Any] = {
        "outcome": comparison_forms.outcome(result) or "no limits",
        "failed": bool(result.failed),
        "limits": _limits(result.limits),
    }
    if isinstance(result, Check):
        return render_page("check", comparison_forms.title(result), **shared)
    labels = comparison_forms.labels(result)
    several = len(labels) > 1
    keys = [row.measure for row in result.differences]
    return render_page(
        "comparison",
        comparison_forms.title(result),
        **shared,
        facts=comparison_forms.introductions(result),
        notes=comparison_forms.notes(result),
        changed=_changed(result, several=several),
        families=[(family, [_card(key, result) for key in members]) for family, members in by_family(keys)],
        legend=[Series(place, label, ()) for place, label in enumerate(labels)] if several else [],
        margin=f"{100 * float(result.settings['margin']):g} %",
        differences=_differences(result, several=several),
        similarity=_similarity(result),
        subjects=side_by_side(
            "Subjects", [str(result.base["name"]), *labels], [result.base, *_unlabelled(result.candidates)]
        ),
        settings=side_by_side("Settings", ["value"], [result.settings]),
    )


def _unlabelled(candidates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name != "label"} for each in candidates]


def _limits(limits: Sequence[HeldLimit]) -> Grid:
    columns = ("limit", "layer", "at", "of", "held", "value", "change", "from", "to", "why", "caution")
    rows = [
        [
            each.limit, layer_cell(each), key_names(each.keys), each.candidate,
            "held" if each.held else "FAILED", each.value, each.change, *(each.interval or (None, None)), each.reason,
            each.caution,
        ]
        for each in sorted(limits, key=lambda limit: limit.held)
    ]  # fmt: skip
    return Grid(
        "Limits, with the 95 % interval of the change or value", columns, rows, frozenset({"value", "change"})
    ).without_empty()


def _changed(result: Comparison, *, several: bool) -> list[str]:
    """A sentence a candidate on what changed, and by how much of the base's value, the largest share first."""
    sentences = []
    for label in comparison_forms.labels(result):
        found: dict[str, list[Difference]] = {}
        for row in result.differences:
            if row.candidate == label and row.verdict == "changed":
                found.setdefault(row.measure, []).append(row)
        ordered = sorted(found, key=lambda measure: -max(map(_size, found[measure])))
        told = [f"{measure} ({_changes(found[measure])})" for measure in ordered[:_MEASURES_NAMED]]
        more = f" and {len(found) - len(told)} more measures" if len(found) > len(told) else ""
        sentence = f"changed: {'; '.join(told)}{more}" if told else "no measure changed"
        sentences.append(f"{label}: {sentence}" if several else capital(sentence))
    return sentences


def _size(row: Difference) -> float:
    return abs(row.relative) if row.relative is not None else 0.0


def _changes(rows: Sequence[Difference]) -> str:
    """How much changed; of several layers, where, and of many only the least and the most."""
    if len(rows) == 1:
        return _change(rows[0]) + (f" in {layer_name(rows[0])}" if layer_name(rows[0]) else "")
    if len(rows) <= _LAYERS_NAMED:
        return ", ".join(f"{_change(row)} in {layer_name(row) or 'one cloud'}" for row in rows)
    low, high = (pick(rows, key=lambda row: row.relative or 0.0) for pick in (min, max))
    return f"{_change(low)} to {_change(high)} in {len(rows)} layers"


def _change(row: Difference) -> str:
    if row.relative is not None:
        return percent_change(row.relative)
    return "" if row.difference is None else f"{'+' * (row.difference > 0)}{rounded(row.difference)}"


def _differences(result: Comparison, *, several: bool) -> Grid:
    columns = (
        "measure", "of", "layer", "base", "candidate", "difference", "change", "from", "to", "z", "adjusted p",
        "verdict", "why",
    )  # fmt: skip
    keys = [key for _, members in by_family(row.measure for row in result.differences) for key in members]
    rows = [
        [
            row.measure, row.candidate if several else None,
            layer_cell(row), row.base_value, row.candidate_value,
            row.difference, None if row.relative is None else _change(row), *(row.interval or (None, None)),
            None if row.z is None else signed(row.z), row.p_adjusted, row.verdict, row.reason,
        ]
        for row in sorted(result.differences, key=lambda row: keys.index(row.measure))
    ]  # fmt: skip
    return Grid(
        "Every difference, with its 95 % interval", columns, rows, frozenset({"base", "candidate", "difference"})
    ).without_empty()


def _similarity(result: Comparison) -> Grid:
    columns = list(dict.fromkeys(name for row in result.similarity for name in row))
    return Grid("How alike the spaces are", columns, [[row.get(name) for name in columns] for row in result.similarity])


def _between(ends: tuple[float, float] | None) -> str | None:
    return None if ends is None else f"{rounded(ends[0])}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{rounded(ends[1])}"


# Charts


def _card(measure: str, result: Comparison) -> Card:
    rows = [row for row in result.differences if row.measure == measure]
    counts: Counter[str] = Counter(row.verdict for row in rows)
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _VERDICTS if counts[verdict])
    number, beside = (_headline(rows[0]), _story(rows[0])) if len(rows) == 1 else (None, verdicts)
    return Card(measure, _chart(measure, result, rows), reading_of(measure), number, beside)


def _headline(row: Difference) -> str:
    return row.verdict if row.difference is None else f"{_change(row)}, {row.verdict}"


def _story(row: Difference) -> str:
    """How a measure went from one value to the other."""
    if row.difference is None or row.base_value is None or row.candidate_value is None:
        return row.reason or ""
    parts = [f"from {rounded(row.base_value)} to {rounded(row.candidate_value)}"]
    parts += [f"difference {rounded(row.difference)}, 95 % {_between(row.interval)}"] if row.interval else []
    return ", ".join(parts + ([row.reason] if row.reason else []))


def _chart(measure: str, result: Comparison, rows: Sequence[Difference]) -> Markup:
    """The differences over layers, or beside each other where each candidate has one; around 0, the margin."""
    place = {label: at for at, label in enumerate(comparison_forms.labels(result))}
    about = f"{measure}, candidate minus base. " + ". ".join(_told(row) for row in rows) + "."
    margin = float(result.settings["margin"])
    layers = sorted({row.layer for row in rows if row.layer is not None})
    bands = {
        float(row.layer or 0): margin * margin_scale(measure, bounded(row.base_value), row.base_n)
        for row in rows
        if row.base_value is not None
    }
    if len(layers) < 2:
        reach = next(iter(bands.values()), None)
        drawn = [
            Interval(place[row.candidate], row.candidate, _mark(row, row.difference))
            for row in rows
            if row.difference is not None
        ]
        return interval_chart(drawn, about, zero=True, band=None if reach is None else (-reach, reach))
    lines = [_line(at, [row for row in rows if row.candidate == label]) for label, at in place.items()]
    band = [(at, -reach, reach) for at, reach in sorted(bands.items())]
    return line_chart(lines, partial(layer_scale, layers), "layer", about, zero=True, band=band)


def _line(place: int, rows: Sequence[Difference]) -> Line:
    marks = tuple(_mark(row, row.difference) for row in rows if row.difference is not None)
    trend = tuple(None if row.difference is None else (float(row.layer or 0), row.difference) for row in rows)
    gaps = tuple((float(row.layer or 0), _told(row)) for row in rows if row.difference is None)
    return Line(place, marks, trend, gaps=gaps)


def _mark(row: Difference, difference: float) -> Mark:
    low, high = (bounded(end) for end in row.interval or (difference, difference))
    return Mark(float(row.layer or 0), difference, low, high, _told(row), hollow=row.verdict != "changed")


def _told(row: Difference) -> str:
    """A difference in words."""
    where = layer_name(row)
    lead = f"{row.candidate}, {where}" if where else row.candidate
    if row.difference is None:
        return f"{lead}: {row.reason}"
    parts = [f"{lead}: {rounded(row.difference)}"]
    parts += [f"95 % {_between(row.interval)}"] if row.interval is not None else []
    return ", ".join([*parts, row.verdict])
