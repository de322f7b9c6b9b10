"""Levels: of noise in percent, by named grids or as a user lists them; of a transform, its amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geoscope.bounds import STATES
from geoscope.errors import GeoscopeError
from geoscope.settings.texts import numbers_of
from geoscope.transforms import Transform, step_at

GRIDS: Mapping[str, tuple[float, ...]] = {
    "marbut2024": (
        0.0,
        *(half / 2 for half in range(1, 21)),
        *(float(level) for level in range(11, 21)),
        23.0, 25.0, 27.0, 30.0, 33.0, 35.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0,
    ),
}  # fmt: skip
"""Grids by name. marbut2024: the 43 levels of its bert-small, and the untouched model."""


def parse_levels(wanted: str | Sequence[float]) -> tuple[float, ...]:
    """The levels asked for, increasing, each once: a grid's name, "0,0.5,1", or numbers.

    Raises GeoscopeError for what is neither, and for numbers outside 0 to 100.
    """
    if isinstance(wanted, str) and wanted in GRIDS:
        return GRIDS[wanted]
    parts = wanted.split(",") if isinstance(wanted, str) else list(wanted)
    try:
        levels = [float(part) for part in parts]
    except (TypeError, ValueError):
        levels = []
    if not levels or not all(0.0 <= level <= 100.0 for level in levels):
        raise GeoscopeError(
            f"expected --levels to be percentages from 0 to 100 such as 0,0.5,5, or {', '.join(GRIDS)}, "
            f"got {wanted!r}; give one of them"
        )
    return tuple(sorted(set(levels)))


def amounts_of(transform: Transform, wanted: str | Sequence[float] | None) -> tuple[float, ...]:
    """The amounts of a transform asked for, increasing, each once; of one that takes none, 0 and 1.

    Raises GeoscopeError for amounts that it cannot have.
    """
    given = (
        transform.levels if wanted is None else numbers_of(wanted, "--levels") if isinstance(wanted, str) else wanted
    )
    for each in given:
        step_at(transform, each)
    found = tuple(sorted({float(each) + 0.0 for each in given}))
    if not 0 < len(found) <= STATES:
        raise GeoscopeError(f"expected 1 to {STATES:,} --levels, got {len(found):,}; ask for fewer")
    return found
