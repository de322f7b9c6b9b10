"""geoscope's local search quantizer, on the device and on the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gpu.settings import Run
from benchmarks.gpu.timing import seconds
from benchmarks.results import Finding
from geoscope.measures import patchiness
from geoscope.passes.quantizers.codebooks import Codes, QuantizerSettings, quantize


def run(run: Run) -> Iterator[Finding | str]:
    sizes = run.sizes
    n, d = sizes.quantized, sizes.width
    rows = np.random.default_rng(0).standard_normal((n, d)).astype(np.float32) * np.linspace(0.2, 2, d, dtype="f4")
    settings = QuantizerSettings(bits=sizes.bits)
    codes: dict[str, Codes] = {}

    def on(device: str) -> None:
        codes[device] = quantize(rows, settings, device=device)

    there = seconds(lambda: on(run.device), run.device, sizes.repeats)
    yield Finding(f"{n:,} x {d}, {settings}, on the device", there, "s")
    few = rows[: max(n // 20, settings.cells)]
    quantize(few, settings)
    here = seconds(lambda: on("cpu"), "cpu", warm=False)
    yield Finding("CPU / device, time", here / there, at_least=10)
    errors = [codes[device].error / codes[device].energy for device in (run.device, "cpu")]
    yield Finding("reconstruction error of the device's codes less the CPU's, of it", errors[0] / errors[1] - 1, "")
    found = [patchiness.formula(codes[device]) for device in (run.device, "cpu")]
    yield Finding("patchiness of the device's codes", found[0], "")
    yield Finding("patchiness of the CPU's codes", found[1], "")
    yield Finding(f"{n:,} x {d}, {settings}, on the CPU", here, "s")
