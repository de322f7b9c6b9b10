"""The page of a fine-tuning study: scores and geometry by arm, epoch after epoch, and every number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

from markupsafe import Markup

from geoscope.forms import fine_tuning_forms as forms
from geoscope.pages.charts import Line, Mark, line_chart
from geoscope.pages.drawing import Place
from geoscope.pages.grids import Grid, side_by_side
from geoscope.pages.page import Card, render_page
from geoscope.pages.reading import by_family, reading_of
from geoscope.pages.scales import layer_scale
from geoscope.pages.series import Series
from geoscope.wording import rounded

if TYPE_CHECKING:
    from geoscope.finetuning.results import ArmResult, FineTuning, Row


def to_html(result: FineTuning) -> str:
    """The page of a study: a dot is one run, a line the mean of an arm's runs."""
    clouds = [cloud for cloud in forms.CLOUDS if any(row.cloud == cloud for row in result.measurements)]
    scores = list(dict.fromkeys(row.measure for row in result.measurements if row.cloud is None))
    penalties, trends = forms.penalty_grid(result, every_epoch=True), forms.trend_grid(result)
    return render_page(
        "fine_tuning",
        forms.title(result),
        notes=forms.notes(result),
        legend=[Series(place, arm.name, ()) for place, arm in enumerate(result.arms)],
        scores=[Card(name, _chart(result, None, name), None) for name in scores],
        tables=[
            _grid(grid)
            for grid in (*forms.score_grids(result), *forms.geometry_grids(result), *([penalties] if penalties else []))
        ],
        clouds=[(cloud, forms.CLOUDS[cloud], _cards(result, cloud)) for cloud in clouds],
        trends=None if trends is None else _grid(trends),
        settings=side_by_side("Settings", [""], [result.settings]),
        environment=side_by_side("Environment", [""], [result.environment]),
    )


def _cards(result: FineTuning, cloud: str) -> list[Card]:
    held = [row.measure for row in result.measurements if row.cloud == cloud]
    keys = [key for _, members in by_family(held) for key in members]
    return [Card(key, _chart(result, cloud, key), reading_of(key)) for key in keys]


def _chart(result: FineTuning, cloud: str | None, measure: str) -> Markup:
    """One number over the epochs, a line an arm."""
    held = [row for row in result.measurements if (row.cloud, row.measure) == (cloud, measure)]
    lines, told = [], []
    for place, arm in enumerate(result.arms):
        rows = [row for row in held if _belongs(row, arm)]
        if rows:
            lines.append(_line(place, arm, rows))
            told.append(_in_words(arm, lines[-1]))
    epochs = sorted({row.epoch for row in held})
    return line_chart(lines, partial(layer_scale, epochs), "epoch", f"{measure} by epoch. {' '.join(told)}")


def _in_words(arm: ArmResult, line: Line) -> str:
    if not line.marks:
        return f"{arm.name}: undefined."
    return f"{arm.name}: {rounded(line.marks[0].value)} to {rounded(line.marks[-1].value)}."


def _belongs(row: Row, arm: ArmResult) -> bool:
    return all(getattr(row, name) == arm.settings.get(name) for name in _KEYS)


_KEYS = ("regularizer", "weight", "shrinkage", "selection", "noise_weight", "points_from")


def _line(place: int, arm: ArmResult, rows: Sequence[Row]) -> Line:
    marks: list[Mark] = []
    trend: list[Place | None] = []
    gaps: list[tuple[float, str]] = []
    for epoch in sorted({row.epoch for row in rows}):
        values = []
        for row in rows:
            if row.epoch != epoch:
                continue
            told = f"{arm.name}, seed {row.seed}, epoch {epoch:g}"
            if row.value is None:
                gaps.append((epoch, f"{told}: undefined, {row.reason}"))
            else:
                values.append(row.value)
                marks.append(Mark(epoch, row.value, row.value, row.value, f"{told}: {rounded(row.value)}"))
        trend.append((epoch, fmean(values)) if values else None)
    return Line(place, tuple(marks), tuple(trend), gaps=tuple(gaps), faint=len(marks) > len(trend))


def _grid(grid: forms.Grid) -> Grid:
    caption, columns, rows = grid
    return Grid(caption, columns, rows, frozenset({"mean", "difference", "p"})).without_empty()
