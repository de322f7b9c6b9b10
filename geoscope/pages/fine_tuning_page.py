"""The page of a fine-tuning study: scores and geometry by arm, epoch after epoch, and every number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

from markupsafe import Markup

from geoscope.forms import fine_tuning_forms as forms
from geoscope.forms.cells import rounded
from geoscope.pages.charts import Line, Mark, line_chart
from geoscope.pages.grids import Grid, side_by_side
from geoscope.pages.page import Card, render_page
from geoscope.pages.reading import by_family, reading_of
from geoscope.pages.scales import layer_scale
from geoscope.pages.series import Series

if TYPE_CHECKING:
    from geoscope.finetuning.results import ArmResult, FineTuning, Row


def to_html(result: FineTuning) -> str:
    """The page of a study: a dot is one run, a line the mean of an arm's runs."""
    clouds = [cloud for cloud in forms.CLOUDS if any(row.cloud == cloud for row in result.measurements)]
    scores = list(dict.fromkeys(row.measure for row in result.measurements if row.cloud is None))
    trends = forms.trend_grid(result)
    return render_page(
        "fine_tuning",
        forms.title(result),
        notes=forms.notes(result),
        legend=[Series(place, arm.name, ()) for place, arm in enumerate(result.arms)],
        scores=[Card(name, _chart(result, None, name), None) for name in scores],
        tables=[_grid(grid) for grid in (*forms.score_grids(result), *forms.geometry_grids(result))],
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
    lines, told = [], []
    for place, arm in enumerate(result.arms):
        rows = [
            row
            for row in result.measurements
            if (row.cloud, row.measure) == (cloud, measure) and _belongs(row, arm) and row.value is not None
        ]
        if rows:
            lines.append(_line(place, arm, rows))
            told.append(f"{arm.name}: {rounded(lines[-1].marks[0].value)} to {rounded(lines[-1].marks[-1].value)}.")
    epochs = sorted({mark.at for line in lines for mark in line.marks})
    return line_chart(lines, partial(layer_scale, epochs), "epoch", f"{measure} by epoch. {' '.join(told)}")


def _belongs(row: Row, arm: ArmResult) -> bool:
    return all(getattr(row, name) == arm.settings.get(name) for name in _KEYS)


_KEYS = ("regularizer", "weight", "shrinkage", "selection", "noise_weight", "points_from")


def _line(place: int, arm: ArmResult, rows: Sequence[Row]) -> Line:
    marks, trend = [], []
    for epoch in sorted({row.epoch for row in rows}):
        values = [(row.value, row.seed) for row in rows if row.epoch == epoch and row.value is not None]
        trend.append((epoch, fmean(value for value, _ in values)))
        marks += [
            Mark(epoch, value, value, value, f"{arm.name}, seed {seed}, epoch {epoch:g}: {rounded(value)}")
            for value, seed in values
        ]
    return Line(place, tuple(marks), tuple(trend), faint=len(marks) > len(trend))


def _grid(grid: forms.Grid) -> Grid:
    caption, columns, rows = grid
    return Grid(caption, columns, rows, frozenset({"mean", "difference", "p"})).without_empty()
