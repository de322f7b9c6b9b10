"""The minimum spanning tree of part of a cloud, from the whole cloud's: edges that survive stay in it."""

from __future__ import annotations

import numpy as np

from geoscope.pairs.clouds import Cloud
from geoscope.pairs.neighbours import Neighbours, search
from geoscope.pairs.sweeping import MEMORY
from geoscope.pairs.trees import Forest
from geoscope.rows import BoolArray, FloatArray, IntArray


def lengths_within(
    cloud: Cloud,
    neighbours: Neighbours,
    edges: IntArray,
    lengths: FloatArray,
    kept: BoolArray,
    *,
    memory: int = MEMORY,
) -> FloatArray:
    """Edge lengths (m - 1,) of a minimum spanning tree of the m kept rows.

    cloud: n distinct rows; neighbours: their lists; edges (n - 1, 2), lengths (n - 1,): their tree;
    kept: (n,). A tree edge between kept rows is shortest across some cut, and still is when rows are left out.
    """
    place = np.cumsum(kept) - 1
    count = int(kept.sum())
    alive = kept[edges].all(axis=1)
    forest = Forest(count, np.full(count, np.inf), 0.0)
    low, high = place[edges[alive]].T
    forest.grow(low, high, lengths[alive])
    forest.bounds[:] = neighbours.distances[kept, -1]
    one, other, listed = _listed(neighbours, kept)
    forest.grow(place[one], place[other], listed)
    among = np.flatnonzero(kept)
    unit = 2.0**cloud.exponent
    while forest.count > 1:
        which = np.flatnonzero(forest.open())
        which = which[np.argsort(forest.label[which], kind="stable")]
        label = np.full(len(cloud), -1)
        label[among] = forest.label
        near, found = search(cloud, among[which], 1, groups=label, among=among, memory=memory)
        forest.bounds[which] = found[:, 0] * unit
        forest.grow(which, place[near[:, 0]], found[:, 0] * unit)
    return forest.tree()[1]


def _listed(neighbours: Neighbours, kept: BoolArray) -> tuple[IntArray, IntArray, FloatArray]:
    """The listed pairs whose rows are both kept."""
    k = neighbours.indices.shape[1]
    one = np.repeat(np.flatnonzero(kept), k)
    other = neighbours.indices[kept].ravel()
    use = kept[other]
    return one[use], other[use], neighbours.distances[kept].ravel()[use]
