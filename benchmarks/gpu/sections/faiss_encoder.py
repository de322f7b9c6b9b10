"""lsq-faiss, which searches on the GPUs that FAISS sees, against FAISS alone on the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gpu.settings import Run
from benchmarks.gpu.timing import seconds
from benchmarks.results import Finding
from geoscope.passes.quantizers.codebooks import QuantizerSettings, gpu_encoders, quantize


def run(run: Run) -> Iterator[Finding | str]:
    import faiss

    sizes = run.sizes
    yield f"FAISS {faiss.__version__}"
    if not gpu_encoders():
        yield "not installed: this FAISS has no GPU encoder, or sees no GPU (faiss-gpu has one, in place of faiss-cpu)"
        return
    settings = QuantizerSettings(kind="lsq-faiss", bits=sizes.bits)
    rows = np.random.default_rng(0).standard_normal((sizes.quantized, sizes.width)).astype(np.float32)
    quantize(rows[: 4 * settings.cells], settings)
    there = seconds(lambda: quantize(rows, settings), run.device, warm=False)
    yield Finding(f"{sizes.quantized:,} x {sizes.width}, {settings}, on {gpu_encoders()} GPU", there, "s")

    def alone() -> None:
        quantizer = faiss.LocalSearchQuantizer(sizes.width, settings.codebooks, settings.bits)
        quantizer.train(rows)
        quantizer.compute_codes(rows)

    here = seconds(alone, "cpu", warm=False)
    yield Finding("FAISS on the CPU / with its GPU encoder, time", here / there)
    yield Finding("FAISS on the CPU", here, "s")
