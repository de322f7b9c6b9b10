"""Common rows: those that are distinct in each of several spaces, and the nearest others of each in every space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoscope.passes.cautions import DUPLICATE_TOLERANCE
from geoscope.passes.pairs import MEMORY, Cloud, Neighbours, duplicate_tolerance, rms_radius, sweep
from geoscope.passes.pairs.components import components
from geoscope.passes.pairs.duplicates import first_copies
from geoscope.passes.pairs.neighbours import search
from geoscope.progress import Progress, in_parts
from geoscope.rows import FloatArray, IntArray

_SPARE = 6  # longer lists than are asked for: what is left of most will do when some rows turn out to be copies


@dataclass(frozen=True)
class CommonRows:
    """kept: (m,) the rows that no earlier one equals in any space, increasing.

    nearest: of each space (m, k) places in `kept`, nearest first, ties by place; k is less where m - 1 is.
    """

    kept: IntArray
    nearest: tuple[IntArray, ...]

    def __len__(self) -> int:
        return len(self.kept)


def common_rows(
    spaces: Sequence[FloatArray],
    k: int,
    *,
    device: str = "cpu",
    memory: int | None = None,
    progress: Progress | None = None,
) -> CommonRows:
    """The rows of spaces (n, d), row i of each with row i of the others, that rounding tells apart in all of them.

    Rows that another equals in some space, to 1e-5 of its RMS radius, are one point: the one that comes first stays.
    """
    every = np.arange(len(spaces[0]))
    kept = np.flatnonzero(np.all([first_copies(rows) == every for rows in spaces], axis=0))
    limits = [duplicate_tolerance(rows, DUPLICATE_TOLERANCE, rms_radius(rows)) for rows in spaces]
    found = [
        sweep(rows[kept], neighbours=k + _SPARE, tree=False, memory=memory, device=device).neighbours
        for rows in in_parts(spaces, progress, "spaces")
    ]
    while True:
        close = [np.nonzero(lists.distances < limit) for lists, limit in zip(found, limits, strict=True)]
        one = np.concatenate([rows for rows, _ in close])
        other = np.concatenate([lists.indices[at] for lists, at in zip(found, close, strict=True)])
        count, label = components(len(kept), one, other)
        if count == len(kept):
            return CommonRows(kept, tuple(lists.indices[:, :k] for lists in found))
        stay = np.sort(np.unique(label, return_index=True)[1])
        kept = kept[stay]
        found = [_among(lists, stay, rows[kept], k, device, memory) for lists, rows in zip(found, spaces, strict=True)]


def _among(lists: Neighbours, stay: IntArray, rows: FloatArray, k: int, device: str, memory: int | None) -> Neighbours:
    """The lists of the rows that stay, of rows that stay; searched anew where too little is left of one."""
    place = np.full(len(lists.indices), -1)
    place[stay] = np.arange(len(stay))
    near, distances = place[lists.indices[stay]], lists.distances[stay]
    k = min(k, len(stay) - 1)
    order = np.argsort(near < 0, axis=1, kind="stable")[:, :k]
    near, distances = np.take_along_axis(near, order, axis=1), np.take_along_axis(distances, order, axis=1)
    short = np.flatnonzero((near < 0).any(axis=1))
    if len(short):
        cloud = Cloud(rows, device=device)
        near[short], lengths = search(cloud, short, k, memory=MEMORY if memory is None else memory)
        distances[short] = lengths * 2.0**cloud.exponent
    return Neighbours(near, distances)
