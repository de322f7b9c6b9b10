"""Connected components of a graph given by its edges."""

from __future__ import annotations

import numpy as np

from geoscope.rows import IntArray


def components(n: int, one: IntArray, other: IntArray) -> tuple[int, IntArray]:
    """How many connected components a graph of n nodes has, and each node's."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(one), dtype=np.int8), (one, other)), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int64)
