"""Rows where torch computes, as local search quantization fits and searches them: all of a chunk at once.

Nothing is summed by atomic additions: counts and sums are products with one-hot codes, of sizes that depend on nothing
but the rows' own. So equal rows and codes give equal codebooks on one device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from geoscope.passes.quantizers.compiled_search import Float32
from geoscope.passes.quantizers.fitting import Tensor, crowded, solved
from geoscope.passes.quantizers.torch_search import Part, search_rows
from geoscope.passes.row_products import tensor_of

CHUNK_BYTES = 2**30
"""What the rows that are worked on at a time may take on the device beside the rows: their costs or their one-hot
codes, and copies."""


def bytes_fitted(codebooks: int, cells: int, d: int) -> int:
    """What a row takes of CHUNK_BYTES while codebooks are fitted to it."""
    return 9 * codebooks * cells + 16 * d


def bytes_searched(codebooks: int, cells: int, d: int, searches: int) -> int:
    """What a row takes of CHUNK_BYTES while so many searches go on for its codes."""
    return 4 * (codebooks * cells + d) + searches * (12 * cells + 64 * codebooks)


class TorchRows:
    """Rows of several problems, copied to a device: `PlacedRows` there.

    Fits are made problem by problem, and so are the products that costs come of: batched, they might be rounded
    otherwise. Searches, which give each row the same in any company, are joined as far as CHUNK_BYTES allows, and
    follow each other beyond: a device waits for their many small operations as long for one problem's rows as for all.
    P problems take memory for P tables, codes and binary costs; rows that are one array are there once.
    """

    def __init__(self, rows: Sequence[Float32], shifts: Sequence[Float32], cells: int, device: str) -> None:
        distinct = {id(each): each for each in rows}
        there = {name: tensor_of(each).to(device) for name, each in distinct.items()}
        self._rows = [there[id(each)] for each in rows]
        self._shifts = [torch.from_numpy(shift).to(device) for shift in shifts]
        self._cells = cells

    def fit(self, problem: int, codes: Tensor, *, exact: bool) -> Tensor:
        rows, shift = self._rows[problem], self._shifts[problem]
        codebooks, d = codes.shape[1], rows.shape[1]
        size, device = codebooks * self._cells, codes.device
        pairs = torch.zeros(size, size, dtype=torch.float64, device=device)
        chunks = list(_chunks(len(rows), bytes_fitted(codebooks, self._cells, d)))
        for chunk in chunks:
            onehot = self._onehot(codes[chunk], torch.float32)  # a chunk's counts are exact in it
            pairs += onehot.T @ onehot
        kind = torch.float64 if exact or crowded(codebooks, int(pairs.diagonal().max())) else torch.float32
        sums = torch.zeros(size, d, dtype=kind, device=device)
        for chunk in chunks:
            sums += self._onehot(codes[chunk], kind).T @ (rows[chunk].to(kind) - shift.to(kind))
        return solved(pairs.to(kind), sums)

    def refine(
        self, codes: Sequence[Tensor], tables: Sequence[Tensor], streams: Sequence[Sequence[int]], rounds: int
    ) -> list[Tensor]:
        norms = [torch.linalg.vecdot(each, each) for each in tables]
        binary = self._binary(tables)
        reached = [torch.empty(each.shape[:2], device=each.device) for each in codes]
        searches, _, codebooks = codes[0].shape
        for together in self._together(bytes_searched(codebooks, self._cells, tables[0].shape[1], searches)):
            parts = [Part(problem, range(chunk.start, chunk.stop), streams[problem]) for problem, chunk in together]
            unary = self._unary(parts, tables, norms).view(-1, codebooks, self._cells)
            given = torch.cat([codes[problem][:, chunk] for problem, chunk in together], dim=1)
            found, least = search_rows(unary, binary, given, parts, rounds)
            sizes = [len(part.rows) for part in parts]
            for (problem, chunk), better, cost in zip(
                together, found.split(sizes, dim=1), least.split(sizes, dim=1), strict=True
            ):
                codes[problem][:, chunk], reached[problem][:, chunk] = better, cost
        return reached

    def _binary(self, tables: Sequence[Tensor]) -> Tensor:
        """2 C'C of each problem, (M, P M K, K) as `search_rows` takes it."""
        size, codebooks = len(tables[0]), len(tables[0]) // self._cells
        binary = torch.empty(codebooks, len(tables) * size, self._cells, device=tables[0].device)
        for place, each in zip(binary.split(size, dim=1), tables, strict=True):
            place.copy_((each @ (2 * each.T)).view(size, codebooks, self._cells).transpose(0, 1))
        return binary

    def _unary(self, parts: Sequence[Part], tables: Sequence[Tensor], norms: Sequence[Tensor]) -> Tensor:
        """||C||^2 - 2 x'C of the parts' rows, (n, M K); one part's are held twice while they are joined."""

        def of(part: Part) -> Tensor:
            rows = self._rows[part.problem][part.rows.start : part.rows.stop] - self._shifts[part.problem]
            return torch.addmm(norms[part.problem], rows, tables[part.problem].T, alpha=-2)

        if len(parts) == 1:
            return of(parts[0])
        sizes = [len(part.rows) for part in parts]
        unary = torch.empty(sum(sizes), len(tables[0]), device=tables[0].device)
        for place, part in zip(unary.split(sizes), parts, strict=True):
            place.copy_(of(part))
        return unary

    def _onehot(self, codes: Tensor, kind: torch.dtype) -> Tensor:
        """(n, M K): 1 where a row holds a code, else 0."""
        cells = torch.arange(self._cells, device=codes.device)
        return (codes[..., None] == cells).to(kind).flatten(1)

    def _together(self, bytes_a_row: int) -> Iterator[list[tuple[int, slice]]]:
        """Chunks of problems, those searched at a time; each problem is cut as if it were alone."""
        most = _rows_at_once(bytes_a_row)
        together: list[tuple[int, slice]] = []
        count = 0
        for problem, rows in enumerate(self._rows):
            for chunk in _chunks(len(rows), bytes_a_row):
                size = chunk.stop - chunk.start
                if together and count + size > most:
                    yield together
                    together, count = [], 0
                together.append((problem, chunk))
                count += size
        yield together


def _chunks(rows: int, bytes_a_row: int) -> Iterator[slice]:
    size = _rows_at_once(bytes_a_row)
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def _rows_at_once(bytes_a_row: int) -> int:
    return max(1, CHUNK_BYTES // bytes_a_row)
