"""Neighbours among part of the rows: from lists of the whole's where those suffice, by an exact search where not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoscope.pairs.clouds import Cloud
from geoscope.pairs.neighbours import Neighbours, search
from geoscope.pairs.sweeping import MEMORY
from geoscope.rows import BoolArray, FloatArray, IntArray

_ENOUGH = 6
"""Lists of other groups' rows at least this long are kept as they are: halving them still leaves two, mostly."""

_LONGER = 64
"""How long a list a row gets whose own has not two rows of some part."""


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
    parts: Sequence[BoolArray],
    *,
    groups: IntArray | None = None,
    memory: int = MEMORY,
) -> list[FloatArray]:
    """Of each part exact distances (m, 2) from its m rows to their nearest two others in it; inf where there are not.

    cloud: n rows; lists: of those rows, of other groups' rows if `groups` (n,) is given, padded with inf; parts: masks
    (n,). Rows whose list falls short in some part get a longer one, by one search for all parts.
    """
    found, lacking = [], []
    for kept in parts:
        two, short = _from_lists(lists, np.flatnonzero(kept), kept)
        found.append(two)
        lacking.append(short)
    needy = np.unique(np.concatenate([np.flatnonzero(kept)[short] for kept, short in zip(parts, lacking, strict=True)]))
    if len(needy) == 0:
        return found
    unit = 2.0**cloud.exponent
    indices, lengths = search(cloud, needy, min(_LONGER, len(cloud) - 1), memory=memory, groups=groups)
    longer = Neighbours(indices, lengths * unit)
    for kept, two, short in zip(parts, found, lacking, strict=True):
        among = np.flatnonzero(kept)
        two[short], still = _from_lists(longer, np.searchsorted(needy, among[short]), kept)
        short = short[still]
        if len(short):
            _, again = search(cloud, among[short], 2, memory=memory, kept=kept, groups=groups)
            two[short] = again * unit
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
