"""Series: which measurements of some reports are drawn as one line, and the chart of a measure over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from geoscope.comparisons.verdicts import interval_of_value
from geoscope.document import Card, Chart, Point, Series, flattened
from geoscope.documents.reading import reading_of
from geoscope.forms.html.scales import bounded
from geoscope.wording import (
    between,
    cell_text,
    key_names,
    layer_in_words,
    layer_ranges,
    rounded,
    short_names,
    short_print,
    told_apart,
)

if TYPE_CHECKING:
    from geoscope.report import Measurement, Report

_MOST_PLACES = 2  # of a study, which take many words


@dataclass(frozen=True)
class Axis:
    """What the charts of a page are over: layers, a study's levels, or sizes; of: what these count."""

    by: Literal["layer", "noise_level", "transform_level", "size"]
    places: tuple[float, ...]
    of: str = ""

    @property
    def name(self) -> str:
        named = {"noise_level": "noise level (%)", "transform_level": "transform's amount", "size": self.of}
        return named.get(self.by, self.by)

    def place_of(self, row: Measurement) -> float | None:
        """Where a measurement stands; None for one that belongs to no place, which is drawn across."""
        place: float | None = getattr(row, self.by)
        return place


@dataclass(frozen=True)
class Held:
    """The measurements that one colour stands for: a report's, or one layer's of it over noise levels."""

    place: int
    name: str
    rows: tuple[Measurement, ...]


def labels_of(reports: Sequence[Report]) -> list[str]:
    """The subjects' names, of a path its last part; those that several reports share with what tells them apart."""
    return told_apart(short_names([report.subject.name for report in reports]), list(map(_facts, reports)))


def _facts(report: Report) -> dict[str, str]:
    """What may differ in reports of the same name: first what was measured, then how."""
    subject, sample = report.subject, report.sample
    told = {
        "revision": short_print(subject.revision),
        "subfolder": subject.subfolder,
        "fingerprint": short_print(subject.fingerprint),
        "corpora": " and ".join(share.name for share in sample.corpora),
        "sequences": sample.sequences,
        "pooling": sample.pooling,
        "max length": sample.max_length,
        "seed": sample.seed,
        **flattened(report.settings),
        **flattened(report.environment),
    }
    return {name: f"{name} {cell_text(value)}" for name, value in told.items() if value not in (None, "")}


def axis_of(rows: Iterable[Measurement]) -> Axis:
    """Noise levels or a transform's amounts where a row has any, else layers."""
    held = list(rows)
    levels = {row.noise_level for row in held if row.noise_level is not None}
    if levels:
        return Axis("noise_level", tuple(sorted(levels)))
    amounts = {row.transform_level for row in held if row.transform_level is not None}
    if amounts:
        return Axis("transform_level", tuple(sorted(amounts)))
    return Axis("layer", tuple(sorted({row.layer for row in held if row.layer is not None})))


def series_of(reports: Sequence[Report], axis: Axis) -> list[Held]:
    """A series a report, or one a layer of each where the axis is not of layers."""
    found: list[Held] = []
    for label, report in zip(labels_of(reports), reports, strict=True):
        apart = axis.by != "layer" and len(report.layers) > 1
        for layer in report.layers if apart else [None]:
            rows = tuple(row for row in report.measurements if not apart or row.layer == layer)
            name = f"{label}, {layer_in_words(layer)}" if apart else label
            found.append(Held(len(found), name, rows))
    return found


def place_name(row: Measurement) -> str:
    """Where a measurement is from, in words: its layer and a study's keys."""
    keys = key_names(row.keys)
    return keys if row.layer is None and keys else ", ".join(filter(None, [layer_in_words(row.layer), keys]))


def ranged(places: Sequence[str]) -> str:
    """Places in words, "layers 1, 2, 5" for several layers."""
    numbers = [place.removeprefix("layer ") for place in places]
    if len(places) > 1 and all(number.isdecimal() for number in numbers):
        return f"layers {layer_ranges(map(int, numbers))}"
    return "; ".join(places) if len(places) <= _MOST_PLACES else f"{len(places)} places, such as {places[0]}"


def card(key: str, series: Sequence[Held], axis: Axis, *, headed: bool = True) -> Card:
    """A measure's chart, how it is read and, if headed, its number where there is only one."""
    drawn = [
        Series(each.place, each.name, [_point(row, axis) for row in each.rows if row.measure == key]) for each in series
    ]
    rows = [row for each in series for row in each.rows if row.measure == key]
    number, beside = _headline(rows[0]) if headed and len(rows) == 1 else (None, None)
    chart = Chart(key, drawn, axis.name, axis.places, levels=axis.by != "layer")
    return Card(key, chart, reading_of(key), number, beside, measure=key)


def _headline(row: Measurement) -> tuple[str, str]:
    """A number large, and what belongs to it small."""
    if row.value is None:
        return "undefined", row.reason or ""
    extra = [("standard error", row.standard_error), ("null", row.null)]
    return rounded(row.value), ", ".join(f"{name} {rounded(number)}" for name, number in extra if number is not None)


def _point(row: Measurement, axis: Axis) -> Point:
    """A measurement at its place."""
    found = interval_of_value(row)
    ends = None if found is None else (bounded(found[0]), bounded(found[1]))
    if row.value is None:
        said = f"undefined, {row.reason}"
    else:
        said = rounded(row.value) + ("" if ends is None else f", 95 % {between(ends)}")
        said += "" if row.null is None else f", null {rounded(row.null)}"
    return Point(axis.place_of(row), row.value, place_name(row), said, ends, row.null)
