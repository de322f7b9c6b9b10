"""The search for rows' codes where torch computes: `compiled_search.search_rows` for all rows at once.

Rows that have settled are searched on with the others: sweeps leave their codes as they are. Nothing here waits for
the device, so that it is never without work. Rows of several problems, each with tables of its own, are searched as
rows of one: a row's search is gathers, additions and choices of the least, which no other row has a part in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from geoscope.passes.quantizers.compiled_search import PERTURBATIONS, SWEEPS
from geoscope.passes.quantizers.fitting import Tensor


def signed(number: int) -> int:
    """The int64 of the same 64 bits as a whole number from 0 on: torch has no arithmetic of unsigned ones."""
    return (number + 2**63) % 2**64 - 2**63


_STEP = 0x9E3779B97F4A7C15
_LOW = 2**32 - 1


@dataclass(frozen=True)
class Part:
    """Consecutive rows of one of P problems.

    problem: which, from 0 on. rows: their numbers within it. streams: what the random numbers of each of the S searches
    are named by.
    """

    problem: int
    rows: range
    streams: Sequence[int]


def search_rows(
    unary: Tensor, binary: Tensor, codes: Tensor, parts: Sequence[Part], rounds: int
) -> tuple[Tensor, Tensor]:
    """What S iterated local searches make of codes (S, n, M) of the parts' rows, n in all; what these cost, (S, n).

    unary: ||C||^2 - 2 x'C, float32 (n, M, K). binary: 2 C'C, float32 (M, P M K, K): of a cell of each codebook with any
    vector of its own problem, the problems one after another. Codes and costs are those of the compiled search of equal
    unary and binary costs, to the last bit, whatever parts are searched together.
    """
    _, codebooks, cells = unary.shape
    device = unary.device
    before = torch.cat(
        [torch.full((len(part.rows),), part.problem * codebooks * cells, device=device) for part in parts]
    )
    costs, draws = _Costs(unary, binary, before), _Draws(codebooks, cells, before, parts)
    best = codes.permute(2, 0, 1).contiguous() + costs.firsts
    lowest = costs.of(best)
    for _ in range(rounds):
        trial = best.clone()
        for which, place in zip(*draws.next(), strict=True):
            trial.scatter_(0, which[None], place[None])
        places = trial.unbind()
        for _ in range(SWEEPS):
            for m, place in enumerate(places):
                torch.add(costs.cheapest(places, m), costs.firsts[m], out=place)
        cost = costs.of(trial)
        best = torch.where(cost < lowest, trial, best)
        lowest = torch.minimum(cost, lowest)
    return (best - costs.firsts).permute(1, 2, 0), lowest


class _Costs:
    """What codes cost. Places (M, S, n) are int64 numbers of vectors: a code of codebook m is m K further on.

    before: (n,) how many vectors of other problems come before those of each row's.

    Terms are added in the order in which the compiled search adds them, so that equal places cost the same to the bit.
    """

    def __init__(self, unary: Tensor, binary: Tensor, before: Tensor) -> None:
        self._unary, self._between, self._cells = unary.unbind(1), binary.unbind(), unary.shape[2]
        self.firsts = torch.arange(len(binary), device=unary.device)[:, None, None] * self._cells + before

    def of(self, places: Tensor) -> Tensor:
        """||x - x^||^2 - ||x||^2 of each row, (S, n)."""
        codes = places - self.firsts
        total = torch.zeros(places.shape[1:], device=places.device)
        for m, code in enumerate(codes):
            total += self._unary[m].expand(len(code), -1, -1).gather(2, code[..., None])[..., 0]
            for between in torch.take(self._between[m], places[:m] * self._cells + code):
                total += between
        return total

    def cheapest(self, places: Sequence[Tensor], m: int) -> Tensor:
        """The cell of codebook m that costs each row least given its other codes, the first of equals: (S, n)."""
        cost = self._unary[m]
        for other in _as_added([other for other in range(len(places)) if other != m]):
            between = torch.nn.functional.embedding(places[other], self._between[m])
            cost = between.add_(cost) if cost is self._unary[m] else cost.add_(between)
        return cost.argmin(dim=-1).expand(places[m].shape)


def _as_added(others: Sequence[int]) -> list[int]:
    """The compiled search adds three codebooks at a time, the last of the three first."""
    return [other for start in range(0, len(others), 3) for other in reversed(others[start : start + 3])]


class _Draws:
    """Each row's own random numbers, a splitmix64 stream: which codes a round overwrites, and by what."""

    def __init__(self, codebooks: int, cells: int, before: Tensor, parts: Sequence[Part]) -> None:
        self._codebooks, self._cells, self._before = codebooks, cells, before
        self._states = torch.cat([_first_states(part, before.device) for part in parts], dim=1)
        count = min(PERTURBATIONS, codebooks)
        self._ahead = torch.arange(1, count + 1, device=before.device)[:, None, None] * signed(_STEP)

    def next(self) -> tuple[Tensor, Tensor]:
        """The codebooks whose codes to overwrite, in this order, and the places to put there: (count, S, n) each."""
        drawn = self._states + self._ahead
        self._states = drawn[-1]
        bits = _mixed(drawn)
        which = _shifted(bits, 32) % self._codebooks
        return which, torch.add(self._before + (bits & _LOW) % self._cells, which, alpha=self._cells)


def _first_states(part: Part, device: torch.device) -> Tensor:
    """Where the streams of a part's rows begin, (S, n)."""
    names = torch.tensor([signed(stream) for stream in part.streams], device=device)
    numbers = torch.arange(part.rows.start, part.rows.stop, device=device)
    return _mixed(names[:, None] + numbers * signed(_STEP))


def _mixed(z: Tensor) -> Tensor:
    """The finaliser of splitmix64, of int64 whose products wrap around."""
    z = (z ^ _shifted(z, 30)) * signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * signed(0x94D049BB133111EB)
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, bits: int) -> Tensor:
    """Bits moved to the right, zeros moving in: torch's own shift of int64 keeps the sign."""
    return (z >> bits) & (2 ** (64 - bits) - 1)
