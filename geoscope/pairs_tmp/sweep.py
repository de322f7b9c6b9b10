"""Nearest neighbours and minimum spanning tree of a cloud (first version: float64, rounds of brute force)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoscope.rows import BoolArray, FloatArray, IntArray, Progress


@dataclass(frozen=True)
class Neighbours:
    """Of each of m distinct rows its k nearest others, nearest first, ties by index."""

    indices: IntArray
    distances: FloatArray


@dataclass(frozen=True)
class Tree:
    """A Euclidean minimum spanning tree of all n rows: n - 1 edges, shortest first."""

    edges: IntArray
    lengths: FloatArray


@dataclass(frozen=True)
class Pairs:
    """distinct (m,): lowest index of every group of rows joined by tree edges of length 0 or < tolerance, increasing.

    neighbours: lists among the distinct rows (indices into `distinct`). tree: of all rows, or None.
    radius: root mean square distance of all rows from their mean. tolerance: tolerance_of_rms * radius.
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
    x = np.asarray(rows, dtype=np.float64)
    n = len(x)
    centred = x - x.mean(0)
    radius = float(np.sqrt(np.mean((centred**2).sum(1)))) if n else 0.0
    tolerance = tolerance_of_rms * radius
    edges, lengths = _tree(x, centred)
    label = _components(n, edges[(lengths < tolerance) | (lengths == 0)])
    distinct = np.unique(label)
    return Pairs(distinct, _lists(x[distinct], neighbours), Tree(edges, lengths) if tree else None, radius, tolerance)


def nearest_two_across(rows: FloatArray, neighbours: Neighbours, groups: IntArray) -> FloatArray:
    return _two(np.asarray(rows, dtype=np.float64), groups, np.ones(len(rows), dtype=bool))


def nearest_two_within(rows: FloatArray, neighbours: Neighbours, kept: BoolArray) -> FloatArray:
    return _two(np.asarray(rows, dtype=np.float64)[kept], np.arange(int(kept.sum())), None)


def _square(x, y):
    return (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T


def _exact(x, i, j):
    out = np.empty(len(i))
    for s in range(0, len(i), 4096):
        out[s : s + 4096] = np.sqrt(((x[i[s : s + 4096]] - x[j[s : s + 4096]]) ** 2).sum(1))
    return out


def _two(x, groups, _):
    out = np.full((len(x), 2), np.inf)
    c = x - x.mean(0)
    for s in range(0, len(x), 512):
        d = _square(c[s : s + 512], c)
        d[groups[s : s + 512, None] == groups[None]] = np.inf
        m = min(8, d.shape[1])
        near = np.argpartition(d, m - 1, axis=1)[:, :m]
        e = _exact(x, np.repeat(np.arange(s, s + len(d)), m), near.ravel()).reshape(len(d), m)
        e[np.isinf(np.take_along_axis(d, near, 1))] = np.inf
        e = np.sort(np.pad(e, ((0, 0), (0, 2)), constant_values=np.inf), axis=1)
        out[s : s + 512] = e[:, :2]
    return out


def _lists(x, k):
    n = len(x)
    k = min(k, n - 1)
    ind = np.zeros((n, max(k, 0)), dtype=np.int64)
    dist = np.zeros((n, max(k, 0)))
    if k <= 0:
        return Neighbours(ind, dist)
    c = x - x.mean(0)
    for s in range(0, n, 512):
        d = _square(c[s : s + 512], c)
        b = len(d)
        d[np.arange(b), np.arange(s, s + b)] = np.inf
        m = min(k + 8, n - 1)
        near = np.sort(np.argpartition(d, m - 1, axis=1)[:, :m], axis=1)
        e = _exact(x, np.repeat(np.arange(s, s + b), m), near.ravel()).reshape(b, m)
        order = np.argsort(e, axis=1, kind="stable")[:, :k]
        ind[s : s + b] = np.take_along_axis(near, order, 1)
        dist[s : s + b] = np.take_along_axis(e, order, 1)
    return Neighbours(ind, dist)


def _components(n, edges):
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    first = np.full(n, n)
    np.minimum.at(first, label, np.arange(n))
    return first[label]


def _tree(x, c):
    n = len(x)
    edges = np.zeros((0, 2), dtype=np.int64)
    while len(edges) < n - 1:
        label = _components(n, edges)
        best = {}
        for s in range(0, n, 512):
            d = _square(c[s : s + 512], c)
            d[label[s : s + 512, None] == label[None]] = np.inf
            near = np.argpartition(d, min(3, n - 1), axis=1)[:, :4]
            for r in range(len(d)):
                for j in near[r]:
                    if label[j] == label[s + r]:
                        continue
                    i, jj = min(s + r, int(j)), max(s + r, int(j))
                    key = (float(np.sqrt(((x[i] - x[jj]) ** 2).sum())), i, jj)
                    own = label[s + r]
                    if own not in best or key < best[own]:
                        best[own] = key
        new = sorted(set(best.values()))
        edges = np.concatenate([edges, np.array([[i, j] for _, i, j in new], dtype=np.int64)])
    lengths = _exact(x, edges[:, 0], edges[:, 1])
    order = np.argsort(lengths, kind="stable")
    return edges[order], lengths[order]
