"""The measures by their keys, families and groups; a measure's row is in a module of its group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from geoscope.catalogue.default_measures import DEFAULT_MEASURES
from geoscope.catalogue.field_measures import FIELD_MEASURES
from geoscope.catalogue.skdim_measures import SKDIM_MEASURES
from geoscope.catalogue.traits import (
    DENSITY,
    ENERGY_LIMIT,
    ROWS,
    SEQUENCES,
    Group,
    Measure,
    NullKind,
    Sees,
    Sign,
)
from geoscope.errors import GeoscopeError
from geoscope.wording import meant

__all__ = ["DENSITY", "ENERGY_LIMIT", "ROWS", "SEQUENCES", "Measure", "NullKind", "Sees", "Sign"]

MEASURES: tuple[Measure, ...] = (*DEFAULT_MEASURES, *FIELD_MEASURES, *SKDIM_MEASURES)

FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(measure.family for measure in MEASURES))
KEYS: tuple[str, ...] = tuple(measure.key for measure in MEASURES)
DEFAULT: tuple[str, ...] = tuple(measure.key for measure in DEFAULT_MEASURES)
"""The measures of a report that was asked for none in particular."""
GROUPS: tuple[str, ...] = tuple(name for name in get_args(Group) if any(each.group == name for each in MEASURES))
"""Names that mean all measures of a group."""
TRAITS: dict[str, Measure] = {measure.key: measure for measure in MEASURES}


def _seeing(what: Sees) -> frozenset[str]:
    return frozenset(measure.key for measure in MEASURES if measure.sees == what)


ONE_NUMBER = ("isoscore_star", "isoscore", "participation_ratio")
"""At zeta 0 one number: the second equals the first, the third is 1 + (d - 1) times it."""

WIDTHS = ("participation_ratio_corrected", "participation_ratio")
"""How many dimensions carry the variance, the one that moves least with n first."""
ALIGNMENT = "average_cosine_similarity"
"""How much the rows point the same way."""

SIGNS: dict[str, Sign] = {each.key: each.collapsed for each in MEASURES if each.collapsed is not None}
"""The measures that say together whether rows have collapsed."""

STREAMED = _seeing("rows")
"""The measures of every row; the others are of the sampled points."""
SKDIM = frozenset(measure.key for measure in SKDIM_MEASURES)
"""The measures that scikit-dimension computes."""
QUANTIZED = _seeing("codes")
"""The measures of a quantizer's codes."""
HEEDING: dict[str, frozenset[str]] = {
    "quantizer": QUANTIZED,
    **{
        name: frozenset(each.key for each in MEASURES if name in each.settings)
        for measure in MEASURES
        for name in measure.settings
    },
    "duplicate_tolerance": _seeing("pairs"),
}
"""The settings of a report that move some measures only, and which."""


def moves(key: str, what: str) -> bool:
    """Whether a measure's expectation moves with ROWS, SEQUENCES or DENSITY; of a key from elsewhere, yes."""
    return key not in TRAITS or what in TRAITS[key].moves_with


def select(names: Iterable[str] | None = None) -> tuple[str, ...]:
    """The keys meant by some names of keys, families and groups, in the table's order; those of DEFAULT for None.

    A name that is both (such as `anisotropy`, `patchiness`) means the family.
    """
    if names is None:
        return DEFAULT
    chosen: set[str] = set()
    for name in names:
        members = [m.key for m in MEASURES if name in (m.family, m.family.replace(" ", "_"), m.group)]
        if not members and name not in KEYS:
            otherwise = f"families are {', '.join(FAMILIES)}; `geoscope measures` lists the measures"
            raise GeoscopeError(
                f"expected a measure or a family, got {name!r}; {meant(name, (*KEYS, *FAMILIES, *GROUPS), otherwise)}"
            )
        chosen.update(members or [name])
    if not chosen:
        raise GeoscopeError("expected at least one measure, got none; leave --measures out to have them all")
    return tuple(key for key in KEYS if key in chosen)


def test_of(key: str, p: float | None) -> tuple[str, str | None]:
    """What a p of a measure is of: of the measures that are one number, the same p is of one test."""
    return ONE_NUMBER[0] if key in ONE_NUMBER else key, None if p is None else f"{p:.6e}"


def null_kind_of(key: str) -> NullKind | None:
    """What points a measure's null is of; None for a key from elsewhere."""
    return TRAITS[key].null_kind if key in TRAITS else None


def sees_points(key: str) -> bool:
    """Whether a measure is of the sampled points and not of every row."""
    return key in TRAITS and key not in STREAMED
