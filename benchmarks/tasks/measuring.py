"""geoscope.measure as a user calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.tasks.pairs import rows_of, two_clusters


def keys(kind: str) -> list[str]:
    """The measures of a kind: spectral (streamed over every row), pairwise, unquantized, quantized or all of those that
    are measured where none are named; or field, those of that group."""
    from geoscope.catalogue import DEFAULT, TRAITS, select

    if kind == "field":
        return list(select(["field"]))
    seen = {"spectral": "rows", "pairwise": "pairs", "quantized": "codes", "unquantized": "rows points pairs"}.get(kind)
    return [key for key in DEFAULT if seen is None or TRAITS[key].sees in seen.split()]


def array(
    rows: str, groups: str | None = None, take: int | None = None, kind: str = "unquantized", **options: Any
) -> Callable[[], dict[str, Any]]:
    """An array in memory, every row a point."""
    labels = None if groups is None else np.load(groups)[:take]
    return _measuring(rows_of(rows, take), kind, groups=labels, points="all", **options)


def file(rows: str, groups: str | None = None, kind: str = "spectral", **options: Any) -> Callable[[], dict[str, Any]]:
    """A file on disk, read as it streams."""
    return _measuring(rows, kind, groups=groups, **options)


def checkpoint(
    subject: str, corpora: list[str], kind: str = "unquantized", **options: Any
) -> Callable[[], dict[str, Any]]:
    """A checkpoint over text."""
    from geoscope.subjects.models.checkpoints import load_checkpoint

    load_checkpoint(subject)  # imports its classes
    return _measuring(subject, kind, corpora=corpora, **options)


def _measuring(subject: Any, kind: str, **options: Any) -> Callable[[], dict[str, Any]]:
    import geoscope
    from geoscope.sizes import parse_size

    chosen = keys(kind)
    bits = min(options.get("bits", 8), 8)
    few = two_clusters()
    geoscope.measure(few, measures=chosen, errors=False, null="none", bits=bits)  # imports, compiles, starts threads

    def run() -> dict[str, Any]:
        said: list[str] = []
        report = geoscope.measure(subject, measures=chosen, announce=said.append, **options)
        return {
            "estimated": parse_size(said[0].split()[2]),
            "values": {row.measure: row.value for row in report.measurements},
            "rows": report.sample.rows,
        }

    return run


def product_of_file(rows: str) -> Callable[[], dict[str, Any]]:
    """The bare float32 product d x n x d over a file on disk, 2,048 rows at a time, summed."""
    import torch

    given = np.load(rows, mmap_mode="r")
    n, d = given.shape
    total = torch.zeros(d, d)
    torch.mm(total, total)

    def run() -> dict[str, Any]:
        for start in range(0, n, 2048):
            block = torch.from_numpy(np.array(given[start : start + 2048]))
            total.addmm_(block.T, block)
        return {"trace": float(total.trace())}

    return run
