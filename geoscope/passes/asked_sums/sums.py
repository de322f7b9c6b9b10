"""What the sums that are asked for have in common: they add up, and take parts away, as their rows would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from geoscope.rows import IntArray


@dataclass
class AskedSums:
    """Sums over rows in d dimensions; every field but `dimension` adds up."""

    dimension: int

    @classmethod
    def empty(cls, dimension: int) -> Self:
        """The sums of no rows."""
        return cls(dimension)

    def add(self, block: Block) -> None:
        """Take in rows of whole sequences."""
        raise NotImplementedError

    def combined(self, other: Self, how: Callable[[Any, Any], Any]) -> Self:
        """These and the other's, added up or taken away; `how` may change these in place."""
        names = [each.name for each in fields(self) if each.name != "dimension"]
        return replace(self, **{name: how(getattr(self, name), getattr(other, name)) for name in names})


@dataclass
class Block:
    """Rows (m, d) of whole sequences as sums are taken of them, those of one sequence next to each other; on another
    device than the CPU as tensors.

    given: as they are, but for the frame's scale; about: less the frame's origin. sequences: (m,) which each is of
    (None: each its own). positions: (m,) where in it (None: nobody knows). layers: (m,) of which layer's rows, where
    they are of several. step: of the rows' floating-point type, relative.
    """

    given: Any
    about: Any
    sequences: IntArray | None
    positions: IntArray | None
    layers: IntArray | None
    step: float
    _order: IntArray | slice | None = field(default=None, init=False, repr=False)

    @property
    def whose(self) -> list[IntArray]:
        """What tells whose each row is, as far as it is known: its sequence, and its layer."""
        return [each for each in (self.sequences, self.layers) if each is not None]

    @property
    def order(self) -> IntArray | slice:
        """What puts the rows of each sequence, and in it those of each layer, in the order of their positions."""
        if self._order is None:
            keys = [each for each in (self.positions, self.layers, self.sequences) if each is not None]
            self._order = slice(None) if _ordered(keys) else np.lexsort(keys)
        return self._order


def runs(*names: IntArray) -> IntArray:
    """Where runs of places (m,) with the same of all of some names start."""
    return np.flatnonzero(np.r_[True, np.any([each[1:] != each[:-1] for each in names], axis=0)])[: len(names[0])]


def _ordered(keys: list[IntArray]) -> bool:
    """Whether rows are in the order of the last key, where that is equal of the one before it, and so on."""
    if not keys:
        return True
    rises = np.zeros(len(keys[0]) - 1, dtype=bool)
    for key in reversed(keys):
        falls = (key[1:] < key[:-1]) & ~rises
        if falls.any():
            return False
        rises |= key[1:] > key[:-1]
    return True
