"""The list of measures as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from geoscope.catalogue import MEASURES, Measure, Sign
from geoscope.document import Card, Cards, Column, Document, Section, Table
from geoscope.documents.reading import by_family, read
from geoscope.files import json_text


@dataclass(frozen=True)
class MeasureList:
    """Every measure of the catalogue, as a result."""

    noun = "list of measures"

    measures: Sequence[Measure] = MEASURES

    def to_json(self) -> str:
        """Every column of the catalogue, its lists as lists."""
        names = [field.name for field in fields(Measure)]
        return json_text([{name: _plain(getattr(measure, name)) for name in names} for measure in self.measures])


def document(result: MeasureList) -> Document:
    """A row a measure for spreadsheets, a card a measure for people."""
    held = {measure.key: measure for measure in result.measures}
    columns = [Column(field.name, value=partial(_cell, field.name), words=True) for field in fields(Measure)]
    sections = [
        Section(family, [Cards(partial(_cards, [held[key] for key in members]), drawn=False)])
        for family, members in by_family(held)
    ]
    return Document("Measures", [Table("", columns, result.measures)], sections)


def _cell(name: str, measure: Measure) -> Any:
    """Lists as text, as the cells of a table are."""
    cell = _plain(getattr(measure, name))
    return ", ".join(cell) if isinstance(cell, tuple) else cell


def _plain(value: Any) -> Any:
    """A sign of collapse as the bound that healthy rows keep."""
    return str(value) if isinstance(value, Sign) else value


def _cards(measures: Sequence[Measure]) -> list[Card]:
    return [Card(measure.key, reading=read(measure, **_more(measure))) for measure in measures]


def _more(measure: Measure) -> dict[str, str]:
    moves = ", ".join(measure.moves_with) or "none of rows, sequences and density"
    return {"moves with": moves, "cost": measure.cost}
