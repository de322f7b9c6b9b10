"""The minimum spanning tree of part of a cloud, from the whole cloud's: edges that survive stay in it.

Rows are searched where the cloud is; which of them are of which cluster is kept on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geoscope.passes.pairs.clouds import Cloud
from geoscope.passes.pairs.neighbours import Neighbours, search
from geoscope.passes.pairs.sweeping import MEMORY
from geoscope.passes.pairs.trees import Forest
from geoscope.rows import BoolArray, FloatArray, IntArray

_MANY = 0.1
"""Of the rows, how many must be searched for before it is looked at what is known of them across groups."""


@dataclass(frozen=True)
class Skeleton:
    """What is known of a cloud's pairs: its tree, and the pairs on its neighbour lists, each put in order once.

    edges (n - 1, 2), lengths (n - 1,): the tree. one, other, listed (p,): the pairs, once each, shortest first.
    bounds: (n,) no pair of the row that is not listed is shorter.
    """

    edges: IntArray
    lengths: FloatArray
    one: IntArray
    other: IntArray
    listed: FloatArray
    bounds: FloatArray


def skeleton_of(neighbours: Neighbours, edges: IntArray, lengths: FloatArray) -> Skeleton:
    """Of n distinct rows: their neighbour lists, and their tree's edges (n - 1, 2) and lengths (n - 1,)."""
    n, k = neighbours.indices.shape
    one, other = np.repeat(np.arange(n), k), neighbours.indices.ravel()
    _, first = np.unique(np.minimum(one, other) * n + np.maximum(one, other), return_index=True)
    listed = neighbours.distances.ravel()[first]
    order = np.argsort(listed, kind="stable")
    first = first[order]
    bounds = neighbours.distances[:, -1] if k else np.zeros(n)
    return Skeleton(edges, lengths, one[first], other[first], listed[order], bounds)


@dataclass
class AcrossGroups:
    """What is known of rows beyond their own group (a sequence): of n rows which each is of, and their nearest others.

    lists: makes lists (n, k) of each row's nearest rows of other groups, exact as far as they go; asked for only where
    many rows need it.
    """

    groups: IntArray
    lists: Callable[[], Neighbours]
    _made: Neighbours | None = None

    def worth(self, many: int, of: int) -> bool:
        """Whether to look here for so many rows of a cloud: the lists are there, or pay."""
        return self._made is not None or many >= _MANY * of

    def nearest(self, rows: IntArray, label: IntArray) -> tuple[IntArray, FloatArray]:
        """The nearest row of another label of each of some rows (m,), and how far it is; inf where it is not known.

        label: (n,), -1 for rows that are left out. It is known of a row all of whose group has its label: then it is
        the first on its list with another.
        """
        there = label >= 0
        low, high = np.full(self.groups.max() + 1, len(label)), np.full(self.groups.max() + 1, -1)
        np.minimum.at(low, self.groups[there], label[there])
        np.maximum.at(high, self.groups[there], label[there])
        lists = self._made = self.lists() if self._made is None else self._made
        of_others, lengths = label[lists.indices[rows]], lists.distances[rows]
        fits = (of_others >= 0) & (of_others != label[rows][:, None]) & np.isfinite(lengths)
        first, line = fits.argmax(axis=1), np.arange(len(rows))
        known = fits[line, first] & (low == high)[self.groups[rows]]
        return lists.indices[rows][line, first], np.where(known, lengths[line, first], np.inf)


def lengths_within(
    cloud: Cloud,
    skeleton: Skeleton,
    kept: BoolArray,
    *,
    across: AcrossGroups | None = None,
    memory: int = MEMORY,
) -> FloatArray:
    """Edge lengths (m - 1,) of a minimum spanning tree of the m kept rows.

    cloud: n distinct rows; skeleton: theirs; kept: (n,). A tree edge between kept rows is shortest across some cut,
    and still is when rows are left out. across: what spares searches where rows huddle in groups; it changes no length.
    """
    place = np.cumsum(kept) - 1
    alive = kept[skeleton.edges].all(axis=1)
    forest = Forest(int(kept.sum()), skeleton.bounds[kept], 0.0)
    forest.join(place[skeleton.edges[alive]], skeleton.lengths[alive])
    use = kept[skeleton.one] & kept[skeleton.other]
    forest.grow(place[skeleton.one[use]], place[skeleton.other[use]], skeleton.listed[use], ordered=True)
    among = np.flatnonzero(kept)
    unit = 2.0**cloud.exponent
    while forest.count > 1:
        which = forest.open()
        label = np.full(len(cloud), -1)
        label[among] = forest.label
        rows = among[which]
        if across is None or not across.worth(len(rows), len(among)):
            near, lengths = rows.copy(), np.full(len(rows), np.inf)
        else:
            near, lengths = across.nearest(rows, label)
        unknown = np.isinf(lengths)
        if unknown.any():
            found, exact = search(cloud, rows[unknown], 1, groups=label, kept=kept, memory=memory)
            near[unknown], lengths[unknown] = found[:, 0], exact[:, 0] * unit
        forest.bounds[which] = lengths
        forest.grow(which, place[near], lengths)
    return forest.tree()[1]
