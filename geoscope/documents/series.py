"""Series: which measurements of some reports are drawn as one line, and the chart of a measure over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from geoscope.comparisons.verdicts import interval_of_value
from geoscope.document import Card, Interval, IntervalChart, Line, LineChart, Mark, Place
from geoscope.documents.reading import reading_of
from geoscope.forms.html.scales import bounded, shortened
from geoscope.wording import between, key_names, layer_in_words, numbered, rounded

if TYPE_CHECKING:
    from geoscope.report import Measurement, Report


_NAME_ROOM = 240.0  # pixels; a name is there again at every dot


@dataclass(frozen=True)
class Axis:
    """What the charts of a page are over: layers, or a study's noise levels."""

    by: Literal["layer", "noise_level"]
    places: tuple[float, ...]

    @property
    def name(self) -> str:
        return "layer" if self.by == "layer" else "noise level (%)"

    def place_of(self, row: Measurement) -> float | None:
        """Where a measurement stands; None for one that belongs to no place, which is drawn across."""
        place: float | None = getattr(row, self.by)
        return place


@dataclass(frozen=True)
class Series:
    """The measurements that one colour stands for: a report's, or one layer's of it over noise levels."""

    place: int
    name: str
    rows: tuple[Measurement, ...]


def labels_of(reports: Sequence[Report]) -> list[str]:
    """The subjects' names; those that several reports share are numbered."""
    return numbered([report.subject.name for report in reports])


def axis_of(rows: Iterable[Measurement]) -> Axis:
    """Noise levels where a row has any, else layers."""
    held = list(rows)
    levels = {row.noise_level for row in held if row.noise_level is not None}
    if levels:
        return Axis("noise_level", tuple(sorted(levels)))
    return Axis("layer", tuple(sorted({row.layer for row in held if row.layer is not None})))


def series_of(reports: Sequence[Report], axis: Axis) -> list[Series]:
    """A series a report, or one a layer of each where the axis is not of layers."""
    found: list[Series] = []
    for label, report in zip(labels_of(reports), reports, strict=True):
        apart = axis.by != "layer" and len(report.layers) > 1
        for layer in report.layers if apart else [None]:
            rows = tuple(row for row in report.measurements if not apart or row.layer == layer)
            name = f"{label}, {layer_in_words(layer)}" if apart else label
            found.append(Series(len(found), name, rows))
    return found


def place_name(row: Measurement) -> str:
    """Where a measurement is from, in words: its layer and a study's keys."""
    keys = key_names(row.keys)
    return keys if row.layer is None and keys else ", ".join(filter(None, [layer_in_words(row.layer), keys]))


def interval_of(row: Measurement) -> tuple[float, float] | None:
    """The 95 % interval of a value; None where there is no value or no error."""
    found = interval_of_value(row)
    return None if found is None else (bounded(found[0]), bounded(found[1]))


def card(key: str, series: Sequence[Series], axis: Axis, *, headed: bool = True) -> Card:
    """A measure's chart, how it is read and, if headed, its number where there is only one."""
    held = [Series(each.place, each.name, tuple(row for row in each.rows if row.measure == key)) for each in series]
    held = [each for each in held if each.rows]
    rows = [row for each in held for row in each.rows]
    number, beside = _headline(rows[0]) if headed and len(rows) == 1 else (None, None)
    return Card(key, _chart(key, held, axis, several=len(series) > 1), reading_of(key), number, beside)


def _headline(row: Measurement) -> tuple[str, str]:
    """A number large, and what belongs to it small."""
    if row.value is None:
        return "undefined", row.reason or ""
    extra = [("standard error", row.standard_error), ("null", row.null)]
    return rounded(row.value), ", ".join(f"{name} {rounded(number)}" for name, number in extra if number is not None)


