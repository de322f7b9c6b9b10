"""A noise floor as a document: how far each measure moves by itself, and the limits that this allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from geoscope.comparisons.contrasts import ERROR_DEGREES
from geoscope.comparisons.noise_floor import CHANCE
from geoscope.document import Cards, Code, Column, Document, Finding, Section, Table, side_by_side
from geoscope.documents.reading import by_family
from geoscope.documents.series import Held, axis_of, card
from geoscope.report import Measurement
from geoscope.statistics import critical

if TYPE_CHECKING:
    from geoscope.comparisons.noise_floor import NoiseFloor

COLUMNS = (
    Column("layer", heading=lambda row: "" if row.layer is None else f"layer {row.layer}"),
    Column("measure", words=True),
    Column("noise_from", label=None),
    Column("mean", exact=True),
    Column("standard_deviation", "sd", exact=True),
    Column("relative", "sd %", shown=lambda row: None if row.relative is None else f"{100 * row.relative:.2g} %"),
    Column("n"),
    Column("whole_n", label=None),
    Column("noise", spare=2),
    Column("limit", "limit", spare=1),
    Column("amount", "as a limit", why=lambda row: row.reason, absent="none"),
    Column("reason", "why", note=True),
)


def document(result: NoiseFloor) -> Document:
    """The floors under their layers, a chart a measure, and the limits as configuration."""
    names = [str(subject["name"]) for subject in result.subjects]
    limits = [Code("Limits for pyproject.toml", result.to_toml(), "toml")] if result.limits else []
    floors = Table("Every floor", COLUMNS, result.floors)
    return Document(
        f"noise floor of {', '.join(names)}, {result.count} {result.over}",
        [floors],
        [
            *([Section("limits for pyproject.toml", limits)] if limits else []),
            *_charts(result),
            Section("floors", [floors]),
            Section(
                "subjects and settings",
                [
                    side_by_side("Subjects", names, result.subjects),
                    side_by_side("Settings", ["value"], [result.settings]),
                    side_by_side("Environment", ["value"], [result.environment]),
                ],
                background=True,
            ),
        ],
        findings=[Finding(line) for line in _notes(result)],
    )


def _notes(result: NoiseFloor) -> list[str]:
    """How the limits were made."""
    lines = []
    drawn = [row.measure for row in result.floors if row.noise_from == "draws"]
    if result.over == "trainings":
        lines.append(f"sd over {result.count} trainings on the same sequences; noise = sd")
    elif drawn:
        sizes = result.sample["draws"]
        rows = sum(size["rows"] for size in sizes) / len(sizes)
        sequences = sum(size["sequences"] for size in sizes)
        lines.append(
            f"{', '.join(dict.fromkeys(drawn))}: mean and sd over {result.count} disjoint draws of "
            f"{sequences // len(sizes):,} sequences, about {rows:,.0f} rows each; noise = sd sqrt(n / rows of all)"
        )
    if any(row.noise_from == "whole" for row in result.floors):
        lines.append(
            f"{'the others' if drawn else 'all'} move with the size of the sample: mean is the value of the whole, sd "
            f"and noise its standard error ({ERROR_DEGREES} degrees)"
        )
    told = []
    if result.quantile is not None and (drawn or result.over == "trainings"):
        told.append(f"{result.quantile:.2f} (Student's t of {result.count - 1} degrees)")
    if any(row.noise_from == "whole" for row in result.floors):
        told.append(f"{critical(CHANCE / 2, ERROR_DEGREES):.2f} (of {ERROR_DEGREES})")
    if told:
        lines.append(
            f"limit = {' or '.join(told)} times sqrt(2) noise: a change that chance passes in {100 * CHANCE:.2g} % of "
            "comparisons"
        )
    return lines


def _charts(result: NoiseFloor) -> Sequence[Section]:
    """A dot is one draw or training."""
    rows = tuple(
        Measurement(
            layer=floor.layer, measure=floor.measure, value=value, n=floor.n,
            reason=None if value is not None else floor.reason or "undefined here",
        )
        for floor in result.floors
        for value in floor.values
    )  # fmt: skip
    series, axis = [Held(0, f"one of {result.count} {result.over}", rows)], axis_of(rows)

    def cards(keys: Sequence[str]) -> Cards:
        return Cards(lambda: [card(key, series, axis, headed=False) for key in keys])

    return [Section(family, [cards(keys)]) for family, keys in by_family(floor.measure for floor in result.floors)]
