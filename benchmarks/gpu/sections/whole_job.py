"""`geoscope.measure` of a checkpoint, every layer and every default measure, against its bare forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import geoscope
from benchmarks.gpu.checkpoint import checkpoint, texts
from benchmarks.gpu.forward import forward_pass
from benchmarks.gpu.outcomes import share
from benchmarks.gpu.phases import QUANTIZER, Phases
from benchmarks.gpu.settings import Run
from benchmarks.gpu.timing import seconds
from benchmarks.results import Finding
from geoscope.subjects.models.extraction import BATCH_TOKENS_CPU, BATCH_TOKENS_GPU


def job(folder: str, read: Sequence[str], run: Run, device: str, points: int, layers: str = "all") -> Any:
    """The report of it."""
    options = {"texts": read, "sequences": len(read), "points": points, "bits": run.sizes.bits}
    return geoscope.measure(folder, device=device, layers=layers, **options)


def warmed(folder: str, run: Run, device: str, points: int) -> None:
    """What the job imports, compiles and starts, by its last layer and little text."""
    job(folder, texts(run.sizes.few), run, device, points, "last")


def run(run: Run) -> Iterator[Finding | str]:
    sizes = run.sizes
    folder, read = checkpoint(run), texts(sizes.tokens)
    bare = forward_pass(folder, read, run.device, BATCH_TOKENS_CPU if run.device == "cpu" else BATCH_TOKENS_GPU)
    forward = seconds(bare, run.device, sizes.repeats)
    yield Finding("the bare forward pass over the same batches", forward, "s")
    warmed(folder, run, run.device, sizes.points)
    reports: list[Any] = []
    with Phases() as phases:
        taken = seconds(
            lambda: reports.append(job(folder, read, run, run.device, sizes.points)), run.device, warm=False
        )
    sample = reports[0].sample
    yield Finding(
        "job / bare forward pass and the job's quantizer", taken / (forward + phases.seconds[QUANTIZER]), at_most=3
    )
    yield Finding("job / bare forward pass", taken / forward)
    for part, spent in phases.seconds.most_common():
        yield share(f"of the job: {part}", spent / taken)
    yield Finding(f"the job: {sample.rows:,} rows of {sizes.layers + 1} layers, {sample.points:,} points", taken, "s")
    yield "the model's weights are random, and so are the words that it reads"
    yield "the job was run once, after a small one of its last layer; it loads the checkpoint, which the bare pass has"
    yield "a part's time is told where the device is waited for, not always where it was asked"
