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

Where the time is saved: the normal equations are one Cholesky factor of pair counts, in float32 until the last
iteration (its error is far below the noise that is added to the codebooks right after); a codebook is searched again
only if another code of the row has changed since; the search is compiled to vector instructions; and everything is
computed around the rows' mean m, since distances are the same between x - m and C - m / M (float32 then resolves rows
far from the origin, and the penalty of the least squares pulls towards the mean: the error never exceeds the centred
energy, wherever the rows lie; FAISS's pulls towards the origin).

Papers: Martinez et al., "Revisiting additive quantization", ECCV 2016; "LSQ++", ECCV 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from geoscope.passes.quantizers.compiled_search import LANES, Float32, Int32, add_rows, count_pairs, search_rows
from geoscope.progress import Progress

ITERATIONS = 25
TRAINING_ROUNDS = 8
ENCODING_ROUNDS = 32  # of rows that were trained on; 16, which is FAISS's number, leaves its error 10 % above FAISS's
STARTS = 4  # of the search for codes of other rows
ROUNDS_A_START = 16
REGULARIZATION = 0.01
_CROWDED = 4000  # B'B's largest eigenvalue, at most, up to which float32 resolves REGULARIZATION beside it
_CHUNK = 4096  # rows whose unary costs (4 M K bytes a row) are held at a time
_SLICE = 256  # rows a thread takes at a time


@dataclass(frozen=True, eq=False)
class Trained:
    """Codebooks around a centre: a row is rebuilt as centre + the sum of its M chosen rows of tables.

    tables: float32 (M, K, d); centre: float32 (d,), the mean of the rows trained on; codes: int32 (n, M), those that
    training ended with.
    """

    tables: Float32
    centre: Float32
    codes: Int32


def train(
    rows: Float32,
    codebooks: int,
    cells: int,
    seed: int,
    *,
    progress: Progress | None = None,
    what: str = "LSQ",
) -> Trained:
    """Codebooks trained on rows, float32 (n, d), and those rows' codes.

    progress is told of each iteration of `what`. Equal rows, sizes and seed give equal codebooks and codes.
    """
    n, d = rows.shape
    rng = np.random.default_rng([seed, 0])
    start = rng.integers(0, cells, (n, codebooks), dtype=np.int32)
    codes = start.copy()
    shift, deviations = _moments(rows)
    tables = np.zeros((codebooks * cells, d), dtype=np.float32)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for iteration in range(ITERATIONS):
            if progress is not None:
                progress(iteration, ITERATIONS, what)
            temperature = (1 - (iteration + 1) / ITERATIONS) ** 0.5
            if temperature == 0:  # the last fit: no codebooks would come of better codes
                tables = _fit(rows, codes, cells, shift, pool, exact=True)
                break
            drawn = pool.submit(rng.standard_normal, tables.shape, dtype=np.float32)
            tables = _fit(rows, codes, cells, shift, pool, exact=False)
            noise = drawn.result()
            noise *= deviations * np.float32(temperature / codebooks)
            tables += noise
            _refine(rows, codes, tables, shift, _stream(seed, iteration), TRAINING_ROUNDS, pool)
        codes = start
        _refine(rows, codes, tables, shift, _stream(seed, ITERATIONS), ENCODING_ROUNDS, pool)
    if progress is not None:
        progress(ITERATIONS, ITERATIONS, what)
    return Trained(tables.reshape(codebooks, cells, d), shift, codes)


def encode(rows: Float32, trained: Trained, seed: int) -> Int32:
    """Codes, int32 (n, M), of any rows (n, d): the best that searches from STARTS random ones find."""
    codebooks, cells, d = trained.tables.shape
    tables = trained.tables.reshape(codebooks * cells, d)
    rng = np.random.default_rng([seed, 1])
    best = np.empty((len(rows), codebooks), dtype=np.int32)
    least = np.full(len(rows), np.inf)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for start in range(STARTS):
            codes = rng.integers(0, cells, (len(rows), codebooks), dtype=np.int32)
            stream = _stream(seed, ITERATIONS + 1 + start)
            reached = _refine(rows, codes, tables, trained.centre, stream, ROUNDS_A_START, pool)
            better = reached < least
            best[better], least[better] = codes[better], reached[better]
    return best


