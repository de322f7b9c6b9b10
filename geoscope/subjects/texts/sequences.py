"""Sequences: what is kept of some texts, counted and fingerprinted in one pass, held only where they are few."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from geoscope.errors import GeoscopeError

_HELD_BYTES = 32 << 20
_STRING_BYTES = 60  # what Python holds of a string beside its characters, about


@dataclass
class Counts:
    """How many texts there were, and how many of them are no sequence."""

    read: int = 0
    null: int = 0
    blank: int = 0
    unwanted: int = 0

    @property
    def left_out(self) -> int:
        return self.null + self.blank + self.unwanted


class Fingerprint:
    """ "sha256:..." over texts' UTF-8 bytes, each preceded by its length."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, text: str) -> None:
        encoded = text.encode("utf-8", "surrogatepass")
        self._digest.update(len(encoded).to_bytes(8, "little"))
        self._digest.update(encoded)

    def __str__(self) -> str:
        return f"sha256:{self._digest.hexdigest()}"


@dataclass(frozen=True)
class Kept:
    """Texts without the spaces around them, those that are wanted, read anew each time."""

    texts: Iterable[str | None]
    wanted: Callable[[str], bool]

    def __iter__(self) -> Iterator[str]:
        return self.counting(Counts())

    def counting(self, counts: Counts) -> Iterator[str]:
        """The same, counted as they are read."""
        for found in self.texts:
            counts.read += 1
            text = "" if found is None else found.strip()
            if found is None:
                counts.null += 1
            elif not text:
                counts.blank += 1
            elif not self.wanted(text):
                counts.unwanted += 1
            else:
                yield text


class Reread(Sequence[str]):
    """Sequences that are too many to hold: read again whenever they are asked for, and the same as before."""

    def __init__(self, kept: Kept, count: int, fingerprint: str) -> None:
        self._kept, self._count, self._fingerprint = kept, count, fingerprint

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        seen = Fingerprint()
        for text in self._kept:
            seen.add(text)
            yield text
        if str(seen) != self._fingerprint:
            raise GeoscopeError(
                "expected a corpus that stays as it is while it is read, got other text the second time; run it again "
                "when it is written"
            )

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> Any:
        places = range(self._count)[place]
        return at_places(self, [places])[0] if isinstance(places, int) else tuple(at_places(self, places))


def collected(kept: Kept) -> tuple[Sequence[str], str, Counts]:
    """(the sequences, their fingerprint, what was left out)."""
    counts, seen, size = Counts(), Fingerprint(), 0
    held: list[str] | None = []
    for text in kept.counting(counts):
        seen.add(text)
        if held is not None:
            held.append(text)
            size += len(text) + _STRING_BYTES
            if size > _HELD_BYTES:
                held = None
    if held is not None:
        return tuple(held), str(seen), counts
    return Reread(kept, counts.read - counts.left_out, str(seen)), str(seen), counts


def at_places(sequences: Sequence[str], places: Iterable[int]) -> list[str]:
    """The sequences at some places, in that order; of those that are read again, in one pass."""
    wanted = [int(place) for place in places]
    if not isinstance(sequences, Reread):
        return [sequences[place] for place in wanted]
    among = set(wanted)
    found = {place: text for place, text in enumerate(sequences) if place in among}
    return [found[place] for place in wanted]
