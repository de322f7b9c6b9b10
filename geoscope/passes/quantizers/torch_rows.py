"""Rows where torch computes, as local search quantization fits and searches them: all of a chunk at once.

Nothing is summed by atomic additions: counts and sums are products with one-hot codes, of sizes that depend on nothing
but the rows' own. So equal rows and codes give equal codebooks on one device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from geoscope.passes.quantizers.compiled_search import Float32
from geoscope.passes.quantizers.fitting import Tensor, crowded, solved
from geoscope.passes.quantizers.torch_search import search_rows
from geoscope.passes.row_products import tensor_of

CHUNK_BYTES = 2**30
"""What a chunk of rows may take on the device beside the rows: their costs or their one-hot codes, and copies."""


class TorchRows:
    """Rows, float32 (n, d), around a shift (d,), copied to a device: `PlacedRows` there."""

    def __init__(self, rows: Float32, shift: Float32, cells: int, device: str) -> None:
        self._rows = tensor_of(rows).to(device)
        self._shift = torch.from_numpy(shift).to(device)
        self._cells = cells

    def fit(self, codes: Tensor, *, exact: bool) -> Tensor:
        codebooks, d = codes.shape[1], self._rows.shape[1]
        size, device = codebooks * self._cells, codes.device
        pairs = torch.zeros(size, size, dtype=torch.float64, device=device)
        chunks = list(self._chunks(9 * size + 16 * d))
        for chunk in chunks:
            onehot = self._onehot(codes[chunk], torch.float32)  # a chunk's counts are exact in it
            pairs += onehot.T @ onehot
        kind = torch.float64 if exact or crowded(codebooks, int(pairs.diagonal().max())) else torch.float32
        sums = torch.zeros(size, d, dtype=kind, device=device)
        for chunk in chunks:
            sums += self._onehot(codes[chunk], kind).T @ (self._rows[chunk].to(kind) - self._shift.to(kind))
        return solved(pairs.to(kind), sums)

    def refine(self, codes: Tensor, tables: Tensor, streams: Sequence[int], rounds: int) -> Tensor:
        searches, n, codebooks = codes.shape
        size, d = tables.shape
        norms = torch.linalg.vecdot(tables, tables)
        between = tables @ (2 * tables.T)
        binary = between.view(size, codebooks, self._cells).transpose(0, 1).contiguous()
        reached = torch.empty(searches, n, device=tables.device)
        for chunk in self._chunks(4 * (size + d) + searches * (12 * self._cells + 64 * codebooks)):
            unary = torch.addmm(norms, self._rows[chunk] - self._shift, tables.T, alpha=-2)
            unary = unary.view(-1, codebooks, self._cells)
            found = search_rows(unary, binary, codes[:, chunk], chunk.start, streams, rounds)
            codes[:, chunk], reached[:, chunk] = found
        return reached

    def _onehot(self, codes: Tensor, kind: torch.dtype) -> Tensor:
        """(n, M K): 1 where a row holds a code, else 0."""
        cells = torch.arange(self._cells, device=codes.device)
        return (codes[..., None] == cells).to(kind).flatten(1)

    def _chunks(self, bytes_a_row: int) -> Iterator[slice]:
        size = max(1, CHUNK_BYTES // bytes_a_row)
        for start in range(0, len(self._rows), size):
            yield slice(start, min(start + size, len(self._rows)))
