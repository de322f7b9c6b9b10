"""The search for rows' codes where torch computes: `compiled_search.search_rows` for all rows at once.

Rows that have settled are searched on with the others: sweeps leave their codes as they are. Nothing here waits for
the device, so that it is never without work.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from geoscope.passes.quantizers.compiled_search import PERTURBATIONS, SWEEPS
from geoscope.passes.quantizers.fitting import Tensor


def signed(number: int) -> int:
    """The int64 of the same 64 bits as a whole number from 0 on: torch has no arithmetic of unsigned ones."""
    return (number + 2**63) % 2**64 - 2**63


_STEP = 0x9E3779B97F4A7C15
_LOW = 2**32 - 1


def search_rows(
    unary: Tensor, binary: Tensor, codes: Tensor, number: int, streams: Sequence[int], rounds: int
) -> tuple[Tensor, Tensor]:
    """What S iterated local searches make of codes (S, n, M) of rows number, number + 1, ...; what these cost, (S, n).

    unary: ||C||^2 - 2 x'C, float32 (n, M, K). binary: 2 C'C, float32 (M, M K, K): of a cell of each codebook with any
    vector. streams: what each search's random numbers are named by. Codes and costs are those of the compiled search
    of equal unary and binary costs, to the last bit.
    """
    costs = _Costs(unary, binary)
    cells, codebooks = unary.shape[2], unary.shape[1]
    best = codes.permute(2, 0, 1) + costs.firsts
    lowest = costs.of(best)
    states = _first_states(number, len(unary), streams, unary.device)
    for _ in range(rounds):
        trial = best.clone()
        count = min(PERTURBATIONS, codebooks)
        which, cell = _drawn(states, count, codebooks, cells)
        states += signed(count * _STEP)
        drawn = which * cells + cell
        for each in range(count):
            trial.scatter_(0, which[each : each + 1], drawn[each : each + 1])
        for _ in range(SWEEPS):
            for m in range(codebooks):
                torch.add(costs.cheapest(trial, m), m * cells, out=trial[m])
        cost = costs.of(trial)
        best = torch.where(cost < lowest, trial, best)
        lowest = torch.minimum(cost, lowest)
    return (best - costs.firsts).permute(1, 2, 0), lowest


class _Costs:
    """What codes cost. Places (M, S, n) are int64 numbers of vectors: a code of codebook m is m K further on.

    Terms are added in the order in which the compiled search adds them, so that equal places cost the same to the bit.
    """

    def __init__(self, unary: Tensor, binary: Tensor) -> None:
        self._unary, self._binary, self._cells = unary, binary, unary.shape[2]
        self.firsts = torch.arange(len(binary), device=unary.device)[:, None, None] * self._cells

    def of(self, places: Tensor) -> Tensor:
        """||x - x^||^2 - ||x||^2 of each row, (S, n)."""
        codes = places - self.firsts
        own = self._unary.permute(1, 0, 2)[:, None].take_along_dim(codes[..., None], dim=3)[..., 0]
        total = own[0].clone()
        for m in range(1, len(places)):
            total += own[m]
            for between in torch.take(self._binary[m], places[:m] * self._cells + codes[m]):
                total += between
        return total

    def cheapest(self, places: Tensor, m: int) -> Tensor:
        """The cell of codebook m that costs each row least given its other codes, the first of equals: (S, n)."""
        cost = self._unary[:, m]
        for other in _as_added([other for other in range(len(places)) if other != m]):
            between = self._binary[m].index_select(0, places[other].reshape(-1))
            cost = cost + between.view(*places.shape[1:], self._cells)
        return cost.argmin(dim=-1).expand(places.shape[1:])


def _as_added(others: Sequence[int]) -> list[int]:
    """The compiled search adds three codebooks at a time, the last of the three first."""
    return [other for start in range(0, len(others), 3) for other in reversed(others[start : start + 3])]


def _first_states(number: int, count: int, streams: Sequence[int], device: torch.device) -> Tensor:
    """(S, count) int64: where each row's random numbers begin."""
    names = torch.tensor([signed(stream) for stream in streams], device=device)
    return _mixed(names[:, None] + torch.arange(number, number + count, device=device) * signed(_STEP))


def _drawn(states: Tensor, count: int, codebooks: int, cells: int) -> tuple[Tensor, Tensor]:
    """The next `count` draws of each row, a codebook and a cell of it: (count, S, n) each."""
    steps = torch.arange(1, count + 1, device=states.device) * signed(_STEP)
    bits = _mixed(states + steps[:, None, None])
    return _shifted(bits, 32) % codebooks, (bits & _LOW) % cells


def _mixed(z: Tensor) -> Tensor:
    """The finaliser of splitmix64, of int64 whose products wrap around."""
    z = (z ^ _shifted(z, 30)) * signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * signed(0x94D049BB133111EB)
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, bits: int) -> Tensor:
    """Bits moved to the right, zeros moving in: torch's own shift of int64 keeps the sign."""
    return (z >> bits) & (2 ** (64 - bits) - 1)
