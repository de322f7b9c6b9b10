"""Texts: what an option's text means, on the command line and in the library alike."""

from __future__ import annotations

from geoscope.catalogue import select
from geoscope.errors import GeoscopeError


def points_of(points: str | int | None) -> int | None:
    """A number of rows, or None for all of them."""
    if points is None or points == "all":
        return None
    try:
        count = int(points)
    except ValueError:
        count = 0
    if count < 1:
        raise GeoscopeError(f"expected --points to be a number above 0 or all, got {points!r}; give one of them")
    return count


def names_of(text: str) -> list[str]:
    """The names in a comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def keys_of(text: str) -> list[str]:
    """The measures and families in a comma-separated list, checked before any work is done."""
    names = names_of(text)
    select(names)
    return names


def share_of(given: str | float) -> float:
    """A share such as 5% or 0.05."""
    text = str(given)
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < float("inf"):
        raise GeoscopeError(f"expected --margin to be a share such as 5% or 0.05, got {given!r}; give one of 0 or more")
    return share


def numbers_of(text: str, option: str) -> tuple[float, ...]:
    """The finite numbers of a comma-separated list."""
    try:
        numbers = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        numbers = ()
    if not numbers or any(abs(number) == float("inf") or number != number for number in numbers):
        raise GeoscopeError(f"expected {option} to hold numbers with commas between, got {text!r}")
    return numbers
