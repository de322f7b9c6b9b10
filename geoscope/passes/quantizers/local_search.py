"""Local search quantization (LSQ), geoscope's own: the model and the search of FAISS's, several times faster.

A row x (d,) is rebuilt as the sum of one row from each of M codebooks C_m (K, d): x^ = sum_m C_m[c_m].
Training alternates, 25 times, between the codebooks (regularised least squares given the codes), noise on them that
dies out, and the codes (iterated local search around iterated conditional modes). The counts of iterations and the
noise are FAISS's defaults; the random streams are ours: codes equal FAISS's in distribution, not one by one.
Rows that were trained on get their final codes as the last step of training, searched from the codes that training
started with, as FAISS's encoder does through one seed for both: with few rows the codebooks fit what came of those
codes and hardly any others, and a search from elsewhere does not find it. Searched on from the codes of the last
iteration instead, the error is up to 5 times smaller, but the cells are filled more evenly than FAISS's, by 3 to 5
standard deviations of its seeds from 2,000 to 10,000 rows: patchiness would be another measure. Other rows are searched
from several starts.

On the CPU the search is compiled (`compiled_rows.py`), elsewhere torch computes where the rows are (`torch_rows.py`):
the same search by the same random numbers, of several trainings side by side. Costs are rounded otherwise there: where
that decides between two codes, the training ends with other codebooks, as good as these.

Where the time is saved: the normal equations are one Cholesky factor of pair counts, in float32 until the last
iteration (its error is far below the noise that is added to the codebooks right after); a codebook is searched again
only if another code of the row has changed since; the search is compiled to vector instructions; and everything is
computed around the rows' mean m, since distances are the same between x - m and C - m / M (float32 then resolves rows
far from the origin, and the penalty of the least squares pulls towards the mean: the error never exceeds the centred
energy, wherever the rows lie; FAISS's pulls towards the origin).

Papers: Martinez et al., "Revisiting additive quantization", ECCV 2016; "LSQ++", ECCV 2018.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from geoscope.passes.quantizers.compiled_rows import CompiledRows
from geoscope.passes.quantizers.compiled_search import Float32, Int32
from geoscope.passes.quantizers.fitting import Tensor
from geoscope.passes.quantizers.torch_rows import TorchRows
from geoscope.progress import Progress
from geoscope.torch_state import full_precision, runs_compiled, with_float64

ITERATIONS = 25
TRAINING_ROUNDS = 8
ENCODING_ROUNDS = 32  # of rows that were trained on; 16, which is FAISS's number, leaves its error 10 % above FAISS's
STARTS = 4  # of the search for codes of other rows
ROUNDS_A_START = 16
_BLOCK = 4096  # rows that are copied to float64 at a time


@dataclass(frozen=True, eq=False)
class Trained:
    """Codebooks around a centre: a row is rebuilt as centre + the sum of its M chosen rows of tables.

    tables: float32 (M, K, d); centre: float32 (d,), the mean of the rows trained on; codes: int32 (n, M), those that
    training ended with.
    """

    tables: Float32
    centre: Float32
    codes: Int32


class PlacedRows(Protocol):
    """Rows (n, d) around a shift of each of P problems, on a device: codes and tables are tensors of it.

    n may differ between problems; d, M and K are the same. B are the one-hot codes (n, M K).
    """

    def fit(self, problem: int, codes: Tensor, *, exact: bool) -> Tensor:
        """The codebooks, float32 (M K, d), of codes (n, M): (B'B + lambda I) C = B'(X - shift).

        exact: in float64; else in float32, unless cells are so full that lambda would be lost in them.
        """

    def refine(
        self, codes: Sequence[Tensor], tables: Sequence[Tensor], streams: Sequence[Sequence[int]], rounds: int
    ) -> list[Tensor]:
        """Search better codes, int32 (S, n, M) of each problem, in place: S searches, each of its own codes and stream.

        A row's search depends on nothing but the row, its number, its problem's codebooks, its codes and stream.
        ||x - x^||^2 less ||x||^2, x less the shift, is a sum over codebooks of unary costs ||C||^2 - 2 x'C and over
        pairs of 2 C'C. Returns it, (S, n) of each problem, for the codes found.
        """


def train(
    rows: Float32,
    codebooks: int,
    cells: int,
    seed: int,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
    what: str = "LSQ",
) -> Trained:
    """Codebooks trained on rows, float32 (n, d), and those rows' codes: `train_together` of one problem."""
    return train_together([(rows, seed)], codebooks, cells, device=device, progress=progress, what=what)[0]


def train_together(
    problems: Sequence[tuple[Float32, int]],
    codebooks: int,
    cells: int,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
    what: str = "LSQ",
) -> list[Trained]:
    """Of each problem, rows float32 (n, d) and a seed, the codebooks trained on the rows, and the rows' codes.

    n may differ between problems, d may not. device: where the work is done; on another than the CPU the problems'
    searches go side by side. progress is told of each iteration of `what`. Equal rows, sizes, seed and device give
    equal codebooks and codes, whatever else is trained beside. Memory there: that of the rows, one copy of each array,
    and P times that of tables (M K, d), of codes (n, M) and of 4 (M K)^2 bytes.
    """
    device = with_float64(device)
    rows, seeds = [rows for rows, _ in problems], [seed for _, seed in problems]
    generators = [np.random.default_rng([seed, 0]) for seed in seeds]
    starts = [
        rng.integers(0, cells, (1, len(each), codebooks), dtype=np.int32)
        for rng, each in zip(generators, rows, strict=True)
    ]
    distinct = {id(each): each for each in rows}
    moments = {name: _moments(each) for name, each in distinct.items()}
    shifts, deviations = zip(*(moments[id(each)] for each in rows), strict=True)
    size = codebooks * cells, rows[0].shape[1]
    with _at_work() as pool:
        placed = _placed(rows, shifts, cells, device, pool)
        codes = [torch.from_numpy(start.copy()).to(device) for start in starts]

        def draw() -> list[Future[Float32]]:
            return [pool.submit(rng.standard_normal, size, dtype=np.float32) for rng in generators]

        def fit(*, exact: bool) -> list[Tensor]:
            return [placed.fit(problem, each[0], exact=exact) for problem, each in enumerate(codes)]

        drawn = None
        for iteration in range(ITERATIONS):
            if progress is not None:
                progress(iteration, ITERATIONS, what)
            temperature = (1 - (iteration + 1) / ITERATIONS) ** 0.5
            if temperature == 0:  # the last fit: no codebooks would come of better codes
                tables = fit(exact=True)
                break
            drawn = draw() if drawn is None else drawn
            tables = fit(exact=False)
            noises = [each.result() for each in drawn]
            drawn = None if runs_compiled(device) else draw()  # threads are idle while a device searches
            for table, noise, deviation in zip(tables, noises, deviations, strict=True):
                noise *= deviation * np.float32(temperature / codebooks)
                table += torch.from_numpy(noise).to(device)
            placed.refine(codes, tables, [[_stream(seed, iteration)] for seed in seeds], TRAINING_ROUNDS)
        codes = [torch.from_numpy(start).to(device) for start in starts]
        placed.refine(codes, tables, [[_stream(seed, ITERATIONS)] for seed in seeds], ENCODING_ROUNDS)
        trained = [
            Trained(table.cpu().numpy().reshape(codebooks, cells, -1), shift, each[0].cpu().numpy())
            for table, shift, each in zip(tables, shifts, codes, strict=True)
        ]
    if progress is not None:
        progress(ITERATIONS, ITERATIONS, what)
    return trained


def encode(rows: Float32, trained: Trained, seed: int, *, device: str = "cpu") -> Int32:
    """Codes, int32 (n, M), of any rows (n, d): the best that searches from STARTS random ones find."""
    return encode_together([(rows, trained, seed)], device=device)[0]


def encode_together(problems: Sequence[tuple[Float32, Trained, int]], *, device: str = "cpu") -> list[Int32]:
    """`encode` of several rows, each with what was trained and a seed, side by side as `train_together` trains.

    M, K and d are the same for all.
    """
    (codebooks, cells, d), device = problems[0][1].tables.shape, with_float64(device)
    codes, streams = [], []
    for rows, _, seed in problems:
        rng = np.random.default_rng([seed, 1])
        drawn = [rng.integers(0, cells, (len(rows), codebooks), dtype=np.int32) for _ in range(STARTS)]
        codes.append(torch.from_numpy(np.stack(drawn)).to(device))
        streams.append([_stream(seed, ITERATIONS + 1 + start) for start in range(STARTS)])
    with _at_work() as pool:
        centres = [trained.centre for _, trained, _ in problems]
        placed = _placed([rows for rows, _, _ in problems], centres, cells, device, pool)
        tables = [
            torch.from_numpy(trained.tables).reshape(codebooks * cells, d).to(device) for _, trained, _ in problems
        ]
        reached = placed.refine(codes, tables, streams, ROUNDS_A_START)
        return [_best(*each) for each in zip(codes, reached, strict=True)]


def _best(codes: Tensor, reached: Tensor) -> Int32:
    """Of each row's codes (S, n, M) those that cost least (S, n), the first of equals: (n, M)."""
    least = reached.argmin(dim=0)
    best: Int32 = codes.take_along_dim(least[None, :, None], dim=0)[0].cpu().numpy()
    return best


@contextmanager
def _at_work() -> Iterator[ThreadPoolExecutor]:
    """Threads to work on, while float32 products are float32's."""
    with full_precision(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
        yield pool


def _placed(
    rows: Sequence[Float32], shifts: Sequence[Float32], cells: int, device: str, pool: ThreadPoolExecutor
) -> PlacedRows:
    if runs_compiled(device):
        return CompiledRows(rows, shifts, cells, pool)
    return TorchRows(rows, shifts, cells, device)


def _moments(rows: Float32) -> tuple[Float32, Float32]:
    """Mean and standard deviation (ddof 0) of each column, summed in float64, a block at a time."""
    mean = rows.mean(axis=0, dtype=np.float64)
    squares = np.zeros(rows.shape[1])
    for start in range(0, len(rows), _BLOCK):
        gaps = rows[start : start + _BLOCK] - mean
        squares += np.square(gaps, out=gaps).sum(axis=0)
    return mean.astype(np.float32), np.sqrt(squares / len(rows)).astype(np.float32)


def _stream(seed: int, iteration: int) -> int:
    """A 64-bit name of the random numbers of one refinement."""
    return int(np.random.SeedSequence([seed, 2, iteration]).generate_state(1, np.uint64)[0])
