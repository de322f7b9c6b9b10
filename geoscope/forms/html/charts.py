"""Charts: lines over layers or levels, intervals, scatters, as static SVG coloured by the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import fmean
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

from geoscope.document import Chart, HeatMap, Place, Point, Scatter, Series
from geoscope.forms.html import drawing
from geoscope.forms.html.drawing import BOTTOM, RIGHT, TOP, WIDTH, pixels
from geoscope.forms.html.heat_maps import heat_map
from geoscope.forms.html.scales import (
    OFF_CHART,
    Scale,
    bounded,
    layer_scale,
    level_scale,
    lying_scale,
    shortened,
    standing_scale,
    width_of,
)
from geoscope.wording import rounded

_HEIGHT = 214.0
_BASE = _HEIGHT - BOTTOM
_INSET = 8.0  # between the axes and the first and last mark
_LINE_OF_TEXT = 11.0
_NAME_ROOM = 240.0  # pixels; a name is there again at every dot


class _Mark(NamedTuple):
    """A number where it is drawn; told: all of it in words."""

    at: float
    value: float
    low: float
    high: float
    told: str
    hollow: bool


class _Line(NamedTuple):
    """A series as it is drawn: its marks, what the line goes through, broken at None, its nulls, and what is undefined.

    faint: the marks are single runs, and the line their mean.
    """

    place: int
    marks: list[_Mark]
    trend: list[Place | None]
    nulls: list[Place]
    gaps: list[tuple[float, str]]
    faint: bool


def chart(content: Chart | Scatter | HeatMap) -> Markup:
    """The drawing of a chart."""
    if isinstance(content, HeatMap):
        return heat_map(content)
    held = [each for each in content.series if each.points]
    if isinstance(content, Scatter):
        return _scatter_chart(content, held)
    about = f"{content.title} by {content.axis}. " + " ".join(map(_in_words, held))
    if content.line or len({point.at for each in held for point in each.points} - {None}) > 1:
        return _line_chart(content, held, about)
    return _interval_chart(content, held, about)


def _in_words(series: Series) -> str:
    """What a chart says of a series, for those who cannot see it."""
    defined = [(point.at or 0.0, point.value, point.name) for point in series.points if point.value is not None]
    if not defined:
        return f"{series.name}: undefined."
    defined.sort(key=lambda each: each[0])
    (_, start, first), (_, end, last) = defined[0], defined[-1]
    if len(defined) == 1:
        return f"{shortened(series.name, _NAME_ROOM)}, {first}: {rounded(start)}."
    values = [value for _, value, _ in defined]
    return (
        f"{series.name}: {rounded(start)} at {first}, {rounded(end)} at {last}, between {rounded(min(values))} and "
        f"{rounded(max(values))}."
    )


def _told(series: Series, point: Point, *, several: bool, how: str = "") -> str:
    where = (f"{shortened(series.name, _NAME_ROOM)}, {point.name}" if several else point.name) + how
    return f"{where}: {point.said}"


def _mark(at: float, value: float, point: Point, told: str, *, bare: bool = False) -> _Mark:
    """bare: without its interval, where several runs stand at one place and say more of the noise."""
    low, high = (value, value) if point.ends is None or bare else map(bounded, point.ends)
    return _Mark(at, value, low, high, told, point.hollow)


def _lines_of(content: Chart, held: Sequence[Series]) -> list[_Line]:
    """Each series's line over the axis, and one across for each point without a place on it."""
    several = len(content.series) > 1
    lines = []
    for each in held:
        placed = [(point.at, point) for point in each.points if point.at is not None]
        lines += [_line(each, placed, several=several)] if placed else []
        for point in each.points:
            if point.at is None and point.value is not None:
                told = _told(each, point, several=True, how=", drawn across")
                marks = [_mark(end, point.value, point, told) for end in (content.places[0], content.places[-1])]
                lines.append(_Line(each.place, marks, [(mark.at, mark.value) for mark in marks], [], [], faint=False))
    return lines


def _line(series: Series, placed: Iterable[tuple[float, Point]], *, several: bool) -> _Line:
    line = _Line(series.place, [], [], [], [], faint=False)
    for at, group in groupby(sorted(placed, key=lambda pair: pair[0]), key=lambda pair: pair[0]):
        points = [point for _, point in group]
        values = [bounded(point.value) for point in points if point.value is not None]
        line.trend.append((at, fmean(values)) if values else None)
        known = [bounded(point.null) for point in points if point.null is not None]
        line.nulls.extend([(at, fmean(known))] if known else [])
        for point in points:
            told = _told(series, point, several=several)
            if point.value is None:
                line.gaps.append((at, told))
            else:
                line.marks.append(_mark(at, point.value, point, told, bare=len(points) > 1))
    return line._replace(faint=len(line.marks) > len(line.trend))


