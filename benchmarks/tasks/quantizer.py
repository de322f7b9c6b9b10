"""The local search quantizer, geoscope's own and FAISS's: train on the rows, then encode them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.tasks.pairs import rows_of


def lsq(
    rows: str, implementation: str, seed: int = 0, take: int | None = None, bits: int = 8
) -> Callable[[], dict[str, Any]]:
    """Four codebooks of 256 cells (unless bits says otherwise)."""
    from geoscope.measures import patchiness
    from geoscope.passes.quantizers.codebooks import QuantizerSettings, quantize

    given = rows_of(rows, take)
    small = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    quantize(small, QuantizerSettings(bits=4, implementation=implementation))  # type: ignore[arg-type]
    settings = QuantizerSettings(bits=bits, seed=seed, implementation=implementation)  # type: ignore[arg-type]

    def run() -> dict[str, Any]:
        codes = quantize(given, settings)
        return {"error": codes.error / codes.energy, "patchiness": patchiness.formula(codes)}

    return run
