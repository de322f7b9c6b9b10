"""The rows of every layer as geoscope hands them over, against the bare forward pass over the same batches."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.gpu.checkpoint import checkpoint, texts
from benchmarks.gpu.forward import forward_pass
from benchmarks.gpu.settings import Run
from benchmarks.gpu.timing import seconds
from benchmarks.results import Finding
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.subjects.models.extraction import Extraction


def run(run: Run) -> Iterator[Finding | str]:
    sizes = run.sizes
    folder, read = checkpoint(run), texts(sizes.tokens)
    extraction = Extraction(load_checkpoint(folder, device=run.device), read, layers="all")

    def every_batch() -> None:
        for _ in extraction.batches():
            pass

    taken = seconds(every_batch, run.device, sizes.repeats)
    forward = seconds(forward_pass(folder, read, run.device, extraction.batch_tokens), run.device, sizes.repeats)
    yield Finding("extraction / bare forward pass", taken / forward)
    yield Finding(f"{len(extraction.index):,} rows of {len(extraction.layers)} layers", taken, "s")
    yield Finding("the bare forward pass over the same batches", forward, "s")
    yield Finding("padding", 100 * extraction.padding, "% of what is read")
