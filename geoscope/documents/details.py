"""Details in words: who holds a layer's energy, its largest values and its neighbours, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from geoscope.document import Column, Table
from geoscope.wording import rounded

if TYPE_CHECKING:
    from geoscope.details import Details, EnergyShare, Hub, LargestValue
    from geoscope.report import Report

_PLACES = ("first", "second", "third")
"""So many are told to people; JSON has five."""
_READ = "held by: its share of the energy (of the rows); s, p, d: sequence, position, dimension. JSON has five of each."


class _Line(NamedTuple):
    subject: str
    layer: int | None
    holder: str
    told: Sequence[str]


def details_table(labels: Sequence[str], reports: Sequence[Report]) -> Table | None:
    """A line a layer and kind; None where no report has details."""
    lines = [
        _Line(label, details.layer, holder, told)
        for label, report in zip(labels, reports, strict=True)
        for details in report.details or ()
        for holder, told in _told(details)
    ]
    columns = [
        *([Column("", "subject", _subject, words=True)] if len(reports) > 1 else []),
        Column("", "layer", _layer),
        Column("", "held by", _holder, words=True, reading=_READ),
        *(Column("", name, partial(_place, at), words=True) for at, name in enumerate(_PLACES)),
    ]
    return Table("Who holds what", columns, lines) if lines else None


def left_out_of(reports: Sequence[Report]) -> list[str]:
    """What details leave out, in sentences."""
    return list(dict.fromkeys(each.note for report in reports for each in report.details or () if each.note))


def _subject(line: _Line) -> str:
    return line.subject


def _layer(line: _Line) -> int | None:
    return line.layer


def _holder(line: _Line) -> str:
    return line.holder


def _place(at: int, line: _Line) -> str | None:
    return line.told[at] if at < len(line.told) else None


def _told(details: Details) -> Iterator[tuple[str, list[str]]]:
    yield "dimension", list(map(_share, details.dimensions))
    yield from [("position", list(map(_share, details.positions)))] if details.positions is not None else []
    yield from [("token id", list(map(_share, details.token_ids)))] if details.token_ids is not None else []
    yield "value", [f"{rounded(each.value)} (d {each.dimension}, {_who(each)})" for each in details.largest]
    if details.hubs is not None:
        yield "neighbour", [f"{each.count} times ({_who(each)})" for each in details.hubs]


def _share(share: EnergyShare) -> str:
    text = "" if share.text is None else f" {share.text!r}"
    rows = "" if share.rows is None else f" ({_percent(share.rows)})"
    return f"{share.name}{text}: {_percent(share.energy)}{rows}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _who(row: LargestValue | Hub) -> str:
    position = "" if row.position is None else f", p {row.position}"
    token = "" if row.text is None else f", {row.text!r}"
    return f"s {row.sequence}{position}{token}"
