"""Wrong values at every place of a JSON document, one at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

WRONG: tuple[Any, ...] = (
    None, "", "abc", -1, 0, 1.5, 1e308, 10**200, True, [], {}, [[1]], ["x"], "a\x00\u202e",
)  # fmt: skip
LEFT_OUT = object()


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a value stands, of a list's the first alone: the others are alike."""
    if at:
        yield at
    parts = document.items() if isinstance(document, dict) else enumerate(document[:1] if _is_list(document) else ())
    for key, part in parts:
        yield from places(part, (*at, key))


def changed(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place, or without the place."""
    made = copy.deepcopy(document)
    held = made
    for key in at[:-1]:
        held = held[key]
    if value is LEFT_OUT:
        del held[at[-1]]
    else:
        held[at[-1]] = value
    return made


def wrong(document: Any, most: int | None = None) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """(place, value, document) of every wrong value at every place, or of so many at most, spread over them."""
    cases = [(at, value) for at in places(document) for value in (*WRONG, LEFT_OUT)]
    for at, value in cases[:: 1 if most is None else -(-len(cases) // most)]:
        yield at, value, changed(document, at, value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
