"""The minimum spanning tree of part of a cloud, from the whole cloud's: edges that survive stay in it.

Rows are searched where the cloud is; which of them are of which cluster is kept on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoscope.passes.pairs.clouds import Cloud
from geoscope.passes.pairs.neighbours import Neighbours, search
from geoscope.passes.pairs.sweeping import MEMORY
from geoscope.passes.pairs.trees import Forest
from geoscope.rows import BoolArray, FloatArray, IntArray


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


def lengths_within(cloud: Cloud, skeleton: Skeleton, kept: BoolArray, *, memory: int = MEMORY) -> FloatArray:
    """Edge lengths (m - 1,) of a minimum spanning tree of the m kept rows.

    cloud: n distinct rows; skeleton: theirs; kept: (n,). A tree edge between kept rows is shortest across some cut,
    and still is when rows are left out.
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
        near, found = search(cloud, among[which], 1, groups=label, kept=kept, memory=memory)
        forest.bounds[which] = found[:, 0] * unit
        forest.grow(which, place[near[:, 0]], found[:, 0] * unit)
    return forest.tree()[1]
