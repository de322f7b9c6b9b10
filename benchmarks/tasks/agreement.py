"""The local search quantizer, geoscope's own and FAISS's, of the same rows: how good they are, not how fast."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.tasks.errors import one_thread


def lsq(
    rows: str | None, n: int, d: int, implementation: str, bits: int, seeds: int, workers: int
) -> Callable[[], dict[str, Any]]:
    """n rows of a file in a seeded order, or of a power spectrum (None); errors and patchiness of every seed."""
    return partial(_seeds, partial(_one, rows, n, d, implementation, bits), seeds, workers)


def _seeds(one: Callable[[int], dict[str, float]], seeds: int, workers: int) -> dict[str, Any]:
    if workers == 1:
        found = [one(seed) for seed in range(seeds)]
    else:
        with ProcessPoolExecutor(workers, get_context("spawn"), initializer=one_thread) as pool:
            found = list(pool.map(one, range(seeds)))
    return {name: [each[name] for each in found] for name in found[0]}


def _one(rows: str | None, n: int, d: int, implementation: str, bits: int, seed: int) -> dict[str, float]:
    from geoscope.errors import Undefined
    from geoscope.measures import patchiness
    from geoscope.passes.quantizers.codebooks import QuantizerSettings, quantize, quantize_heldout

    if implementation == "faiss":
        import faiss

        faiss.omp_set_num_threads(1)
    if rows is None:
        scales = (1 + np.arange(d)) ** -0.5
        given = (np.random.default_rng(0).standard_normal((n, d)) * scales).astype(np.float32)
    else:
        stored = np.load(rows, mmap_mode="r")
        given = np.asarray(stored[np.sort(np.random.default_rng(7).permutation(len(stored))[:n])])
    settings = QuantizerSettings(bits=bits, seed=seed, implementation=implementation)  # type: ignore[arg-type]
    codes = quantize(given, settings)
    found = {"error": codes.error / codes.centered_energy, "patchiness": patchiness.formula(codes)}
    if implementation == "geoscope":
        try:
            unseen = quantize_heldout(given, np.arange(n), settings)
            found["heldout"] = unseen.error / unseen.centered_energy
        except Undefined:  # half of the rows are fewer than the cells
            found["heldout"] = float("nan")
    return found
