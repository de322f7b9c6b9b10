"""Drawing: the SVG elements that charts are made of. Text is escaped by the tree it stands in."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

from geoscope.document import Place
from geoscope.forms.html.scales import Scale, width_of
from geoscope.wording import printable

WIDTH = 360.0
COLOURS = 6
"""How many colours the style sheet has for series; the markers' shapes go round at another pace."""

TOP, BOTTOM, RIGHT = 20.0, 34.0, 34.0
"""Room around the plot: for a note, for the horizontal axis, for a label at a line's end."""

_SHAPES = (
    "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",  # circle
    "m-3-3h6v6h-6z",  # square
    "m0-4l4 7h-8z",  # triangle
    "m0-4.4l4.4 4.4l-4.4 4.4l-4.4-4.4z",  # diamond
    "m0 4l4-7h-8z",  # triangle on its tip
    "m-3.6-3.6l3.6 1.8l3.6-1.8l-1.8 3.6l1.8 3.6l-3.6-1.8l-3.6 1.8l1.8-3.6z",  # star
    "m-4-1.6h8v3.2h-8z",  # bar
)


def pixels(value: float) -> str:
    """A coordinate to a tenth of a pixel."""
    return f"{value:z.1f}".removesuffix(".0")


def colour_of(place: int) -> str:
    """The style sheet's class for the series at a place."""
    return f"s{place % COLOURS}"


def canvas(height: float, about: str, kind: str = "") -> Element:
    """An empty drawing; about: what it shows, for those who cannot see it."""
    return Element(
        "svg",
        {
            "class": f"chart {kind}".rstrip(),
            "viewBox": f"0 0 {pixels(WIDTH)} {pixels(height)}",
            "role": "img",
            "aria-label": printable(about),
        },
    )


def markup(drawn: Element) -> Markup:
    """The drawing as text that a template takes as it is."""
    return Markup(ElementTree.tostring(drawn, encoding="unicode"))


def text(parent: Element, at: Place, said: str, *, anchor: str = "start", kind: str | None = None) -> None:
    """Some words; anchor: which end of them stands at the place."""
    written = SubElement(parent, "text", {"x": pixels(at[0]), "y": pixels(at[1])})
    if anchor != "start":
        written.set("text-anchor", anchor)
    if kind is not None:
        written.set("class", kind)
    written.text = printable(said)


def path(parent: Element, outline: str, kind: str, told: str | None = None) -> None:
    """A path; told: what is said of it where the pointer rests. Nothing for an empty one."""
    if not outline:
        return
    drawn = SubElement(parent, "path", {"class": kind, "d": outline})
    if told is not None:
        SubElement(drawn, "title").text = printable(told)


def polyline(places: Iterable[Place | None]) -> str:
    """The outline of a line through some places, broken at each None."""
    outline, pen = "", "M"
    for place in places:
        if place is None:
            pen = "M"
            continue
        outline += f"{pen}{pixels(place[0])} {pixels(place[1])}"
        pen = "L"
    return outline


def whisker(at: float, low: float, high: float, *, lying: bool = False) -> str:
    """The outline of an interval with its two ends, standing or lying."""
    a, b, across, along = pixels(low), pixels(high), pixels(at), pixels(at - 2.5)
    if lying:
        return f"M{a} {across}H{b}M{a} {along}v5M{b} {along}v5"
    return f"M{across} {a}V{b}M{along} {a}h5M{along} {b}h5"


def marker(place: int, at: Place) -> str:
    """The outline of a series's marker."""
    return f"M{pixels(at[0])} {pixels(at[1])}{_SHAPES[place % len(_SHAPES)]}"


def swatch(place: int) -> Markup:
    """A series's marker on a piece of its line, for the legend."""
    drawn = Element("svg", {"class": f"swatch {colour_of(place)}", "viewBox": "0 0 28 14", "aria-hidden": "true"})
    path(drawn, "M1 7H27", "line")
    path(drawn, marker(place, (14, 7)), "mark")
    return markup(drawn)


def standing_axis(parent: Element, scale: Scale, left: float, right: float) -> None:
    """Grid lines with their numbers, to the left of the plot."""
    for value, label in scale.ticks:
        path(parent, f"M{pixels(left)} {pixels(scale(value))}H{pixels(right)}", "grid")
        text(parent, (left - 5, scale(value) + 3.8), label, anchor="end")


def lying_axis(parent: Element, scale: Scale, base: float, top: float, name: str) -> None:
    """The horizontal axis: its line, ticks and numbers, and what it is of; grid lines up to `top`, if that is above."""
    path(parent, f"M{pixels(min(scale.start, scale.end))} {pixels(base)}H{pixels(max(scale.start, scale.end))}", "axis")
    for value, label in scale.ticks:
        if top < base:
            path(parent, f"M{pixels(scale(value))} {pixels(base)}V{pixels(top)}", "grid")
        path(parent, f"M{pixels(scale(value))} {pixels(base)}v4", "axis")
        half = width_of(label) / 2
        text(parent, (max(half, min(WIDTH - half, scale(value))), base + 15), label, anchor="middle")
    if name:
        text(parent, ((scale.start + scale.end) / 2, base + 29), name, anchor="middle", kind="name")
