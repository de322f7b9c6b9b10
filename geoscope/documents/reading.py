"""Reading: how a measure is to be read, from the catalogue, and where its paper is."""

from __future__ import annotations

import re
from collections.abc import Iterable

from geoscope.catalogue import FAMILIES, MEASURES, Measure
from geoscope.document import Reading

_MEASURES = {measure.key: measure for measure in MEASURES}
_OTHER = "other"


def reading_of(key: str) -> Reading | None:
    """How to read a measure; None for one that this version does not know."""
    return read(_MEASURES[key]) if key in _MEASURES else None


def read(measure: Measure, **more: str) -> Reading:
    """How to read a measure of the catalogue; more: what else is told of it."""
    facts = {
        "direction": measure.direction,
        "what it cannot see": measure.blind_to,
        "range": measure.range,
        "null": measure.null,
    }
    return Reading(measure.title, facts | more, measure.paper, link_of(measure.paper))


def link_of(paper: str) -> str | None:
    """Where a paper of the catalogue can be read; None where it is named without an address."""
    if found := re.search(r"arXiv (\d{4}\.\d{4,5})", paper):
        return f"https://arxiv.org/abs/{found[1]}"
    if found := re.search(r"doi (10\.\S+)", paper):
        return f"https://doi.org/{found[1]}"
    return None


def family_of(key: str) -> str:
    """The family of a measure; of one that this version does not know, other."""
    return _MEASURES[key].family if key in _MEASURES else _OTHER


def by_family(keys: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The keys under their families, both in the catalogue's order, those it does not know last."""
    held = list(dict.fromkeys(keys))
    return [
        (family, members)
        for family in (*FAMILIES, _OTHER)
        if (members := [key for key in held if family_of(key) == family])
    ]


def in_order(keys: Iterable[str]) -> list[str]:
    """The keys in the order of their families."""
    return [key for _, members in by_family(keys) for key in members]
