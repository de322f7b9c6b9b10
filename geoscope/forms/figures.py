"""Figures: a document's charts by matplotlib, for a notebook or a paper."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import fmean
from typing import Any

from geoscope.document import Card, Chart, Document, HeatMap, Point, Scatter, Series, in_turn
from geoscope.errors import GeoscopeError
from geoscope.forms.html.scales import OFF_CHART
from geoscope.wording import listed, meant, printable

_MOST = 9
"""Charts of a document whose charts nobody chose among."""

_SIZE = (4.5, 3.2)  # inches of a chart


def drawn(document: Document, names: Sequence[str], axes: Any = None) -> Any:
    """The charts of those names, or else the first of every section; axes: where the one chart goes.

    Gives matplotlib's Axes, a list of them where several charts are drawn. Raises GeoscopeError where matplotlib is
    not installed, for a name that no chart has, and for several charts on one Axes.
    """
    chosen = _chosen(document, names)
    if axes is not None and len(chosen) > 1:
        raise GeoscopeError(
            f"expected one chart for one Axes, got {len(chosen)}: {listed([card.name for card in chosen], 5)}; name one"
        )
    places = [axes] if axes is not None else _places(len(chosen))
    for card, place in zip(chosen, places, strict=True):
        _draw(card, place)
    return places[0] if len(places) == 1 else places


def _chosen(document: Document, names: Sequence[str]) -> list[Card]:
    sections = document.drawn()
    held = {card.name: card for cards in sections for card in cards}
    if not held:
        raise GeoscopeError(f"expected a result with charts to plot, got {document.title}, which has none; print it")
    for name in names:
        if name not in held:
            advice = meant(name, held, f"it has {listed(list(held), 8)}")
            raise GeoscopeError(f"expected a chart of {document.title}, got {name!r}; {advice}")
    if names:
        return [held[name] for name in names]
    return in_turn(sections)[: min(_MOST, max(1, sum(map(bool, sections))))]


def _places(count: int) -> list[Any]:
    """As many Axes on a new figure, at most three in a row."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise GeoscopeError(
            "expected matplotlib to plot with, got none installed; pip install 'geoscope[plot]'"
        ) from error
    columns = min(3, count)
    rows = ceil(count / columns)
    size = (_SIZE[0] * columns, _SIZE[1] * rows)
    figure, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    places = list(grid.flat)
    for unused in places[count:]:
        figure.delaxes(unused)
    return places[:count]


def _draw(card: Card, axes: Any) -> None:
    chart = card.chart
    if isinstance(chart, HeatMap):
        _draw_squares(chart, axes)
        return
    held = [] if chart is None else [each for each in chart.series if each.points]
    if isinstance(chart, Scatter):
        for each in held:
            points = [(point.at, point.value) for point in each.points]
            axes.plot(*zip(*points, strict=True), "o", label=_plain(each.name))
        if chart.fit:
            axes.plot(*zip(*chart.fit, strict=True), "-", color="black", linewidth=1)
        axes.set_xlabel(_plain(chart.axes[0]))
        axes.set_ylabel(_plain(chart.axes[1]))
        axes.set_title(_plain(chart.title))
    elif chart is not None:
        _draw_lines(chart, held, axes)
        axes.set_title(_plain(card.name))
    if len(held) > 1:
        axes.legend(fontsize="small")


def _draw_squares(chart: HeatMap, axes: Any) -> None:
    numbers = [[float("nan") if value is None else value for value in line] for line in chart.values]
    image = axes.imshow(numbers, cmap="Blues")
    axes.figure.colorbar(image, ax=axes)
    every = ceil(len(chart.places) / 12)
    names = [_plain(name) for name in chart.places][::every]
    axes.set_xticks(range(0, len(chart.places), every), names)
    axes.set_yticks(range(0, len(chart.places), every), names)
    axes.set_ylabel(_plain(chart.axes[0]))
    axes.set_xlabel(_plain(chart.axes[1]))
    axes.set_title(_plain(chart.title))


def _draw_lines(chart: Chart, held: Sequence[Series], axes: Any) -> None:
    """Each series with 95 % intervals over the places, its null dashed; runs at one place as dots and their mean.

    Nulls come last, and no further than where the axis reaches without them by much: they would flatten the values.
    """
    nulls: list[tuple[dict[float, list[Point]], Any]] = []
    for each in held:
        placed = [point for point in each.points if point.value is not None]
        across = [point for point in placed if point.at is None and chart.places]
        for point in across:
            axes.axhline(point.value, linewidth=1)
        kept = [point for point in placed if point not in across]
        if not kept:
            continue
        places = sorted({point.at or 0.0 for point in kept})
        at = {place: [point for point in kept if (point.at or 0.0) == place] for place in places}
        means = [fmean(float(point.value or 0.0) for point in at[place]) for place in places]
        (line,) = axes.plot(places, means, marker="o", markersize=4, label=_plain(each.name))
        _draw_around(at, axes, line.get_color())
        nulls.append((at, line.get_color()))
    _draw_nulls(nulls, axes)
    if chart.band:
        lying, low, high = zip(*chart.band, strict=True)
        axes.fill_between(lying, low, high, alpha=0.15, color="grey", linewidth=0)
    if chart.zero:
        axes.axhline(0.0, color="grey", linewidth=0.8)
    axes.set_xlabel(_plain(chart.axis))


def _draw_around(at: dict[float, list[Point]], axes: Any, colour: Any) -> None:
    """Intervals and single runs at their places."""
    for place, points in at.items():
        if len(points) > 1:
            axes.plot([place] * len(points), [point.value for point in points], "o", color=colour, alpha=0.4)
        elif points[0].ends is not None:
            axes.vlines(place, *points[0].ends, color=colour, linewidth=1)


def _draw_nulls(held: Sequence[tuple[dict[float, list[Point]], Any]], axes: Any) -> None:
    """Every series' null, dashed in its colour."""
    low, high = axes.get_ylim()
    reached = [low, high]
    for at, colour in held:
        nulls = [(place, fmean(known)) for place, points in at.items() if (known := _nulls(points))]
        if not nulls:
            continue
        ends = [] if len(nulls) > 1 else [(nulls[0][0] - 0.5, nulls[0][1]), (nulls[0][0] + 0.5, nulls[0][1])]
        axes.plot(*zip(*(ends or nulls), strict=True), linestyle="--", color=colour, linewidth=1)
        reached += [value for _, value in nulls]
    if max(reached) - min(reached) > OFF_CHART * (high - low):
        axes.set_ylim(low, high)


def _nulls(points: Sequence[Point]) -> list[float]:
    return [point.null for point in points if point.null is not None]


def _plain(text: str) -> str:
    """Text that matplotlib writes as it is: no formula between dollars."""
    return printable(text).replace("$", r"\$")
