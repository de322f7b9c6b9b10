"""Layers: what `--layers` asks for, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from geoscope.errors import GeoscopeError
from geoscope.settings.texts import layer_numbers

Wanted = str | int | Sequence[int]
"""`last`, `all`, `union` (all but the embedding layer), a number, or several ("0,6,-1", "0,last")."""

AnyLayer = TypeVar("AnyLayer", bound=int | None)


def resolve_layers(wanted: Wanted, available: Sequence[AnyLayer]) -> tuple[AnyLayer, ...]:
    """The layers asked for, non-negative, without repeats, increasing.

    available: the numbers there are, increasing (a checkpoint: 0 to its number of blocks), or one None for a
    cloud without layers; negative numbers count from the end of it.
    Raises GeoscopeError for a layer that is not there, naming the ones that are.
    """
    if wanted == "last":
        return (available[-1],)
    if wanted == "all":
        return tuple(available)
    if wanted == "union":
        blocks = tuple(layer for layer in available if layer != 0)
        if not blocks:
            raise GeoscopeError(
                "expected layers for --layers union, which is all but the embedding layer, got no other; leave it out"
            )
        return blocks
    chosen = {_place(number, available) for number in _numbers(wanted)}
    return tuple(available[place] for place in sorted(chosen))


def _place(number: int, available: Sequence[int | None]) -> int:
    """Where among the available layers `number` is."""
    if available[0] is None:
        raise GeoscopeError(f"expected no --layers with one cloud of rows, got layer {number}; leave --layers out")
    if -len(available) <= number < 0:
        return number + len(available)
    if number not in available:
        raise GeoscopeError(
            f"expected --layers of {_range(available)}, -1 being the last, got {number}; choose one of them"
        )
    return list(available).index(number)


def _numbers(wanted: Wanted) -> list[int]:
    if isinstance(wanted, str):
        return layer_numbers(wanted)
    return layer_numbers([wanted] if isinstance(wanted, int) else list(wanted))


def _range(available: Sequence[int | None]) -> str:
    first, last = available[0], available[-1]
    if first is not None and last is not None and len(available) == last - first + 1:
        return f"{first} to {last}"
    return ", ".join(str(layer) for layer in available)
