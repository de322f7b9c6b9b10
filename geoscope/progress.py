"""Progress: who is told how far a run has come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Told how far a long step has come: (done, total, what is being done)."""

    def __call__(self, done: int, total: int, what: str) -> None: ...


class Parts(str):
    """What is done of something whose parts take about as long as each other: "layers", "subjects", "draws".

    Steps that are told between (0, n, parts) and (n, n, parts) are steps of a part.
    """

    __slots__ = ()


def in_parts(
    items: Sequence[T], progress: Progress | None, what: str, work: Sequence[int] | None = None
) -> Iterator[T]:
    """The items in turn, progress being told how many of them are done; work: how many an item counts for."""
    parts, done = Parts(what), 0
    counts = [1] * len(items) if work is None else work
    for item, count in zip(items, counts, strict=True):
        if progress is not None:
            progress(done, sum(counts), parts)
        yield item
        done += count
    if progress is not None:
        progress(done, done, parts)
