"""The Euclidean minimum spanning tree: what neighbour lists settle, and one sweep between the clusters that remain.

Products and lengths of pairs are made where the cloud is; which rows are of which cluster is kept on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from geoscope.passes.pairs.clouds import Cloud, Tensor, tallest_block
from geoscope.passes.pairs.components import components
from geoscope.passes.pairs.neighbours import search
from geoscope.passes.pairs.sieves import Listing, nonzero
from geoscope.rows import FloatArray, IntArray

MANY = 2048
"""More clusters than this are first halved by nearest-row searches: the sweep between clusters keeps a square table."""
FEW = 64
"""Of the nearest pairs of two clusters in one tile, how many are measured when even float64 products can't tell."""


@dataclass(frozen=True)
class Tree:
    """A minimum spanning tree of n rows, shortest edge first.

    edges: (n - 1, 2) int64, the lower row first. lengths: (n - 1,) float64, by exact differences of the rows.
    """

    edges: IntArray
    lengths: FloatArray


def spanning_tree(cloud: Cloud, listing: Listing, tolerance: float, memory: int) -> tuple[IntArray, FloatArray]:
    """Edges (n - 1, 2) of a minimum spanning tree of the cloud and their lengths, unordered.

    Boruvka's rounds on the listed pairs settle every cluster whose shortest listed way out is no longer than the
    bound below which no pair of its rows is missing. Between the clusters that remain one sweep finds the nearest
    pairs, and the tree is finished on those. Pairs closer than `tolerance` join their rows without being shortest.
    """
    n = len(cloud)
    forest = Forest(n, listing.bounds.copy(), tolerance)
    forest.grow(listing.one, listing.other, listing.lengths)
    while forest.count > MANY:
        which = forest.open()
        near, lengths = search(cloud, which, 1, groups=forest.label, memory=memory)
        forest.bounds[which] = lengths[:, 0]
        forest.grow(which, near[:, 0], lengths[:, 0])
    if forest.count > 1:
        between = _Between(cloud, forest, memory)
        between.bound_by_representatives()
        between.sweep()
        forest.bounds[:] = np.inf
        forest.grow(*between.pairs())
    edges, lengths = forest.tree()
    return edges, lengths


class Forest:
    """Clusters of rows, the edges that joined them, and the listed pairs that still lead from one to another."""

    def __init__(self, n: int, bounds: FloatArray, tolerance: float) -> None:
        self.label = np.arange(n)
        self.count = n
        self.bounds = bounds
        self.tolerance = tolerance
        self.one = self.other = np.empty(0, dtype=np.int64)
        self.lengths: FloatArray = np.empty(0)
        self.edges: list[tuple[IntArray, IntArray, FloatArray]] = []

    def join(self, edges: IntArray, lengths: FloatArray) -> None:
        """Join clusters by edges (m, 2) that are known to be of the tree."""
        self.edges.append((edges[:, 0], edges[:, 1], lengths))
        self.count, joined = components(self.count, self.label[edges[:, 0]], self.label[edges[:, 1]])
        self.label = joined[self.label]

    def grow(self, one: IntArray, other: IntArray, lengths: FloatArray, *, ordered: bool = False) -> None:
        """Add pairs and join clusters for as long as one's shortest pair outwards is surely its shortest of all.

        ordered: the pairs come shortest first, and none were added before.
        """
        low, high = np.minimum(one, other), np.maximum(one, other)
        if not ordered:
            low, high = np.concatenate([self.one, low]), np.concatenate([self.other, high])
            lengths = np.concatenate([self.lengths, lengths])
            order = np.argsort(lengths, kind="stable")  # any order among equals, as long as it is one
            low, high, lengths = low[order], high[order], lengths[order]
        self.one, self.other, self.lengths = low, high, lengths
        while self._round():
            pass

    def _round(self) -> bool:
        a, b = self.label[self.one], self.label[self.other]
        out = a != b
        self.one, self.other, self.lengths = self.one[out], self.other[out], self.lengths[out]
        a, b = a[out], b[out]
        best = np.full(self.count, -1)
        back = np.arange(len(a))[::-1]
        best[np.stack([a[::-1], b[::-1]], axis=1).ravel()] = np.repeat(back, 2)
        bound = np.full(self.count, np.inf)
        np.minimum.at(bound, self.label, self.bounds)
        has = np.flatnonzero(best >= 0)
        shortest = self.lengths[best[has]]
        sure = (shortest <= bound[has]) | (shortest < self.tolerance) | (shortest == 0)
        chosen = np.unique(best[has[sure]])
        if len(chosen) == 0:
            return False
        self.edges.append((self.one[chosen], self.other[chosen], self.lengths[chosen]))
        self.count, joined = components(self.count, a[chosen], b[chosen])
        self.label = joined[self.label]
        return True

    def open(self) -> IntArray:
        """Rows that may have a shorter pair out of their cluster than the shortest listed one, by cluster.

        Those of the largest cluster can wait: once all others have joined there is one.
        """
        shortest = np.full(self.count, np.inf)
        np.minimum.at(shortest, self.label[self.one], self.lengths)
        np.minimum.at(shortest, self.label[self.other], self.lengths)
        largest = np.bincount(self.label).argmax()
        which = np.flatnonzero((self.bounds < shortest[self.label]) & (self.label != largest))
        return which[np.argsort(self.label[which], kind="stable")]

    def tree(self) -> tuple[IntArray, FloatArray]:
        if not self.edges:
            return np.empty((0, 2), dtype=np.int64), np.empty(0)
        one, other, lengths = (np.concatenate(part) for part in zip(*self.edges, strict=True))
        return np.stack([one, other], axis=1), lengths


