"""The sweep of all pairs: against the products that it must make, and against the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.gpu.outcomes import share
from benchmarks.gpu.settings import Run
from benchmarks.gpu.timing import product_rate, seconds, square_rate
from benchmarks.results import Finding
from benchmarks.tasks.pairs import two_clusters
from geoscope.passes.pairs import sweep


def run(run: Run) -> Iterator[Finding | str]:
    sizes = run.sizes
    n, d = sizes.swept, sizes.width
    rows = np.random.default_rng(0).standard_normal((n, d)).astype(np.float32)
    few = two_clusters()[:n]
    operations = n * n * d  # a multiplication and an addition a number, of half of the pairs
    single = square_rate(run.device, torch.float32, sizes.product)
    shaped = product_rate(run.device, torch.float32, sizes.product, d, sizes.product)
    sweep(few, device=run.device)
    taken = {}
    for name, given in (("around the origin", rows), (f"offset by {sizes.offset:g}", rows + np.float32(sizes.offset))):
        taken[name] = seconds(lambda given=given: sweep(given, device=run.device), run.device, 2, warm=False)  # type: ignore[misc]
        rate = operations / taken[name]
        yield share(f"share of SGEMM, {name}", rate / single, at_least=0.7)
        yield share(f"share of SGEMM in its own shape, {name}", rate / shaped)
        yield Finding(f"{n:,} x {d} Gaussian rows, {name}", taken[name], "s")
    sweep(few)
    here = seconds(lambda: sweep(rows), "cpu", warm=False)
    yield Finding("CPU / device, time, around the origin", here / taken["around the origin"])
    yield Finding("on the CPU, around the origin", here, "s")
    yield f"n^2 d = {operations:.3g} operations are counted: one product of each pair. On the CPU: one run"
