"""A noise floor as a document: how far each measure moves by itself, and the limits that this allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from geoscope.comparisons.difference_errors import ERROR_DEGREES
from geoscope.comparisons.noise_floor import CHANCE
from geoscope.document import Cards, Code, Column, Document, Finding, Folded, Section, Table, side_by_side
from geoscope.documents.reading import as_isoscore, by_family, folded, transformed_in_words
from geoscope.documents.series import Held, axis_of, card
from geoscope.report import Measurement
from geoscope.statistics import critical
from geoscope.wording import listed, short_names

if TYPE_CHECKING:
    from geoscope.comparisons.noise_floor import Floor, NoiseFloor

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
    floors = Table("Every floor", COLUMNS, result.floors, measure=lambda row: str(row.measure))
    return Document(
        f"noise floor of {', '.join(short_names(names))}, {result.count} {result.over}",
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
        facts=[name for name, short in zip(names, short_names(names), strict=True) if name != short],
        findings=[*transformed_in_words(result.settings), *(Finding(line, lead=True) for line in _ends(result))],
        reading=_notes(result),
        folded=_folded(result),
    )


def _ends(result: NoiseFloor) -> list[str]:
    """What moves least and most by itself, as a share of its value, and what no limit is known of."""
    known = [row for row in result.floors if row.limit is not None and row.relative is not None and row.mean]
    found = []
    if known:
        least, most = (pick(known, key=_share) for pick in (min, max))
        found.append(f"{_at(least)} is the steadiest: by chance it moves by up to {_percent(least)}")
        if most is not least:
            found.append(f"{_at(most)} is the least steady: up to {_percent(most)}")
    without = list(dict.fromkeys(row.measure for row in result.floors if row.limit is None))
    if without:
        found.append(f"no limit is known of {listed(without, 6)}")
    return found


def _share(row: Floor) -> float:
    return (row.limit or 0.0) / abs(row.mean or 1.0)


def _percent(row: Floor) -> str:
    share = 100 * _share(row)
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"


def _at(row: Floor) -> str:
    return row.measure + ("" if row.layer is None else f" of layer {row.layer}")


def _folded(result: NoiseFloor) -> Folded | None:
    """The measures that say again what another one says, in every layer."""
    if result.settings.get("isoscore_zeta"):
        return None
    wide = {subject.get("hidden_size") for subject in result.subjects}
    return folded(
        (row.layer, row.measure, [as_isoscore(row.measure, value, *wide) for value in row.values])
        for row in result.floors
        if len(wide) == 1
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
