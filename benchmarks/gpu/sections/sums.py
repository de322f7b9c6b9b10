"""The sums that are kept while rows stream by: against the products they are made of, and against the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.outcomes import share
from benchmarks.gpu.sections.rates import BATCH
from benchmarks.gpu.settings import Run, Sizes
from benchmarks.gpu.timing import product_rate, seconds, square_rate
from benchmarks.results import Finding
from geoscope.passes.gathering import GROUPS, gather
from geoscope.passes.moments import SINGLE_ROWS
from geoscope.rows import Batch, Layer, RowIndex
from geoscope.torch_state import runs_compiled


@dataclass
class HeldRows:
    """Rows of whole sequences, those of about one length in a batch, on the CPU (numpy's) or on a device (torch's)."""

    index: RowIndex
    held: list[Batch]
    layers: tuple[Layer, ...] = (None,)

    @classmethod
    def made(cls, sizes: Sizes) -> HeldRows:
        """Gaussian rows, numpy's."""
        generator = np.random.default_rng(0)
        middle = (sizes.shortest + sizes.longest) // 2
        lengths = np.sort(generator.integers(sizes.shortest, sizes.longest + 1, size=sizes.summed // middle))[::-1]
        ends = np.cumsum(lengths)
        names = np.repeat(generator.permutation(len(lengths)), lengths)
        within = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
        rows = generator.standard_normal((ends[-1], sizes.width), dtype=np.float32) + np.float32(0.5)
        batches, begin = [], 0
        while begin < len(rows):
            stop = int(ends[max(np.searchsorted(ends, begin + BATCH, side="right") - 1, 0)])
            batches.append(Batch(np.arange(begin, stop), {None: rows[begin:stop]}))
            begin = stop
        return cls(RowIndex(names, within, np.full(len(rows), -1)), batches)

    def on(self, device: str) -> HeldRows:
        """The same rows as tensors there."""
        moved: list[Any] = [
            Batch(batch.offsets, {None: torch.from_numpy(batch.rows[None]).to(device)}) for batch in self.held
        ]
        return HeldRows(self.index, moved)

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        yield from self.held


def run(run: Run) -> Iterator[Finding | str]:
    sizes = run.sizes
    here = HeldRows.made(sizes)
    there = here if runs_compiled(run.device) else here.on(run.device)
    taken = seconds(lambda: _gathered(there, sizes, run.device), run.device, sizes.repeats)
    n, d = len(here.index), sizes.width
    lengths = np.bincount(here.index.sequences).astype(np.float64)
    operations = 2 * (n + len(lengths)) * d**2 + 2 * float(lengths @ lengths) * d
    rate = operations / taken
    double, single = (square_rate(run.device, dtype, sizes.product) for dtype in (torch.float64, torch.float32))
    shaped = product_rate(run.device, torch.float64, d, min(BATCH, sizes.summed), d)
    yield share("share of DGEMM", rate / double, at_least=0.6)
    yield share("share of DGEMM in its own shape", rate / shaped)
    yield share("share of SGEMM", rate / single)
    yield Finding(f"{n:,} x {d} rows in {len(lengths):,} sequences, {GROUPS} groups", taken, "s")
    alone = seconds(lambda: _gathered(here, sizes, "cpu"), "cpu")
    yield Finding("CPU / device, time", alone / taken)
    yield Finding("on the CPU", alone, "s")
    yield (
        f"{operations:.3g} operations are counted: the products of rows (d x n x d) and of sequences' sums, whole, "
        f"and those within sequences. Below {SINGLE_ROWS:,} rows they are made in float64"
    )


def _gathered(source: HeldRows, sizes: Sizes, device: str) -> None:
    gather(source, source.layers, union=False, points=sizes.points, seed=0, parts=GROUPS, positions=True, device=device)
