"""Heat maps: a matrix as squares, the darker the larger its number, each told in words where the pointer rests."""

from __future__ import annotations

from math import ceil
from xml.etree.ElementTree import SubElement

from markupsafe import Markup

from geoscope.document import HeatMap
from geoscope.forms.html import drawing
from geoscope.forms.html.drawing import WIDTH, pixels
from geoscope.forms.html.scales import LABEL_GAP, bounded, width_of
from geoscope.wording import rounded

_SIDE = 34.0  # pixels of a square, at most
_TOP = 32.0  # room for the names of the columns and of what they are
_FAINTEST = 0.06  # of the colour, so that a square of the least number is one


def heat_map(content: HeatMap) -> Markup:
    """The squares, their lines' and columns' names as far as these have room, and the ends of the colours."""
    count = len(content.places)
    left = max(width_of(content.axes[0]), *(width_of(name) for name in content.places)) + LABEL_GAP
    side = min(_SIDE, (WIDTH - left) / max(1, count))
    numbers = [bounded(value) for line in content.values for value in line if value is not None]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
    ends = f"lightest {rounded(low)}, darkest {rounded(high)}" if numbers else "undefined"
    base = _TOP + side * count
    root = drawing.canvas(base + 22, f"{content.title}, {count} by {count} numbers, {ends}.", "heat")
    drawing.text(root, (0, 26), content.axes[0], kind="name")
    drawing.text(root, (left, 11), content.axes[1], kind="name")
    every_column = ceil((max(map(width_of, content.places), default=0.0) + LABEL_GAP) / side)
    every_line = ceil(12 / side)
    group = SubElement(root, "g", {"class": drawing.colour_of(0)})
    for at, name in enumerate(content.places):
        if at % every_column == 0:
            drawing.text(root, (left + side * (at + 0.5), 26), name, anchor="middle")
        if at % every_line == 0:
            drawing.text(root, (left - LABEL_GAP, _TOP + side * (at + 0.5) + 4), name, anchor="end")
        for column, value in enumerate(content.values[at]):
            x, y = pixels(left + side * column), pixels(_TOP + side * at)
            outline = f"M{x} {y}h{pixels(side)}v{pixels(side)}h-{pixels(side)}Z"
            drawing.path(group, outline, "cell" if value is not None else "no cell", content.said[at][column])
            if value is not None:
                share = (bounded(value) - low) / (high - low) if high > low else 0.5
                group[-1].set("fill-opacity", f"{_FAINTEST + (1 - _FAINTEST) * share:.3f}")
    drawing.text(root, (left, base + 15), ends, kind="name")
    return drawing.markup(root)
