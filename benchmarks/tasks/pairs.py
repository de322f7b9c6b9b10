"""Neighbours and spanning tree, and the matrix product that bounds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

BLOCK = 1024


def rows_of(rows: str, take: int | None) -> Any:
    """The first `take` rows of a file, in memory."""
    return np.ascontiguousarray(np.load(rows, mmap_mode="r")[:take], dtype=np.float32)


def two_clusters() -> Any:
    """Rows (3000, 300) that take a sweep through all its steps, so that all it imports and compiles is there."""
    rows = np.random.default_rng(0).standard_normal((3000, 300)).astype(np.float32)
    rows[::2] += 10
    return rows


def sweep(rows: str, take: int | None = None, memory: int | None = None) -> Callable[[], dict[str, Any]]:
    """16 nearest neighbours and the H0 bars of all rows, as `geoscope measure` makes them."""
    from geoscope.passes.pairs import sweep as pair_sweep

    given = rows_of(rows, take)
    pair_sweep(two_clusters())

    def run() -> dict[str, Any]:
        found = pair_sweep(given, neighbours=16, tree=True, tolerance_of_rms=1e-5, memory=memory)
        return {"bars": 0 if found.tree is None else float(found.tree.lengths.sum())}

    return run


def product(rows: str, take: int | None = None) -> Callable[[], dict[str, Any]]:
    """The bare float32 matrix product n x n x d, block by block, nothing kept."""
    import torch

    given = torch.from_numpy(rows_of(rows, take))
    n = len(given)
    wide = min(2 * BLOCK, n)
    buffer = torch.empty(min(BLOCK, n), wide)
    torch.mm(given[: len(buffer)], given[:wide].T, out=buffer)

    def run() -> dict[str, Any]:
        for top in range(0, n, BLOCK):
            for start in range(0, n, wide):
                left, right = given[top : top + BLOCK], given[start : start + wide]
                out = buffer.view(-1)[: len(left) * len(right)].view(len(left), len(right))
                torch.mm(left, right.T, out=out)
        return {"multiplications": n * n * given.shape[1]}

    return run


def nearest_two(rows: str, take: int | None = None) -> Callable[[], None]:
    """FAISS alone: its exact search for the nearest two rows, and no tree."""
    import faiss

    given = rows_of(rows, take)
    index = faiss.IndexFlatL2(given.shape[1])
    index.add(given)
    index.search(given[:64], 3)

    def run() -> None:
        index.search(given, 3)

    return run
