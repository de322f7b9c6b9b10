"""Reading: how a measure is to be read, from the catalogue; where its paper is; what was done to rows before."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import isclose
from typing import Any

from geoscope.catalogue import FAMILIES, MEASURES, ONE_NUMBER, Measure
from geoscope.comparisons.comparability import transforms_in
from geoscope.document import Finding, Folded, Reading
from geoscope.transforms import in_words

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


def as_isoscore(key: str, value: float | None, dimensions: Any) -> float | None:
    """A number of `ONE_NUMBER` as what the first of them would be; None where the dimensions are not known."""
    if key != ONE_NUMBER[-1] or value is None:
        return value
    return (value - 1.0) / (dimensions - 1.0) if isinstance(dimensions, int) and dimensions > 1 else None


def folded(told: Iterable[tuple[Hashable, str, Sequence[Any]]]) -> Folded | None:
    """What screens leave out: of `ONE_NUMBER` all but the first, where they are the same in every place.

    told: a place, a measure's key, and all that is told of it there. Nothing is left out unless all of them are there.
    """
    held: dict[str, dict[Hashable, Sequence[Any]]] = {key: {} for key in ONE_NUMBER}
    for place, key, facts in told:
        if key in held:
            held[key][place] = facts
    first, *others = held.values()
    if not first or any(other.keys() != first.keys() for other in others):
        return None
    if not all(_same(first[place], other[place]) for other in others for place in first):
        return None
    shown, same, mapped = ONE_NUMBER
    why = f"--all-measures adds {same} and {mapped}, linear in {shown}"
    return Folded((same, mapped), why)


def _same(facts: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(
        isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
        if isinstance(one, float) and isinstance(other, float)
        else one == other
        for one, other in zip(facts, others, strict=True)
    )


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


def transformed_in_words(settings: Mapping[str, Any]) -> list[Finding]:
    """Of a report's settings: that rows were changed before they were measured, and what of the numbers knows of it."""
    made = transforms_in(settings)
    if not made:
        return []
    told = f"the rows were transformed before they were measured ({in_words(made)})"
    held = "standard errors and halves keep what was fitted as it is; nulls are of points that nothing was fitted to"
    return [Finding(told, warning=True, lead=True), *_lifted(settings), Finding(held)]


def _lifted(settings: Mapping[str, Any]) -> list[Finding]:
    """That a transform made rounding large enough for equal rows to be taken for different ones."""
    fits = [fit for fit in settings.get("transform_fits") or [] if isinstance(fit, Mapping)]
    most = max((fit for fit in fits if isinstance(fit.get("rounding"), float)), key=_rounding_of, default=None)
    held = settings.get("duplicate_tolerance")
    if most is None or not isinstance(held, float) or _rounding_of(most) <= held:
        return []
    how_far = f"{most.get('transform')} lifts rounding to {_rounding_of(most):.1g} of the rows' radius"
    what = "rows that rounding alone tells apart are no duplicates any more, and measures of pairs of rows read it"
    return [Finding(f"{how_far}: {what}", warning=True)]


def _rounding_of(fit: Mapping[str, Any]) -> float:
    return float(fit["rounding"])


def moved_in_words(settings: Mapping[str, Any]) -> list[Finding]:
    """Of a comparison's settings: whose rows were transformed, and how; that this is what differs, where it does."""
    made: Mapping[str, Sequence[str]] = settings.get("transforms") or {}
    if not made:
        return []
    told = [in_words(each) for each in made.values()]
    if len(set(told)) == 1:
        return [Finding(f"The rows of all were transformed before they were measured ({told[0]})", lead=True)]
    whose = "; ".join(f"{label}: {words}" for label, words in zip(made, told, strict=True))
    said = f"the rows were transformed differently ({whose}): the differences are what the transforms did"
    return [Finding(said, warning=True, lead=True)]
