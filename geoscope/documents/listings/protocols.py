"""The list of protocols as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from geoscope.document import Card, Cards, Column, Document, Reading, Section, Table
from geoscope.files import json_text
from geoscope.protocols import PROTOCOLS, Protocol
from geoscope.settings.measuring import MeasureOptions
from geoscope.settings.option import fields_of


@dataclass(frozen=True)
class ProtocolList:
    """Every protocol, as a result."""

    noun = "list of protocols"

    protocols: Sequence[Protocol] = tuple(PROTOCOLS.values())

    def to_json(self) -> str:
        """What each sets under the names of the library's keywords."""
        return json_text([{**vars(each), "options": dict(each.options)} for each in self.protocols])


def document(result: ProtocolList) -> Document:
    """A row a protocol for spreadsheets, a card a protocol for people."""
    columns = [
        Column("protocol", value=lambda each: each.name, words=True), Column("work", words=True),
        Column("sets", value=lambda each: as_typed(each.options), words=True), Column("departs", words=True),
    ]  # fmt: skip
    cards = Cards(partial(_cards, result.protocols), drawn=False)
    return Document("Protocols", [Table("", columns, result.protocols)], [Section("--protocol", [cards])])


def as_typed(options: Mapping[str, Any]) -> str:
    """Options as they are typed on the command line."""
    fields = fields_of(MeasureOptions)
    return " ".join(
        f"{fields[name].flag} {text}" for name, value in options.items() for text in fields[name].texts(value)
    )


def _cards(protocols: Sequence[Protocol]) -> list[Card]:
    return [Card(each.name, reading=_read(each)) for each in protocols]


def _read(protocol: Protocol) -> Reading:
    work, _, paper = protocol.work.partition(", ")
    return Reading(work, {"sets": as_typed(protocol.options), "departs": protocol.departs}, paper, None)
