"""The whole job with a share of its tokens and points, on the device and on this machine's CPU."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.gpu.checkpoint import checkpoint, texts
from benchmarks.gpu.sections.whole_job import job, warmed
from benchmarks.gpu.settings import Run
from benchmarks.gpu.timing import seconds
from benchmarks.results import Finding


def run(run: Run) -> Iterator[Finding | str]:
    sizes = run.sizes
    folder, read = checkpoint(run), texts(sizes.tokens // sizes.cpu_share)
    points = sizes.points // sizes.cpu_share
    which = f"a job with 1/{sizes.cpu_share} of the tokens and of the points"
    warmed(folder, run, run.device, points)
    there = seconds(lambda: job(folder, read, run, run.device, points), run.device, warm=False)
    yield Finding(f"{which}, on the device", there, "s")
    warmed(folder, run, "cpu", points)
    here = seconds(lambda: job(folder, read, run, "cpu", points), "cpu", warm=False)
    yield Finding("CPU / device, time, of this smaller job", here / there)
    yield Finding(f"{which}, on the CPU", here, "s")
    yield "each was run once; what the whole job takes on the CPU was not measured, and is not to be had from this"