def _moments(rows: Float32) -> tuple[Float32, Float32]:
    """Mean and standard deviation (ddof 0) of each column, summed in float64, a chunk at a time."""
    mean = rows.mean(axis=0, dtype=np.float64)
    squares = np.zeros(rows.shape[1])
    for start in range(0, len(rows), _CHUNK):
        gaps = rows[start : start + _CHUNK] - mean
        squares += np.square(gaps, out=gaps).sum(axis=0)
    return mean.astype(np.float32), np.sqrt(squares / len(rows)).astype(np.float32)


def _fit(rows: Float32, codes: Int32, cells: int, shift: Float32, pool: ThreadPoolExecutor, *, exact: bool) -> Float32:
    """The codebooks around shift, float32 (M K, d): (B'B + lambda I) C = B'(X - shift), B the one-hot codes (n, M K).

    exact: in float64; else in float32, unless cells are so full that lambda would be lost in them.
    """
    d, codebooks = rows.shape[1], codes.shape[1]
    size = codebooks * cells
    fullest = max(np.bincount(column).max() for column in codes.T)
    kind = np.float64 if exact or codebooks * fullest > _CROWDED else np.float32
    pairs = np.zeros((size, size), dtype=kind)
    count_pairs(codes, cells, pairs)
    pairs.flat[:: size + 1] += REGULARIZATION
    sums = np.zeros((size, d), dtype=kind)

    def add(first: int, last: int) -> None:
        add_rows(rows, codes, cells, shift, sums, first, last)

    _each_span(pool, add, [d * i // torch.get_num_threads() for i in range(torch.get_num_threads() + 1)])
    factor = torch.linalg.cholesky(torch.from_numpy(pairs))
    # two triangular solves are faster than cholesky_solve, and from the right they need no copies
    half = torch.linalg.solve_triangular(factor.T, torch.from_numpy(sums).T, upper=True, left=False)
    solved = torch.linalg.solve_triangular(factor, half, upper=False, left=False)
    tables: Float32 = solved.T.float().contiguous().numpy()
    return tables


def _refine(
    rows: Float32,
    codes: Int32,
    tables: Float32,
    shift: Float32,
    stream: np.uint64,
    rounds: int,
    pool: ThreadPoolExecutor,
) -> Float32:
    """Search better codes in place. A row's search depends on nothing but the row, its number, codes and stream.

    ||x - x^||^2 less ||x||^2, x less the shift, is a sum over codebooks of unary costs ||C||^2 - 2 x'C and over pairs
    of 2 C'C. Returns it, (n,), for the codes found.
    """
    codebooks, d = codes.shape[1], rows.shape[1]
    cells = len(tables) // codebooks
    width = -(-cells // LANES) * LANES
    dense = torch.zeros(codebooks, width, d)
    dense[:, :cells] = torch.from_numpy(tables).reshape(codebooks, cells, d)
    norms = torch.linalg.vecdot(dense, dense)
    norms[:, cells:] = torch.inf  # cells that only fill the last lanes
    flat = dense.reshape(codebooks * width, d)
    binary = torch.zeros(codebooks * width + 1, codebooks, width).numpy()  # torch's memory starts at a vector's edge
    torch.matmul(flat, 2 * flat.T, out=torch.from_numpy(binary[:-1]).reshape(len(flat), len(flat)))

    reached = np.empty(len(rows), dtype=np.float32)

    def refine(start: int) -> None:  # a function, so that a chunk's costs are gone before the next one's are made
        chunk = torch.from_numpy(rows[start : start + _CHUNK]) - torch.from_numpy(shift)
        unary = torch.addmm(norms.reshape(-1), chunk, flat.T, alpha=-2).numpy().reshape(-1, codebooks, width)

        def search(first: int, last: int) -> None:
            part = codes[start + first : start + last]
            least = reached[start + first : start + last]
            search_rows(unary, binary, part, least, cells, first, start + first, stream, rounds)

        _each_span(pool, search, [*range(0, len(unary), _SLICE), len(unary)])

    for start in range(0, len(rows), _CHUNK):
        refine(start)
    return reached


def _each_span(pool: ThreadPoolExecutor, do: Callable[[int, int], None], edges: Sequence[int]) -> None:
    """Call do(first, last) for consecutive edges, on the pool's threads."""
    for _ in pool.map(do, edges[:-1], edges[1:]):
        pass


def _stream(seed: int, iteration: int) -> np.uint64:
    """A 64-bit name of the random numbers of one refinement."""
    stream: np.uint64 = np.random.SeedSequence([seed, 2, iteration]).generate_state(1, np.uint64)[0]
    return stream
