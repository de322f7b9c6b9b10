"""The page of correlations: what to be wary of, a scatter a measure and task, every coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from geoscope.forms import correlation_forms
from geoscope.pages.charts import Line, Mark, scatter_chart
from geoscope.pages.grids import Grid, side_by_side
from geoscope.pages.page import Card, render_page
from geoscope.pages.reading import by_family, reading_of
from geoscope.wording import coefficient, rounded

if TYPE_CHECKING:
    from geoscope.correlations.associations import Correlation
    from geoscope.correlations.correlation import Association, Correlations

_MOST_POINTS = 5000  # on a page, so that it stays small


@dataclass(frozen=True)
class Task:
    """What a page says of the scores on one task. hidden: how many correlations are not drawn."""

    name: str
    cautions: Sequence[str]
    cards: Sequence[Card]
    hidden: int
    coefficients: Grid


def to_html(result: Correlations) -> str:
    """The page of measures held against scores."""
    return render_page(
        "correlations",
        correlation_forms.title(result),
        cautions=[caution.text for caution in result.cautions if caution.task not in result.tasks],
        notes=result.notes,
        tasks=[_task(task, result) for task in result.tasks],
        predictions=_predictions(result),
        settings=side_by_side("Settings", ["value"], [result.settings]),
    )


def _task(task: str, result: Correlations) -> Task:
    rows = [row for row in result.associations if row.task == task]
    drawn = _drawn(rows, _MOST_POINTS // len(result.tasks))
    cautions = [caution.text for caution in result.cautions if caution.task == task]
    return Task(task, cautions, [_card(row) for row in drawn], len(rows) - len(drawn), _coefficients(task, rows))


def _drawn(rows: Sequence[Association], room: int) -> list[Association]:
    """The rows whose scatters are drawn, as their families are ordered; where there are too many, the closest ones."""
    most = max(1, room // max(1, *(row.n for row in rows)))
    closest = sorted(rows, key=lambda row: -abs(row.telling.value or 0.0))[:most]
    keys = [key for _, members in by_family(row.measure for row in rows) for key in members]
    return sorted((row for row in rows if row in closest), key=lambda row: keys.index(row.measure))


def _card(row: Association) -> Card:
    number = "r undefined" if row.pearson.value is None else f"r {coefficient(row.pearson.value)}"
    return Card(_name(row), _scatter(row), reading_of(row.measure), number, "; ".join(_beside(row)))


def _name(row: Association) -> str:
    layer = "" if row.layer is None else f", layer {row.layer}" if isinstance(row.layer, int) else f", {row.layer}"
    return row.measure + layer + (f", {row.quantizer}" if row.quantizer else "")


def _beside(row: Association) -> list[str]:
    """What belongs to r, in a few words each."""
    if row.pearson.value is None:
        return [row.pearson.reason or "", f"n {row.n}"]
    parts = [f"95 % {between}" if (between := _between(row.pearson)) else "", f"n {row.n}"]
    parts += [f"adjusted p {row.pearson.p_adjusted:.2g}"] if row.pearson.p_adjusted is not None else []
    if row.repeats is not None:
        parts += _told("of the means", row.repeats.pearson) + _told("within them", row.repeats.within)
    for partial in row.partials:
        parts += _told(f"given {partial.name}", partial)
    parts += [row.pearson.reason] if row.pearson.reason is not None else []
    return [part for part in parts if part]


def _told(name: str, found: Correlation) -> list[str]:
    return [] if found.value is None else [f"{name} {coefficient(found.value)}"]


def _scatter(row: Association) -> Markup:
    subjects = list(dict.fromkeys(point.subject for point in row.points))
    several = 1 < len(subjects) < len(row.points)  # colours that come back say something
    marks = [
        Mark(point.x, point.y, point.y, point.y, f"{point.label}: {rounded(point.x)}, score {rounded(point.y)}")
        for point in row.points
    ]
    lines = [
        Line(place, tuple(mark for mark, point in zip(marks, row.points, strict=True) if point.subject == subject))
        for place, subject in enumerate(subjects)
    ]
    fit = []
    if row.line is not None:
        ends = min(point.x for point in row.points), max(point.x for point in row.points)
        fit = [(end, row.line.intercept + row.line.slope * end) for end in ends]
    r = "undefined" if row.pearson.value is None else coefficient(row.pearson.value)
    about = f"{row.task} score against {row.measure}, {row.n} points, r {r}"
    return scatter_chart(lines if several else [Line(0, tuple(marks))], (row.measure, f"{row.task} score"), about, fit)


def _coefficients(task: str, rows: Sequence[Association]) -> Grid:
    given = list(dict.fromkeys(partial.name for row in rows for partial in row.partials))
    columns = (
        "measure", "layer", "quantizer", "n", "r", "from", "to", "adjusted p", "r of means", "r within",
        *(f"r given {name}" for name in given), "rho", "slope", "R2", "error left out", "why",
    )  # fmt: skip
    return Grid(
        f"Every coefficient, r with its 95 % interval: {task}", columns, [_cells(row, given) for row in rows]
    ).without_empty()


def _cells(row: Association, given: Sequence[str]) -> list[Any]:
    partials = {partial.name: partial.value for partial in row.partials}
    return [
        row.measure, row.layer, row.quantizer, row.n, row.pearson.value,
        *(row.pearson.interval or (None, None)), row.pearson.p_adjusted,
        row.repeats and row.repeats.pearson.value, row.repeats and row.repeats.within.value,
        *(partials.get(name) for name in given), row.spearman.value, row.line and row.line.slope,
        row.line and row.line.r2, row.left_out and row.left_out.measure, row.pearson.reason,
    ]  # fmt: skip


def _between(found: Correlation) -> str | None:
    if found.interval is None:
        return None
    return "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}".join(map(coefficient, found.interval))


def _predictions(result: Correlations) -> Grid:
    columns = ("subject", "task", "measure", "value", "score", "from", "to", "outside the points", "why")
    rows = [
        [
            ", ".join(_who(told)), row.task, _name(row), told.value, told.score, *(told.interval or (None, None)),
            told.outside, told.reason,
        ]
        for row in result.associations
        for told in row.predictions
    ]  # fmt: skip
    return Grid("Predicted scores, with 95 % intervals for one new score", columns, rows).without_empty()


def _who(told: Any) -> list[str]:
    parts = [told.subject]
    parts += [] if told.noise_level is None else [f"noise level {told.noise_level:zg}"]
    return parts + ([] if told.noise_seed is None else [f"noise seed {told.noise_seed}"])