def _line_chart(content: Chart, held: Sequence[Series], about: str) -> Markup:
    """Where no line has a mark the chart says so; the gaps still say why."""
    lines, band, zero = _lines_of(content, held), content.band, content.zero
    extent = _extent((mark for line in lines for mark in line.marks), zero=zero)
    nulls = [value for line in lines for _, value in line.nulls]
    shown = _in_sight(extent, nulls)
    standing = standing_scale([*extent, *(nulls if shown else [])], _BASE, TOP)
    left, right = _left_of(standing), WIDTH - RIGHT
    scale_of = level_scale if content.levels else layer_scale
    lying = scale_of(content.places, left + _INSET, right - _INSET)
    root = drawing.canvas(_HEIGHT, about)
    drawing.standing_axis(root, standing, left, right)
    drawing.lying_axis(root, lying, _BASE, _BASE, content.axis)
    if band:
        ends = [(x, high) for x, _, high in band] + [(x, low) for x, low, _ in reversed(band)]
        drawing.path(root, drawing.polyline((lying(x), standing(y)) for x, y in ends) + "Z", "band")
    if zero:
        drawing.path(root, f"M{pixels(left)} {pixels(standing(0.0))}H{pixels(right)}", "zero")
    if shown:
        _draw_nulls(root, lines, lying, standing)
    elif nulls:
        drawing.text(root, (right, 12), _far_null(nulls, extent), anchor="end", kind="name")
    for order, line in enumerate(lines):
        _draw_line(root, line, lying, standing, _dodge(order, lines, lying))
    if not any(line.marks for line in lines):
        _say_undefined(root, ((left + right) / 2, (TOP + _BASE) / 2))
    return drawing.markup(root)


def _interval_chart(content: Chart, held: Sequence[Series], about: str) -> Markup:
    """Rows are named where there are several, by where they are from only if that differs."""
    same = len({point.name for each in held for point in each.points}) == 1
    rows = [
        (each.name if same else f"{shortened(each.name, _NAME_ROOM)}, {point.name}", each.place,
         _mark(0.0, point.value, point, _told(each, point, several=True)))
        for each in held
        for point in each.points
        if point.value is not None
    ]  # fmt: skip
    nulls = list(dict.fromkeys(p.null for each in held for p in each.points if p.null is not None))
    zero, named = content.zero, len(rows) > 1
    extent = _extent((mark for _, _, mark in rows), zero=zero)
    shown = bool(nulls) and (not named or _in_sight(extent, nulls))
    row_height = 30.0 if named else 24.0
    base = TOP + row_height * max(1, len(rows)) + 2
    lying = lying_scale([*extent, *(nulls if shown else [])], _INSET, WIDTH - _INSET)
    root = drawing.canvas(base + 19, about, "intervals")
    drawing.lying_axis(root, lying, base, TOP, "")
    for _, *ends in content.band[:1]:
        low, high = (pixels(lying(end)) for end in ends)
        drawing.path(root, f"M{low} {pixels(base)}V{pixels(TOP)}H{high}V{pixels(base)}Z", "band")
    if zero:
        drawing.path(root, f"M{pixels(lying(0.0))} {pixels(base)}V{pixels(TOP)}", "zero")
    if shown:
        _draw_upright_nulls(root, nulls, lying, base)
    elif nulls:
        drawing.text(root, (WIDTH - _INSET, 12), _far_null(nulls, extent), anchor="end", kind="name")
    if not rows:
        _say_undefined(root, (WIDTH / 2, base - 8))
    for order, (name, place, mark) in enumerate(rows):
        height = TOP + row_height * (order + 1) - (9 if named else 11)
        if named:
            drawing.text(root, (_INSET, height - 9), shortened(name, WIDTH - 2 * _INSET), kind="row")
        _draw_interval(root, place, mark, lying, height)
    return drawing.markup(root)


def _scatter_chart(content: Scatter, held: Sequence[Series]) -> Markup:
    axes, fit = content.axes, content.fit
    marks = [
        (each.place, point.at, point.value, f"{point.name}: {point.said}")
        for each in held
        for point in each.points
        if point.at is not None and point.value is not None
    ]
    standing = standing_scale([y for _, _, y, _ in marks] + [y for _, y in fit], _BASE, TOP)
    left, right = _left_of(standing), WIDTH - _INSET
    lying = lying_scale([x for _, x, _, _ in marks], left + _INSET, right - _INSET)
    root = drawing.canvas(_HEIGHT, content.title, "scatter")
    drawing.standing_axis(root, standing, left, right)
    drawing.lying_axis(root, lying, _BASE, _BASE, axes[0])
    drawing.text(root, (4, 12), shortened(axes[1], WIDTH - 8), kind="name")
    drawing.path(root, drawing.polyline((lying(x), standing(y)) for x, y in fit), "fit")
    groups = {each.place: SubElement(root, "g", {"class": drawing.colour_of(each.place)}) for each in held}
    for place, x, y, told in marks:
        drawing.path(groups[place], drawing.marker(place, (lying(x), standing(y))), "mark", told)
    if not marks:
        _say_undefined(root, ((left + right) / 2, (TOP + _BASE) / 2))
    return drawing.markup(root)


