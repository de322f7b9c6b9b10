"""Rows on the CPU, as local search quantization fits and searches them: compiled, on threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from geoscope.passes.quantizers.compiled_search import LANES, Float32, add_rows, count_pairs, search_rows
from geoscope.passes.quantizers.fitting import Tensor, crowded, solved

_CHUNK = 4096  # rows whose unary costs (4 M K bytes a row) are held at a time
_SLICE = 256  # rows a thread takes at a time


class CompiledRows:
    """`PlacedRows` on the CPU: one problem after another."""

    def __init__(
        self, rows: Sequence[Float32], shifts: Sequence[Float32], cells: int, pool: ThreadPoolExecutor
    ) -> None:
        self._rows, self._shifts, self._cells, self._pool = rows, shifts, cells, pool

    def fit(self, problem: int, codes: Tensor, *, exact: bool) -> Tensor:
        rows, shift = self._rows[problem], self._shifts[problem]
        held, d = codes.numpy(), rows.shape[1]
        size = held.shape[1] * self._cells
        fullest = max(np.bincount(column).max() for column in held.T)
        kind = np.float64 if exact or crowded(held.shape[1], fullest) else np.float32
        pairs = np.zeros((size, size), dtype=kind)
        count_pairs(held, self._cells, pairs)
        sums = np.zeros((size, d), dtype=kind)

        def add(first: int, last: int) -> None:
            add_rows(rows, held, self._cells, shift, sums, first, last)

        threads = torch.get_num_threads()
        self._each_span(add, [d * i // threads for i in range(threads + 1)])
        return solved(torch.from_numpy(pairs), torch.from_numpy(sums))

    def refine(
        self, codes: Sequence[Tensor], tables: Sequence[Tensor], streams: Sequence[Sequence[int]], rounds: int
    ) -> list[Tensor]:
        problems = zip(self._rows, self._shifts, codes, tables, streams, strict=True)
        return [self._refine(*problem, rounds) for problem in problems]

    def _refine(
        self, rows: Float32, shift: Float32, codes: Tensor, tables: Tensor, streams: Sequence[int], rounds: int
    ) -> Tensor:
        codebooks, d = codes.shape[2], rows.shape[1]
        width = -(-self._cells // LANES) * LANES
        dense = torch.zeros(codebooks, width, d)
        dense[:, : self._cells] = tables.reshape(codebooks, self._cells, d)
        norms = torch.linalg.vecdot(dense, dense)
        norms[:, self._cells :] = torch.inf  # cells that only fill the last lanes
        flat = dense.reshape(codebooks * width, d)
        binary = torch.zeros(codebooks * width + 1, codebooks, width).numpy()  # torch's memory is aligned to vectors
        torch.matmul(flat, 2 * flat.T, out=torch.from_numpy(binary[:-1]).reshape(len(flat), len(flat)))
        found, reached = codes.numpy(), np.empty(codes.shape[:2], dtype=np.float32)

        def refine(start: int) -> None:  # a function, so that a chunk's costs are gone before the next one's are made
            chunk = torch.from_numpy(rows[start : start + _CHUNK]) - torch.from_numpy(shift)
            unary = torch.addmm(norms.reshape(-1), chunk, flat.T, alpha=-2).numpy().reshape(-1, codebooks, width)

            def search(first: int, last: int) -> None:
                here = slice(start + first, start + last)
                for part, least, stream in zip(found[:, here], reached[:, here], streams, strict=True):
                    name = np.uint64(stream)
                    search_rows(unary, binary, part, least, self._cells, first, start + first, name, rounds)

            self._each_span(search, [*range(0, len(unary), _SLICE), len(unary)])

        for start in range(0, len(rows), _CHUNK):
            refine(start)
        return torch.from_numpy(reached)

    def _each_span(self, do: Callable[[int, int], None], edges: Sequence[int]) -> None:
        """Call do(first, last) for consecutive edges, on the pool's threads."""
        for _ in self._pool.map(do, edges[:-1], edges[1:]):
            pass
