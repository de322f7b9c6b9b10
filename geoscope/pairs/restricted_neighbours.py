"""Neighbours among part of the rows: from lists of the whole's where those suffice, by an exact search where not."""

from __future__ import annotations

import numpy as np

from geoscope.pairs.clouds import Cloud
from geoscope.pairs.neighbours import Neighbours, search
from geoscope.pairs.sweeping import MEMORY
from geoscope.rows import BoolArray, FloatArray, IntArray

_ENOUGH = 6
"""Lists of other groups' rows at least this long are kept as they are: halving them still leaves two, mostly."""


def neighbours_across(cloud: Cloud, neighbours: Neighbours, groups: IntArray, *, memory: int = MEMORY) -> Neighbours:
    """Lists of each row's nearest rows of other groups, as long as `neighbours`, or shorter: padded with inf.

    cloud: the n rows that the lists are of; groups: (n,). Lists are exact as far as they go.
    """
    k = neighbours.indices.shape[1]
    allowed = groups[neighbours.indices] != groups[:, None]
    order = np.argsort(~allowed, axis=1, kind="stable")
    indices = np.take_along_axis(neighbours.indices, order, axis=1)
    distances = np.take_along_axis(np.where(allowed, neighbours.distances, np.inf), order, axis=1)
    short = np.flatnonzero(allowed.sum(axis=1) < min(_ENOUGH, k))
    if len(short):
        short = short[np.argsort(groups[short], kind="stable")]
        found, lengths = search(cloud, short, k, memory=memory, groups=groups)
        indices[short], distances[short] = found, lengths * 2.0**cloud.exponent
    return Neighbours(indices, distances)


def nearest_two(
    cloud: Cloud,
    lists: Neighbours,
    *,
    kept: BoolArray,
    groups: IntArray | None = None,
    memory: int = MEMORY,
) -> FloatArray:
    """Exact distances (m, 2) from each of the m kept rows to its nearest two other kept rows; inf where there are not.

    cloud: n rows; lists: of those rows, of other groups' rows if `groups` (n,) is given, padded with inf; kept: (n,).
    """
    among = np.flatnonzero(kept)
    allowed = kept[lists.indices[among]] & np.isfinite(lists.distances[among])
    found = np.full((len(among), 2), np.inf)
    every = np.arange(len(among))
    short = np.flatnonzero(allowed.sum(axis=1) < 2)
    for nth in range(min(2, allowed.shape[1])):
        place = allowed.argmax(axis=1)
        found[:, nth] = lists.distances[among, place]
        allowed[every, place] = False
    if len(short):
        _, lengths = search(cloud, among[short], 2, memory=memory, among=among, groups=groups)
        found[short] = lengths * 2.0**cloud.exponent
    return found
