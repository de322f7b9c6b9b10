"""Charts: lines over layers or levels, intervals, scatters, as static SVG coloured by the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

from geoscope.document import Interval, IntervalChart, Line, LineChart, Mark, Place, ScatterChart
from geoscope.forms.html import drawing
from geoscope.forms.html.drawing import BOTTOM, RIGHT, TOP, WIDTH, pixels
from geoscope.forms.html.scales import (
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
_OFF_CHART = 4.0  # a null that would stretch the axis by more is named instead of drawn
_LINE_OF_TEXT = 11.0


def chart(content: LineChart | IntervalChart | ScatterChart) -> Markup:
    """The drawing of a chart."""
    if isinstance(content, LineChart):
        return _line_chart(content)
    return _interval_chart(content) if isinstance(content, IntervalChart) else _scatter_chart(content)


def _line_chart(content: LineChart) -> Markup:
    """Where no line has a mark the chart says so; the gaps still say why."""
    lines, band, zero = content.lines, content.band, content.zero
    extent = _extent((mark for line in lines for mark in line.marks), zero=zero)
    nulls = [value for line in lines for _, value in line.nulls]
    shown = _in_sight(extent, nulls)
    standing = standing_scale([*extent, *(nulls if shown else [])], _BASE, TOP)
    left, right = _left_of(standing), WIDTH - RIGHT
    scale_of = level_scale if content.levels else layer_scale
    lying = scale_of(content.places, left + _INSET, right - _INSET)
    root = drawing.canvas(_HEIGHT, content.about)
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


def _interval_chart(content: IntervalChart) -> Markup:
    """Rows are named where there are several."""
    rows, nulls, band, zero = content.rows, content.nulls, content.band, content.zero
    named = len(rows) > 1
    extent = _extent((row.mark for row in rows), zero=zero)
    shown = bool(nulls) and (not named or _in_sight(extent, nulls))
    row_height = 30.0 if named else 24.0
    base = TOP + row_height * max(1, len(rows)) + 2
    lying = lying_scale([*extent, *(nulls if shown else [])], _INSET, WIDTH - _INSET)
    root = drawing.canvas(base + 19, content.about, "intervals")
    drawing.lying_axis(root, lying, base, TOP, "")
    if band is not None:
        low, high = (pixels(lying(end)) for end in band)
        drawing.path(root, f"M{low} {pixels(base)}V{pixels(TOP)}H{high}V{pixels(base)}Z", "band")
    if zero:
        drawing.path(root, f"M{pixels(lying(0.0))} {pixels(base)}V{pixels(TOP)}", "zero")
    if shown:
        _draw_upright_nulls(root, nulls, lying, base)
    elif nulls:
        drawing.text(root, (WIDTH - _INSET, 12), _far_null(nulls, extent), anchor="end", kind="name")
    if not rows:
        _say_undefined(root, (WIDTH / 2, base - 8))
    for order, row in enumerate(rows):
        _draw_interval(root, row, lying, TOP + row_height * (order + 1) - (9 if named else 11), named=named)
    return drawing.markup(root)


def _scatter_chart(content: ScatterChart) -> Markup:
    lines, axes, fit = content.lines, content.axes, content.fit
    marks = [mark for line in lines for mark in line.marks]
    standing = standing_scale([mark.value for mark in marks] + [y for _, y in fit], _BASE, TOP)
    left, right = _left_of(standing), WIDTH - _INSET
    lying = lying_scale([mark.at for mark in marks], left + _INSET, right - _INSET)
    root = drawing.canvas(_HEIGHT, content.about, "scatter")
    drawing.standing_axis(root, standing, left, right)
    drawing.lying_axis(root, lying, _BASE, _BASE, axes[0])
    drawing.text(root, (4, 12), shortened(axes[1], WIDTH - 8), kind="name")
    drawing.path(root, drawing.polyline((lying(x), standing(y)) for x, y in fit), "fit")
    for line in lines:
        group = SubElement(root, "g", {"class": drawing.colour_of(line.place)})
        for mark in line.marks:
            drawing.path(group, drawing.marker(line.place, (lying(mark.at), standing(mark.value))), "mark", mark.told)
    if not marks:
        _say_undefined(root, ((left + right) / 2, (TOP + _BASE) / 2))
    return drawing.markup(root)


def _extent(marks: Iterable[Mark], *, zero: bool) -> list[float]:
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
    return high - low <= 1e-5 * max(abs(low), abs(high)) or wider <= _OFF_CHART * (high - low)


def _far_null(nulls: Sequence[float], extent: Sequence[float]) -> str:
    low, high = rounded(min(nulls)), rounded(max(nulls))
    said = low if low == high else f"{low} to {high}"
    where = "above" if min(nulls) > max(extent) else "below" if max(nulls) < min(extent) else "off"
    return f"null {said}, {where} the chart"


def _left_of(standing: Scale) -> float:
    """Where the plot starts, right of the axis's numbers."""
    return 9 + max((width_of(label) for _, label in standing.ticks), default=0.0)


def _dodge(order: int, lines: Sequence[Line], lying: Scale) -> float:
    """By how many pixels a series stands aside, so that intervals of several can be told apart."""
    places = {mark.at for line in lines for mark in line.marks}
    gap = (lying.end - lying.start) / max(1, len(places) - 1)
    return (order - (len(lines) - 1) / 2) * min(5.0, 0.6 * gap / len(lines))


def _draw_nulls(root: Element, lines: Sequence[Line], lying: Scale, standing: Scale) -> None:
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


def _draw_line(root: Element, line: Line, lying: Scale, standing: Scale, aside: float) -> None:
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


def _draw_interval(root: Element, row: Interval, lying: Scale, height: float, *, named: bool) -> None:
    if named:
        name = shortened(row.name, WIDTH - 2 * _INSET)
        drawing.text(root, (_INSET, height - 9), name, kind="row")
    group = SubElement(root, "g", {"class": drawing.colour_of(row.place)})
    mark = row.mark
    if mark.low < mark.high:
        drawing.path(group, drawing.whisker(height, lying(mark.low), lying(mark.high), lying=True), "whisker")
    kind = "mark hollow" if mark.hollow else "mark"
    drawing.path(group, drawing.marker(row.place, (lying(mark.value), height)), kind, mark.told)
