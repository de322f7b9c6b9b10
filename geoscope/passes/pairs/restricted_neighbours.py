"""Neighbours among part of the rows: from lists of the whole's where those suffice, by an exact search where not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from geoscope.passes.pairs.clouds import Cloud
from geoscope.passes.pairs.neighbours import Neighbours, nearest_by_index, search
from geoscope.passes.pairs.sweeping import MEMORY
from geoscope.rows import BoolArray, FloatArray, IntArray

_LONGER = 64
"""How long a list a row gets whose own has too few rows of some part."""


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

    def search_by_index(self, rows: IntArray, k: int, kept: BoolArray) -> tuple[IntArray, FloatArray]:
        """`search` that takes, of equally far rows, those of lower number."""
        _, lengths = search(self.cloud, rows, k, memory=self.memory, kept=kept, groups=self.groups)
        found, lengths = nearest_by_index(
            self.cloud, rows, lengths[:, -1], k, memory=self.memory, kept=kept, groups=self.groups
        )
        return found, lengths * 2.0**self.cloud.exponent


def neighbours_across(neighbours: Neighbours, longer: LongerLists, least: int = 2) -> Neighbours:
    """Lists of each row's nearest rows of other groups, as long as `neighbours`, or shorter: padded with inf.

    longer: of the same rows, and no shorter. Lists are exact as far as they go, which is to `least` rows where there
    are so many.
    """
    k, groups = neighbours.indices.shape[1], longer.groups
    allowed = groups[neighbours.indices] != groups[:, None]
    order = np.argsort(~allowed, axis=1, kind="stable")
    indices = np.take_along_axis(neighbours.indices, order, axis=1)
    distances = np.take_along_axis(np.where(allowed, neighbours.distances, np.inf), order, axis=1)
    short = np.flatnonzero(allowed.sum(axis=1) < min(least, k))
    if len(short):
        found = longer.of(short)
        indices[short], distances[short] = found.indices[:, :k], found.distances[:, :k]
    return Neighbours(indices, distances)


def nearest_within(
    lists: Neighbours, parts: Sequence[BoolArray], longer: LongerLists, k: int, *, by_index: bool = False
) -> Iterator[Neighbours]:
    """Of each part its m rows' k nearest others in it, exact, as places in the whole (m, k); inf where there are fewer.

    lists: of n rows, padded with inf; parts: masks (n,). Rows whose list falls short in some part get a longer one.
    by_index: of equally far rows those of lower number are nearer, also where a list ends among them; lists must then
    be padded only where they have all rows.
    """
    short = [_short(lists, np.flatnonzero(kept), kept, k, by_index) for kept in parts]
    needy = np.unique(np.concatenate(short))
    deeper = longer.of(needy) if len(needy) else lists
    for kept, lacking in zip(parts, short, strict=True):
        among = np.flatnonzero(kept)
        found = _from_lists(lists, among, kept, k)
        at = np.searchsorted(among, lacking)
        places = np.searchsorted(needy, lacking)
        deep = _from_lists(deeper, places, kept, k)
        found.indices[at], found.distances[at] = deep.indices, deep.distances
        still = at[np.isin(places, _short(deeper, places, kept, k, by_index))]
        if len(still):
            again = longer.search_by_index if by_index else longer.search
            found.indices[still], found.distances[still] = again(among[still], k, kept)
        yield found


def _allowed(lists: Neighbours, which: IntArray, kept: BoolArray) -> BoolArray:
    allowed: BoolArray = kept[lists.indices[which]] & np.isfinite(lists.distances[which])
    return allowed


def _short(lists: Neighbours, which: IntArray, kept: BoolArray, k: int, by_index: bool) -> IntArray:
    """Those of `which` whose lists have fewer than k kept rows; by_index: that are nearer than where the list ends."""
    allowed = _allowed(lists, which, kept)
    if by_index and lists.indices.shape[1] < len(kept) - 1:
        allowed &= lists.distances[which] < lists.distances[which, -1:]
    short: IntArray = which[allowed.sum(axis=1) < k]
    return short


def _from_lists(lists: Neighbours, which: IntArray, kept: BoolArray, k: int) -> Neighbours:
    """The first k kept rows in the lists `which`: (m, k), padded with inf."""
    allowed = _allowed(lists, which, kept)
    rank = np.cumsum(allowed, axis=1, dtype=np.int16)
    row, column = np.nonzero(allowed & (rank <= k))
    place = rank[row, column] - 1
    found = Neighbours(np.zeros((len(which), k), dtype=np.int64), np.full((len(which), k), np.inf))
    found.indices[row, place] = lists.indices[which[row], column]
    found.distances[row, place] = lists.distances[which[row], column]
    return found
