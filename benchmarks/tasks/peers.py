"""What users run today for the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.tasks.pairs import rows_of


def _small() -> Any:
    return np.random.default_rng(0).standard_normal((200, 20)).astype(np.float32)


def ripser(rows: str, take: int | None = None) -> Callable[[], dict[str, Any]]:
    """The H0 bars by ripser."""
    from ripser import ripser as diagrams

    given = rows_of(rows, take)
    diagrams(_small(), maxdim=0)

    def run() -> dict[str, Any]:
        bars = diagrams(given, maxdim=0)["dgms"][0][:, 1]
        return {"bars": float(bars[np.isfinite(bars)].sum())}

    return run


def two_nn(rows: str, take: int | None = None) -> Callable[[], dict[str, Any]]:
    """TwoNN by scikit-dimension."""
    from skdim.id import TwoNN

    given = rows_of(rows, take)
    TwoNN().fit(_small())

    def run() -> dict[str, Any]:
        return {"dimension": float(TwoNN().fit(given).dimension_)}

    return run


def isoscore(rows: str, take: int | None = None) -> Callable[[], dict[str, Any]]:
    """IsoScore by its authors' package."""
    import IsoScore.IsoScore

    given = rows_of(rows, take)
    IsoScore.IsoScore.IsoScore(_small())

    def run() -> dict[str, Any]:
        return {"isoscore": float(IsoScore.IsoScore.IsoScore(given))}

    return run