def _extent(marks: Iterable[_Mark], *, zero: bool) -> list[float]:
    """The numbers that an axis has to hold."""
    ends = [end for mark in marks for end in (mark.low, mark.value, mark.high)]
    return [*ends, 0.0] if zero else ends


def _say_undefined(root: Element, at: Place) -> None:
    drawing.text(root, at, "undefined", anchor="middle", kind="name")


def _in_sight(extent: Sequence[float], nulls: Sequence[float]) -> bool:
    """Whether the nulls fit on the axis without flattening what the values do."""
    if not nulls or not extent:
        return bool(nulls)
    low, high = bounded(min(extent)), bounded(max(extent))
    wider = max(high, bounded(max(nulls))) - min(low, bounded(min(nulls)))
    return high - low <= 1e-5 * max(abs(low), abs(high)) or wider <= OFF_CHART * (high - low)


def _far_null(nulls: Sequence[float], extent: Sequence[float]) -> str:
    low, high = rounded(min(nulls)), rounded(max(nulls))
    said = low if low == high else f"{low} to {high}"
    where = "above" if min(nulls) > max(extent) else "below" if max(nulls) < min(extent) else "off"
    return f"null {said}, {where} the chart"


def _left_of(standing: Scale) -> float:
    """Where the plot starts, right of the axis's numbers."""
    return 9 + max((width_of(label) for _, label in standing.ticks), default=0.0)


def _dodge(order: int, lines: Sequence[_Line], lying: Scale) -> float:
    """By how many pixels a series stands aside, so that intervals of several can be told apart."""
    places = {mark.at for line in lines for mark in line.marks}
    gap = (lying.end - lying.start) / max(1, len(places) - 1)
    return (order - (len(lines) - 1) / 2) * min(5.0, 0.6 * gap / len(lines))


def _draw_nulls(root: Element, lines: Sequence[_Line], lying: Scale, standing: Scale) -> None:
    """Each series's null, dashed; those that are the same once, in no series's colour."""
    start, end = lying.start - _INSET, lying.end + _INSET
    outlines: dict[str, tuple[int, float]] = {}
    for line in lines:
        places = [(lying(x), standing(y)) for x, y in line.nulls]
        if places:
            # out to the axes, so that a null of one place is a line too
            whole = [(start, places[0][1]), *places, (end, places[-1][1])]
            outlines.setdefault(drawing.polyline(whole), (line.place, places[-1][1]))
    labelled: list[float] = []
    for outline, (place, height) in outlines.items():
        kind = "null" if len(outlines) == 1 else f"null {drawing.colour_of(place)}"
        drawing.path(root, outline, kind)
        if all(abs(height - other) >= _LINE_OF_TEXT for other in labelled):
            drawing.text(root, (end + 4, height + 3.8), "null", kind="name")
            labelled.append(height)


def _draw_upright_nulls(root: Element, nulls: Sequence[float], lying: Scale, base: float) -> None:
    for null in nulls:
        drawing.path(root, f"M{pixels(lying(null))} {pixels(base)}V{pixels(TOP - 4)}", "null")
    half = width_of("null") / 2
    middle = max(half, min(WIDTH - half, lying(sum(nulls) / len(nulls))))
    drawing.text(root, (middle, 12), "null", anchor="middle", kind="name")


def _draw_line(root: Element, line: _Line, lying: Scale, standing: Scale, aside: float) -> None:
    group = SubElement(root, "g", {"class": drawing.colour_of(line.place) + (" faint" if line.faint else "")})
    trend = (None if place is None else (lying(place[0]) + aside, standing(place[1])) for place in line.trend)
    drawing.path(group, drawing.polyline(trend), "line")
    whiskers = (
        drawing.whisker(lying(mark.at) + aside, standing(mark.low), standing(mark.high))
        for mark in line.marks
        if mark.low < mark.high
    )
    drawing.path(group, "".join(whiskers), "whisker")
    for mark in line.marks:
        place = (lying(mark.at) + aside, standing(mark.value))
        drawing.path(group, drawing.marker(line.place, place), "mark hollow" if mark.hollow else "mark", mark.told)
    for at, reason in line.gaps:
        drawing.path(group, f"M{pixels(lying(at) + aside - 3)} {pixels(_BASE - 8)}l6 6m0-6l-6 6", "gap", reason)


def _draw_interval(root: Element, place: int, mark: _Mark, lying: Scale, height: float) -> None:
    group = SubElement(root, "g", {"class": drawing.colour_of(place)})
    if mark.low < mark.high:
        drawing.path(group, drawing.whisker(height, lying(mark.low), lying(mark.high), lying=True), "whisker")
    kind = "mark hollow" if mark.hollow else "mark"
    drawing.path(group, drawing.marker(place, (lying(mark.value), height)), kind, mark.told)
