"""Between layers: how alike the layers of a report are, as tables, heat maps and spreadsheet rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from geoscope.document import Card, Column, Finding, HeatMap, Table, entry
from geoscope.wording import rounded

if TYPE_CHECKING:
    from geoscope.layer_matrices import BetweenLayers, Matrix
    from geoscope.report import Report


def pairs_of(reports: Sequence[Report]) -> Table:
    """A row a measure of two layers, for spreadsheets."""
    rows = [
        {
            "subject": report.subject.name, "layer": one, "to_layer": other, "measure": each.measure,
            "value": each.matrix[at][to], "null": each.null, "n": each.n,
            "p": each.p[at][to] if each.p else None,
            "p_adjusted": each.p_adjusted[at][to] if each.p_adjusted else None,
            "reason": each.reason if each.matrix[at][to] is None else None,
        }
        for report, held in _held(reports)
        for each in held.matrices
        for at, one in enumerate(held.layers)
        for to, other in enumerate(held.layers)
    ]  # fmt: skip
    names = ("subject", "layer", "to_layer", "measure", "value", "null", "n", "p", "p_adjusted", "reason")
    return Table("Between layers", [Column(name, value=entry(name)) for name in names], rows)


def _held(reports: Sequence[Report]) -> list[tuple[Report, BetweenLayers]]:
    return [(report, report.between) for report in reports if report.between is not None]


def matrices(labels: Sequence[str], reports: Sequence[Report]) -> list[Table]:
    """A table a measure, and one of its adjusted p values: a row from a layer, a column to each."""
    found = []
    for whose, held in _whose(labels, reports):
        for each in held.matrices:
            null = "" if each.null is None else f", null {rounded(each.null)}"
            found.append(_matrix(f"{each.measure} between layers{whose}{null}", held.layers, each.matrix, each.reason))
            if each.p_adjusted is not None:
                caption = f"{each.measure}{whose}: p, adjusted for the choice of the best layer only"
                found.append(_matrix(caption, held.layers, each.p_adjusted, None))
    return found


def _whose(labels: Sequence[str], reports: Sequence[Report]) -> list[tuple[str, BetweenLayers]]:
    """What follows a name where there are several reports, and each report's layers."""
    pairs = zip(labels, reports, strict=True)
    return [(f" of {label}" * (len(reports) > 1), each.between) for label, each in pairs if each.between is not None]


def _matrix(caption: str, layers: Sequence[int], matrix: Matrix, reason: str | None) -> Table:
    rows = [{"layer": layer, **dict(enumerate(line))} for layer, line in zip(layers, matrix, strict=True)]
    columns = [
        Column("", f"to {layer}", entry(at), why=partial(_why, at, reason), exact=True)
        for at, layer in enumerate(layers)
    ]
    return Table(caption, [Column("", "from layer", entry("layer")), *columns], rows)


def _why(at: int, reason: str | None, row: Mapping[Any, Any]) -> str | None:
    return reason if row[at] is None else None


def maps(labels: Sequence[str], reports: Sequence[Report]) -> list[Card]:
    """A card a measure of a report's layers."""
    found = []
    for whose, held in _whose(labels, reports):
        places = [str(layer) for layer in held.layers]
        for each in held.matrices:
            said = [
                [
                    f"from {one} to {other}: {each.reason if value is None else rounded(value)}"
                    for other, value in zip(places, line, strict=True)
                ]
                for one, line in zip(places, each.matrix, strict=True)
            ]
            name = f"{each.measure} between layers{whose}"
            told = f"of {each.n:,} rows" + ("" if each.null is None else f", null {rounded(each.null)}")
            found.append(Card(name, HeatMap(name, ("from", "to layer"), places, each.matrix, said), beside=told))
    return found


def left_out(labels: Sequence[str], reports: Sequence[Report]) -> list[Finding]:
    """That points which equal another in some layer are left out of what holds neighbours against each other."""
    found = []
    for whose, held in _whose(labels, reports):
        kept = min((each.n for each in held.matrices), default=held.points)
        if kept < held.points:
            found.append(
                Finding(
                    f"neighbours between layers{whose} are of {kept:,} of {held.points:,} points: the others equal one "
                    "of these in some layer, often the embedding layer"
                )
            )
    return found
