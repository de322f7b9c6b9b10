"""The page of a noise floor: how far each measure moved when nothing changed, and the limits that allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geoscope.forms import noise_floor_forms
from geoscope.pages.grids import Grid, side_by_side
from geoscope.pages.page import Card, render_page
from geoscope.pages.reading import by_family, reading_of
from geoscope.pages.series import Axis, Series, chart_of
from geoscope.report import Measurement

if TYPE_CHECKING:
    from geoscope.comparisons.noise_floors import NoiseFloor


def to_html(result: NoiseFloor) -> str:
    """The page of a noise floor: a dot is one draw or training."""
    rows = tuple(
        Measurement(layer=floor.layer, measure=floor.measure, value=value, n=floor.n, reason=_why(value, floor.reason))
        for floor in result.floors
        for value in floor.values
    )
    series = [Series(0, f"one of {result.count} {result.over}", rows)]
    axis = Axis("layer", tuple(sorted({row.layer for row in rows if row.layer is not None})))
    families = [
        (family, [Card(key, chart_of(key, series, axis), reading_of(key)) for key in members])
        for family, members in by_family(floor.measure for floor in result.floors)
    ]
    return render_page(
        "noise_floor",
        noise_floor_forms.title(result),
        notes=noise_floor_forms.notes(result),
        families=families,
        floors=_floors(result),
        limits=result.to_toml() if result.limits else "",
        subjects=side_by_side("Subjects", [str(each["name"]) for each in result.subjects], result.subjects),
        settings=side_by_side("Settings", ["value"], [result.settings]),
        environment=side_by_side("Environment", ["value"], [result.environment]),
    )


def _why(value: float | None, reason: str | None) -> str | None:
    return None if value is not None else reason or "undefined here"


def _floors(result: NoiseFloor) -> Grid:
    columns = ("measure", "layer", "mean", "standard deviation", "relative", "n", "noise", "limit", "as a limit", "why")
    rows = [
        [
            row.measure, row.layer, row.mean, row.standard_deviation,
            None if row.relative is None else f"{100 * row.relative:.2g} %", row.n, row.noise, row.limit, row.amount,
            row.reason,
        ]
        for row in result.floors
    ]  # fmt: skip
    return Grid("Every floor", columns, rows, frozenset({"mean", "standard deviation"})).without_empty()