def _chart(measure: str, held: Sequence[Series], axis: Axis, *, several: bool) -> LineChart | IntervalChart:
    """Lines over the axis, or intervals where all stand at one place."""
    about = f"{measure} by {axis.name}. " + " ".join(_in_words(each, axis) for each in held)
    if len({axis.place_of(row) for each in held for row in each.rows} - {None}) > 1:
        lines = [line for each in held for line in _lines_of(each, axis, several=several)]
        return LineChart(lines, axis.name, axis.places, about, levels=axis.by == "noise_level")
    return IntervalChart(_intervals(held), about, nulls=_nulls(held))


def _nulls(held: Iterable[Series]) -> list[float]:
    return list(dict.fromkeys(row.null for each in held for row in each.rows if row.null is not None))


def _intervals(held: Sequence[Series]) -> list[Interval]:
    """A row a measurement; where it is from is named only if that differs."""
    same = len({place_name(row) for each in held for row in each.rows}) == 1
    rows = []
    for each in held:
        for row in each.rows:
            if row.value is not None:
                name = each.name if same else _row_name(each, row)
                rows.append(Interval(each.place, name, _mark(0.0, row.value, row, _row_name(each, row))))
    return rows


def _row_name(series: Series, row: Measurement) -> str:
    return f"{shortened(series.name, _NAME_ROOM)}, {place_name(row)}"


def _lines_of(series: Series, axis: Axis, *, several: bool) -> list[Line]:
    """The series's line over the axis, and one across for each measurement without a place on it."""
    placed = [(place, row) for row in series.rows if (place := axis.place_of(row)) is not None]
    lines = [_line_of(series, placed, several=several)] if placed else []
    for row in series.rows:
        if axis.place_of(row) is None and row.value is not None:
            told = _row_name(series, row) + ", drawn across"
            marks = tuple(_mark(end, row.value, row, told) for end in (axis.places[0], axis.places[-1]))
            lines.append(Line(series.place, marks, tuple((mark.at, mark.value) for mark in marks)))
    return lines


def _line_of(series: Series, placed: Iterable[tuple[float, Measurement]], *, several: bool) -> Line:
    marks: list[Mark] = []
    trend: list[Place | None] = []
    nulls: list[Place] = []
    gaps: list[tuple[float, str]] = []
    faint = False
    for at, group in groupby(sorted(placed, key=lambda pair: pair[0]), key=lambda pair: pair[0]):
        rows = [row for _, row in group]
        values = [bounded(row.value) for row in rows if row.value is not None]
        trend.append((at, fmean(values)) if values else None)
        faint = faint or len(rows) > 1
        known = [bounded(row.null) for row in rows if row.null is not None]
        nulls += [(at, fmean(known))] if known else []
        for row in rows:
            told = _row_name(series, row) if several else place_name(row)
            if row.value is None:
                gaps.append((at, f"{told}: undefined, {row.reason}"))
            else:
                marks.append(_mark(at, row.value, row, told, bare=len(rows) > 1))
    return Line(series.place, tuple(marks), tuple(trend), tuple(nulls), tuple(gaps), faint)


def _mark(at: float, value: float, row: Measurement, told: str, *, bare: bool = False) -> Mark:
    """bare: without its interval, where several runs stand at one place and say more of the noise."""
    known = interval_of(row)
    low, high = (value, value) if known is None or bare else known
    said = f"{told}: {rounded(value)}"
    said += "" if known is None else f", 95 % {between(known)}"
    return Mark(at, value, low, high, said + ("" if row.null is None else f", null {rounded(row.null)}"))


def _in_words(series: Series, axis: Axis) -> str:
    """What a chart says of a series, for those who cannot see it."""
    defined = [(row, row.value) for row in series.rows if row.value is not None]
    if not defined:
        return f"{series.name}: undefined."
    if len(defined) == 1:
        return f"{_row_name(series, defined[0][0])}: {rounded(defined[0][1])}."
    defined.sort(key=lambda pair: axis.place_of(pair[0]) or 0.0)
    (first, start), (last, end) = defined[0], defined[-1]
    values = [value for _, value in defined]
    return (
        f"{series.name}: {rounded(start)} at {place_name(first)}, {rounded(end)} at {place_name(last)}, "
        f"between {rounded(min(values))} and {rounded(max(values))}."
    )
