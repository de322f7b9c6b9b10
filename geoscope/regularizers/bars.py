"""H0 bars of the points of one class: which pairs of them the minimum spanning tree joins."""

from __future__ import annotations

import numpy as np

from geoscope.passes.cautions import DUPLICATE_TOLERANCE
from geoscope.passes.moments import safe_scale
from geoscope.passes.pairs import duplicate_tolerance, rms_radius, sweep
from geoscope.rows import Float64, IntArray

DENSE = 2048
"""Up to this many rows a table of all distances is quicker than the sweep, which is made for more."""


def bars_of(rows: Float64) -> tuple[IntArray, Float64]:
    """Pairs (m, 2) of (n, d) rows whose distances are the finite H0 bars, and those (m,), shortest first.

    As for the measures, bars below 1e-5 of the RMS radius join duplicates and are left out.
    """
    if len(rows) < 2:
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    scale = safe_scale(rows)
    edges, lengths, tolerance = (_dense_tree if len(rows) <= DENSE else _swept_tree)(rows * scale)
    bar = np.flatnonzero((lengths >= tolerance) & (lengths > 0))
    bar = bar[np.argsort(lengths[bar], kind="stable")]
    return edges[bar], lengths[bar] / scale


def _swept_tree(rows: Float64) -> tuple[IntArray, Float64, float]:
    found = sweep(rows, neighbours=1, tolerance_of_rms=DUPLICATE_TOLERANCE)
    if found.tree is None:
        raise ValueError("the sweep made no tree")
    return found.tree.edges, np.asarray(found.tree.lengths, dtype=np.float64), found.tolerance


def _dense_tree(rows: Float64) -> tuple[IntArray, Float64, float]:
    """Prim's algorithm on centred products; the chosen pairs are measured by differences."""
    n = len(rows)
    x = rows - rows.mean(axis=0)
    x -= x.mean(axis=0)
    norms = np.einsum("ij,ij->i", x, x)
    squares = norms[:, None] + norms - 2.0 * (x @ x.T)
    edges = np.empty((n - 1, 2), dtype=np.int64)
    parent = np.zeros(n, dtype=np.int64)
    nearest, outside = np.full(n, np.inf), np.ones(n, dtype=bool)
    joined = 0
    for edge in edges:
        outside[joined], nearest[joined] = False, np.inf
        closer = (squares[joined] < nearest) & outside
        nearest[closer], parent[closer] = squares[joined, closer], joined
        joined = int(nearest.argmin())
        edge[:] = parent[joined], joined
    gaps = rows[edges[:, 0]] - rows[edges[:, 1]]
    tolerance = duplicate_tolerance(rows, DUPLICATE_TOLERANCE, rms_radius(rows))
    return edges, np.linalg.norm(gaps, axis=1), tolerance
