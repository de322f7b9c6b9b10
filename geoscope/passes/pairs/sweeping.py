"""Pairs of rows: nearest neighbours and minimum spanning tree of a cloud, from one blockwise sweep.

The memory it takes is O(n d) beside the rows (a centred float32 copy) plus blocks of a size that `memory` bounds.
Candidates are chosen by float32 matrix products with a bound on their rounding; whatever is returned was measured by
differences of the rows themselves in float64, and what the bound leaves open is searched again in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from geoscope.errors import GeoscopeError
from geoscope.passes.pairs.clouds import Cloud, as_tensor
from geoscope.passes.pairs.components import components
from geoscope.passes.pairs.duplicates import duplicate_tolerance, first_copies
from geoscope.passes.pairs.neighbours import Neighbours, completed, search
from geoscope.passes.pairs.sieves import Listing, list_pairs
from geoscope.passes.pairs.trees import Tree, spanning_tree
from geoscope.progress import Progress
from geoscope.rows import FloatArray, IntArray
from geoscope.torch_state import full_precision

MEMORY = 256 * 2**20
"""Bytes that blocks may take when nobody says."""
SMALL = 2e9
"""Below this many multiplications (n n d) float64 throughout costs nothing worth naming."""


@dataclass(frozen=True)
class Pairs:
    """Neighbours and tree of n rows.

    distinct: (m,) lowest index of each set of rows joined by tree edges of length 0 or below `tolerance`, increasing.
    neighbours: lists among the distinct rows only; their indices are places in `distinct`.
    tree: of all n rows, or None if it was not asked for. Of edges below `tolerance` it has as many as a minimum
    spanning tree has, not necessarily the same; all others are those of a minimum spanning tree.
    radius: root mean square distance of the n rows from their mean. tolerance: in the units of the rows.
    """

    distinct: IntArray
    neighbours: Neighbours
    tree: Tree | None
    radius: float
    tolerance: float


def sweep(
    rows: FloatArray,
    *,
    neighbours: int = 16,
    tree: bool = True,
    tolerance_of_rms: float = 0.0,
    memory: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Pairs:
    """Nearest neighbours and minimum spanning tree of (n, d) rows, Euclidean, exact.

    neighbours: list length k (shorter when there are not k other distinct rows).
    tree: False leaves the tree out; then rows are distinct unless they are equal, whatever the tolerance.
    tolerance_of_rms: rows closer than this share of the cloud's RMS radius count as the same (0: equal rows only); of
    how wide the rest is where a few far rows set that radius (`duplicate_tolerance`).
    memory: bytes the blocks may take, beside O(n d) for the rows; changes no value.
    Raises GeoscopeError on arrays that are not two-dimensional or not finite.
    """
    if neighbours < 1:
        raise GeoscopeError(f"expected at least 1 neighbour, got {neighbours}; ask for 1 or more")
    n = len(rows)
    memory = MEMORY if memory is None else memory
    as_tensor(rows)
    copies = first_copies(rows)
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(copies == np.arange(n)))
    with full_precision():
        cloud = Cloud(rows, chosen, device=device, double=float(n) * n * rows.shape[1] < SMALL)
        unit = 2.0**cloud.exponent
        radius = rms_radius(rows, unit)
        tolerance = duplicate_tolerance(rows, tolerance_of_rms, radius)
        if len(cloud) > 1:
            k = min(neighbours, len(cloud) - 1)
            listing = completed(cloud, list_pairs(cloud, k, memory, progress), k, tolerance / unit, memory)
        else:
            listing = Listing(*_nothing(len(cloud)))
        found = _whole_tree(cloud, listing, copies, tolerance / unit, memory) if tree else None
        distinct = np.sort(chosen) if found is None else _representatives(n, found, tolerance / unit)
        lists = _lists(cloud, listing, distinct, neighbours, memory)
    lists = Neighbours(lists.indices, lists.distances * unit)
    scaled = None if found is None else Tree(found.edges, found.lengths * unit)
    return Pairs(distinct, lists, scaled, radius, tolerance)


def rms_radius(rows: FloatArray, unit: float = 1.0) -> float:
    """sqrt(mean ||x - mean||^2) over (n, d) rows, accumulated in float64; `unit` keeps the squares in range."""
    if len(rows) == 0:
        return 0.0
    blocks = as_tensor(rows).split(256)
    mean = sum(block.sum(dim=0, dtype=torch.float64) / len(rows) for block in blocks)
    lengths = [float(torch.linalg.vector_norm((block - mean).div_(unit))) for block in blocks]
    return float(np.linalg.norm(lengths) / np.sqrt(len(rows)) * unit)


def _nothing(n: int) -> tuple[IntArray, IntArray, FloatArray, IntArray, FloatArray]:
    empty = np.empty(0, dtype=np.int64)
    return empty, empty, np.empty(0), np.zeros(n + 1, dtype=np.int64), np.full(n, np.inf)


def _whole_tree(cloud: Cloud, listing: Listing, copies: IntArray, tolerance: float, memory: int) -> Tree:
    """The cloud's tree and an edge of length 0 for every copy, in the rows' own numbers, shortest first."""
    edges, lengths = spanning_tree(cloud, listing, tolerance, memory)
    edges = np.sort(cloud.chosen.cpu().numpy()[edges], axis=1)
    again = np.flatnonzero(copies != np.arange(len(copies)))
    edges = np.concatenate([np.stack([copies[again], again], axis=1), edges])
    lengths = np.concatenate([np.zeros(len(again)), lengths])
    order = np.lexsort((edges[:, 1], edges[:, 0], lengths))
    return Tree(edges[order], lengths[order])


def _representatives(n: int, tree: Tree, tolerance: float) -> IntArray:
    """Lowest index of each set of rows that edges of length 0 or below the tolerance join."""
    same = tree.edges[(tree.lengths < tolerance) | (tree.lengths == 0)]
    _, label = components(n, same[:, 0], same[:, 1])
    return np.sort(np.unique(label, return_index=True)[1]).astype(np.int64)


def _lists(cloud: Cloud, listing: Listing, distinct: IntArray, k: int, memory: int) -> Neighbours:
    """Lists of the distinct rows, from the pairs at hand where those suffice and by a new search where not."""
    k = min(k, len(distinct) - 1)
    if k < 1:
        return Neighbours(np.empty((len(distinct), 0), dtype=np.int64), np.empty((len(distinct), 0)))
    original = cloud.chosen.cpu().numpy()
    place = np.full(len(original), -1)
    at = np.minimum(np.searchsorted(distinct, original), len(distinct) - 1)
    is_distinct = distinct[at] == original
    place[is_distinct] = at[is_distinct]
    where = np.empty(len(distinct), dtype=np.int64)
    where[at[is_distinct]] = np.flatnonzero(is_distinct)
    use = is_distinct[listing.one] & is_distinct[listing.other]
    row, near, lengths = place[listing.one[use]], place[listing.other[use]], listing.lengths[use]
    first = np.r_[True, row[1:] != row[:-1]]
    run = np.cumsum(first) - 1
    near = _ties_by_number(run, lengths, near)
    rank = np.arange(len(row)) - np.flatnonzero(first)[run]
    use = rank < k
    indices = np.zeros((len(distinct), k), dtype=np.int64)
    distances = np.full((len(distinct), k), np.inf)
    indices[row[use], rank[use]], distances[row[use], rank[use]] = near[use], lengths[use]
    short = np.flatnonzero(~(distances[:, -1] <= listing.bounds[where]) | np.isinf(distances[:, -1]))
    if len(short):
        _, clump = components(len(distinct), short, indices[short, 0])
        short = short[np.argsort(clump[short], kind="stable")]
        upper = distances[short, -1]
        found, exact = search(cloud, where[short], k, memory=memory, kept=is_distinct, upper=upper)
        found = place[found]
        order = np.lexsort((found, exact), axis=1)
        indices[short] = np.take_along_axis(found, order, axis=1)
        distances[short] = np.take_along_axis(exact, order, axis=1)
    return Neighbours(indices, distances)


def _ties_by_number(run: IntArray, lengths: FloatArray, near: IntArray) -> IntArray:
    """Neighbours (p,), in runs of increasing length, with those of equal length in one run in increasing order."""
    tied = np.zeros(int(run[-1]) + 1 if len(run) else 0, dtype=bool)
    tied[run[1:][(run[1:] == run[:-1]) & (lengths[1:] == lengths[:-1])]] = True
    some = np.flatnonzero(tied[run])
    near[some] = near[some[np.lexsort((near[some], lengths[some], run[some]))]]
    return near