class _Between:
    """Nearest pairs between clusters, as far as a spanning tree of the clusters can need them.

    A pair joins clusters A and B in the tree only if it is no longer than the longest step on a known path from A to
    B (`reach`), and one that is not listed is no shorter than the bounds of both of its rows.
    """

    def __init__(self, cloud: Cloud, forest: Forest, memory: int) -> None:
        self.cloud, self.forest, self.memory = cloud, forest, memory
        self.m = forest.count
        self.shortest = np.full((self.m, self.m), np.inf)
        self.found: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._add(forest.one, forest.other, forest.lengths)
        self.norms = cloud.norms.cpu().numpy()
        self.label = cloud.places(forest.label)

    def _add(self, one: IntArray, other: IntArray, lengths: FloatArray) -> None:
        a, b = self.forest.label[one], self.forest.label[other]
        np.minimum.at(self.shortest, (a, b), lengths)
        np.minimum.at(self.shortest, (b, a), lengths)
        self.found.append((one, other, lengths))

    def pairs(self) -> tuple[IntArray, IntArray, FloatArray]:
        one, other, lengths = (np.concatenate(part) for part in zip(*self.found, strict=True))
        return one, other, lengths

    def bound_by_representatives(self) -> None:
        """Bound every two clusters' distance from above: by that of each one's middlemost row to all rows."""
        cloud, label = self.cloud, self.forest.label
        order = np.lexsort((self.norms, label))
        starts = np.searchsorted(label[order], np.arange(self.m))
        chosen = cloud.places(order[starts])
        ordered = cloud.places(order)
        index = self.label[ordered]
        lowest = torch.full((self.m, self.m), torch.inf, dtype=cloud.right.dtype, device=cloud.device)
        left = cloud.left(chosen)
        step = max(64, self.memory // (16 * self.m))
        for start in range(0, len(cloud), step):
            some = ordered[start : start + step]
            half = left @ cloud.right[some].T
            lowest.scatter_reduce_(1, index[start : start + step].expand(self.m, -1), half, "amin")
        top = lowest.double().clamp_min(0)
        slack = cloud.slack(chosen, top.amax(dim=1))
        bound = (2 * (top + slack[:, None])).sqrt().cpu().numpy() * (1 + 1e-6)
        self.shortest = np.minimum(self.shortest, np.minimum(bound, bound.T))

    def reach(self) -> tuple[FloatArray, IntArray]:
        """(m, m) longest step on the best known path between clusters; an order that keeps near clusters together."""
        from scipy.cluster.hierarchy import cophenet, leaves_list, linkage
        from scipy.spatial.distance import squareform

        near = self.shortest.copy()
        np.fill_diagonal(near, 0.0)
        merges = linkage(squareform(near, checks=False), "single")
        found = squareform(cophenet(merges))
        np.fill_diagonal(found, -1.0)
        return found, leaves_list(merges).astype(np.int64)

    def sweep(self) -> None:
        """Find and measure every pair of rows within their clusters' reach (one by which each two are nearest)."""
        reach, leaves = self.reach()
        place = np.argsort(leaves)
        label = self.forest.label
        needed = np.flatnonzero(self.forest.bounds <= reach.max(axis=1)[label])
        order = needed[np.lexsort((needed, place[label[needed]]))]
        tall = int(np.clip(np.sqrt(self.memory / 48), 64, tallest_block(self.cloud.device)))
        blocks = [order[start : start + tall] for start in range(0, len(order), tall)]
        for number, one in enumerate(blocks):
            for other in blocks[number:]:
                self._tile(one, other, reach)
            if number + 1 < len(blocks):
                reach, _ = self.reach()

    def _tile(self, one: IntArray, other: IntArray, reach: FloatArray) -> None:
        label, bounds = self.forest.label, self.forest.bounds
        firsts, a = np.unique(label[one], return_inverse=True)
        seconds, b = np.unique(label[other], return_inverse=True)
        near = reach[np.ix_(firsts, seconds)]
        keep, hold = bounds[one] <= near.max(axis=1)[a], bounds[other] <= near.max(axis=0)[b]
        if not keep.any() or not hold.any():
            return
        one, a, other, b = one[keep], a[keep], other[hold], b[hold]
        i, j = self._candidates(one, other, a, b, near)
        if len(i) > FEW * near.size + 4096:
            i, j = self._candidates_double(one, other, a, b, near)
        if len(i):
            length = self.cloud.measure(self.cloud.places(one[i]), self.cloud.places(other[j])).cpu().numpy()
            order = np.lexsort((length, b[j], a[i]))
            pair = (a[i] * len(seconds) + b[j])[order]
            best = order[np.concatenate([[True], pair[1:] != pair[:-1]])]
            self._add(one[i[best]], other[j[best]], length[best])

    def _candidates(
        self, one: IntArray, other: IntArray, a: IntArray, b: IntArray, near: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """Places in the tile of the pairs that may be two clusters' nearest, by product."""
        cloud = self.cloud
        rows, columns = cloud.places(one), cloud.places(other)
        half = cloud.left(rows) @ cloud.right[columns].T
        first, second = (cloud.roundoff * np.square(self.norms[which]) for which in (one, other))
        return _nearest(half, a, b, near, first, second, None)

    def _candidates_double(
        self, one: IntArray, other: IntArray, a: IntArray, b: IntArray, near: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """The same in float64 from a centre among these rows."""
        x, y = self.cloud.take(self.cloud.places(one)), self.cloud.take(self.cloud.places(other))
        x, y = x - y[0], y - y[0]
        first, second = x.square().sum(dim=1), y.square().sum(dim=1)
        half = torch.addmm((first[:, None] + second) / 2, x, y.T, alpha=-1)
        roundoff = (8 * np.sqrt(self.cloud.dimension) + 12) * 2.0**-53
        return _nearest(half, a, b, near, roundoff * first.cpu().numpy(), roundoff * second.cpu().numpy(), FEW)


def _nearest(
    half: Tensor,
    a: IntArray,
    b: IntArray,
    near: FloatArray,
    slack_one: FloatArray,
    slack_other: FloatArray,
    limit: int | None,
) -> tuple[IntArray, IntArray]:
    """Pairs whose half square may be both within their clusters' reach and the least of their two clusters'.

    half: (p, q). a (p,), b (q,): the rows' clusters as places in `near`, (s, t) reaches. slack: rounding of each row.
    limit: how many of each two clusters to keep at most.
    """
    width = half.shape[1]
    room = np.maximum(near, 0) ** 2 / 2
    row_room = room.max(axis=1)[a] + slack_one + slack_other.max()
    edge = torch.from_numpy(row_room * (1 + 1e-6)).to(half)
    where = nonzero((half <= edge[:, None]).view(-1))
    value = half.reshape(-1)[where].cpu().numpy().astype(np.float64)
    flat = where.cpu().numpy()
    i, j = flat // width, flat % width
    slack = slack_one[i] + slack_other[j]
    fits = (near[a[i], b[j]] >= 0) & (value - slack <= room[a[i], b[j]] * (1 + 1e-6))
    i, j, value, slack = i[fits], j[fits], value[fits], slack[fits]
    pair = a[i] * near.shape[1] + b[j]
    upper = np.full(near.size, np.inf)
    np.minimum.at(upper, pair, value + slack)
    fits = value - slack <= upper[pair]
    i, j, value, pair = i[fits], j[fits], value[fits], pair[fits]
    if limit is not None and len(i):
        order = np.lexsort((value, pair))
        ordered = pair[order]
        rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
        order = order[rank < limit]
        i, j = i[order], j[order]
    return i, j
