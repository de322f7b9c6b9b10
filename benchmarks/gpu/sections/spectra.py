"""Eigenvalues of symmetric matrices: the device against the CPU, a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.gpu.settings import Run
from benchmarks.gpu.timing import seconds
from benchmarks.results import Finding
from geoscope.passes.eigenvalues import eigenvalues
from geoscope.rows import Float64


def run(run: Run) -> Iterator[Finding | str]:
    for d, there, here in run.sizes.spectra:
        matrices = _matrices(d, max(there, here))
        found: dict[str, Any] = {}

        def on_device(matrices: Float64 = matrices[:there], found: dict[str, Any] = found) -> None:
            found["device"] = eigenvalues(matrices, device=run.device)

        def on_cpu(matrices: Float64 = matrices[:here], found: dict[str, Any] = found) -> None:
            found["cpu"] = eigenvalues(matrices)

        eigenvalues(matrices[:1, :64, :64])
        on_device(matrices[:1])
        device = seconds(on_device, run.device, warm=False) / there
        cpu = seconds(on_cpu, "cpu", warm=False) / here
        apart = np.abs(np.sort(np.asarray(found["device"][0])) - np.sort(found["cpu"][0])).max() / found["cpu"].max()
        yield Finding(f"CPU / device, time a matrix, d = {d}", cpu / device)
        yield Finding(f"largest difference of an eigenvalue, of the largest, d = {d}", float(apart), "", at_most=1e-10)
        yield Finding(f"a matrix on the device, of {there} of d = {d}", device, "s")
        yield Finding(f"a matrix on the CPU, of {here} of d = {d}", cpu, "s")


def _matrices(d: int, count: int) -> Float64:
    """Covariances, each with a diagonal of its own."""
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((2 * d, d))
    base = rows.T @ rows / len(rows)
    return np.stack([base + np.diag(generator.uniform(0, 1, d)) for _ in range(count)])
