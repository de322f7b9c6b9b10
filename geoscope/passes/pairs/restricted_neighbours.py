"""Neighbours among part of the rows: from lists of the whole's where those suffice, by an exact search where not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoscope.passes.pairs.clouds import Cloud
from geoscope.passes.pairs.neighbours import Neighbours, search
from geoscope.passes.pairs.sweeping import MEMORY
from geoscope.rows import BoolArray, FloatArray, IntArray

_LONGER = 64
"""How long a list a row gets whose own has not two rows of some part."""


class LongerLists:
    """Lists of a row's nearest rows of other groups (n,) (None: of all others), each made when first asked for."""

    def __init__(self, cloud: Cloud, groups: IntArray | None = None, *, memory: int = MEMORY) -> None:
        self.cloud, self.memory = cloud, memory
        self.groups = np.arange(len(cloud)) if groups is None else groups
        self._rows = np.empty(0, dtype=np.int64)
        empty = (0, min(_LONGER, len(cloud) - 1))
        self._lists = Neighbours(np.empty(empty, dtype=np.int64), np.empty(empty))

    def of(self, rows: IntArray) -> Neighbours:
        """The exact lists of some rows (m,), padded with inf."""
        new = np.setdiff1d(rows, self._rows)
        if len(new):
            indices, distances = self.search(new, self._lists.indices.shape[1], None)
            every = np.concatenate([self._rows, new])
            order = np.argsort(every)
            self._rows = every[order]
            self._lists = Neighbours(
                np.concatenate([self._lists.indices, indices])[order],
                np.concatenate([self._lists.distances, distances])[order],
            )
        place = np.searchsorted(self._rows, rows)
        return Neighbours(self._lists.indices[place], self._lists.distances[place])

    def search(self, rows: IntArray, k: int, kept: BoolArray | None) -> tuple[IntArray, FloatArray]:
        """Indices and distances (m, k) of the exact k nearest of some rows (m,) among the kept ones (n,)."""
        found, lengths = search(self.cloud, rows, k, memory=self.memory, kept=kept, groups=self.groups)
        return found, lengths * 2.0**self.cloud.exponent


def neighbours_across(neighbours: Neighbours, longer: LongerLists) -> Neighbours:
    """Lists of each row's nearest rows of other groups, as long as `neighbours`, or shorter: padded with inf.

    longer: of the same rows, and no shorter. Lists are exact as far as they go, which is to two rows at least where
    there are so many.
    """
    k, groups = neighbours.indices.shape[1], longer.groups
    allowed = groups[neighbours.indices] != groups[:, None]
    order = np.argsort(~allowed, axis=1, kind="stable")
    indices = np.take_along_axis(neighbours.indices, order, axis=1)
    distances = np.take_along_axis(np.where(allowed, neighbours.distances, np.inf), order, axis=1)
    short = np.flatnonzero(allowed.sum(axis=1) < min(2, k))
    if len(short):
        found = longer.of(short)
        indices[short], distances[short] = found.indices[:, :k], found.distances[:, :k]
    return Neighbours(indices, distances)


def nearest_two(lists: Neighbours, parts: Sequence[BoolArray], longer: LongerLists) -> list[FloatArray]:
    """Of each part exact distances (m, 2) from its m rows to their nearest two others in it; inf where there are not.

    lists: of n rows, padded with inf; parts: masks (n,). Rows whose list falls short in some part get a longer one.
    """
    found, lacking = [], []
    for kept in parts:
        two, short = _from_lists(lists, np.flatnonzero(kept), kept)
        found.append(two)
        lacking.append(short)
    needy = np.unique(np.concatenate([np.flatnonzero(kept)[short] for kept, short in zip(parts, lacking, strict=True)]))
    if len(needy) == 0:
        return found
    deeper = longer.of(needy)
    for kept, two, short in zip(parts, found, lacking, strict=True):
        among = np.flatnonzero(kept)
        two[short], still = _from_lists(deeper, np.searchsorted(needy, among[short]), kept)
        short = short[still]
        if len(short):
            two[short] = longer.search(among[short], 2, kept)[1]
    return found


def _from_lists(lists: Neighbours, which: IntArray, kept: BoolArray) -> tuple[FloatArray, IntArray]:
    """The first two distances (m, 2) to kept rows in the lists `which`, and the places of those that have not two."""
    distances = lists.distances[which]
    allowed = kept[lists.indices[which]] & np.isfinite(distances)
    short = np.flatnonzero(allowed.sum(axis=1) < 2)
    two, every = np.full((len(which), 2), np.inf), np.arange(len(which))
    for nth in range(min(2, allowed.shape[1])):
        place = allowed.argmax(axis=1)
        two[:, nth] = distances[every, place]
        allowed[every, place] = False
    return two, short
