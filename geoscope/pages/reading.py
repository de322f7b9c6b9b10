"""Reading: how a measure is to be read, in sentences from the catalogue, and where its paper is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from geoscope.catalogue import FAMILIES, MEASURES

_MEASURES = {measure.key: measure for measure in MEASURES}
_OTHER = "other"


@dataclass(frozen=True)
class Reading:
    """A measure in words: what it is, what larger values and the null say, what it cannot see, where it is from."""

    title: str
    sentences: tuple[str, ...]
    paper: str
    link: str | None


def reading_of(key: str) -> Reading | None:
    """How to read a measure; None for one that this version does not know."""
    measure = _MEASURES.get(key)
    if measure is None:
        return None
    sentences = (
        f"{capital(measure.direction)}.",
        f"What it cannot see: {measure.blind_to}.",
        f"Range: {measure.range}. Null: {measure.null}.",
    )
    return Reading(capital(measure.title), sentences, measure.paper, link_of(measure.paper))


def link_of(paper: str) -> str | None:
    """Where a paper of the catalogue can be read; None where it is named without an address."""
    if found := re.search(r"arXiv (\d{4}\.\d{4,5})", paper):
        return f"https://arxiv.org/abs/{found[1]}"
    if found := re.search(r"doi (10\.\S+)", paper):
        return f"https://doi.org/{found[1]}"
    return None


def by_family(keys: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The keys under their families, both in the catalogue's order, those it does not know last."""
    held = list(dict.fromkeys(keys))
    families = {key: _MEASURES[key].family if key in _MEASURES else _OTHER for key in held}
    return [
        (family, members)
        for family in (*FAMILIES, _OTHER)
        if (members := [key for key in held if families[key] == family])
    ]


def capital(sentence: str) -> str:
    """A sentence with a capital at its start."""
    return sentence[:1].upper() + sentence[1:]
