"""The compiled part of local search quantization: sums over codes, and the search for a row's codes."""

# numba carries no types, so its decorators count as untyped; what they decorate is annotated
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped,unused-ignore]  # it carries none
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Int32 = npt.NDArray[np.int32]

SWEEPS = 4
PERTURBATIONS = 4
LANES = 16


@intrinsic
def _least_of_sum(_typing: Any, unary: Any, u: Any, binary: Any, a: Any, b: Any, c: Any, width: Any) -> Any:
    """The place of the least of unary[u:][:width] + binary[a:][:width] + binary[b:][:width] + binary[c:][:width].

    unary, binary: float32 arrays, read as flat; width: a multiple of LANES. Written in LLVM's own vectors, since numba
    compiles a search for a minimum to one number at a time: each of LANES lanes keeps the least it has met, and where,
    in registers, and the lanes are compared at the end. The first of equal places wins.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, place, size = ir.FloatType(), ir.IntType(32), ir.IntType(64)
        numbers, places = ir.VectorType(number, LANES), ir.VectorType(place, LANES)

        def filled(kind: Any, value: Any) -> Any:
            undefined = ir.Constant(kind, ir.Undefined)
            one = builder.insert_element(undefined, value, place(0))
            return builder.shuffle_vector(one, undefined, ir.Constant(places, [0] * LANES))

        def reduced(kind: Any, name: str, lanes: Any, **flags: Any) -> Any:
            function = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(kind, [lanes.type]), f"llvm.vector.reduce.{name}"
            )
            return builder.call(function, [lanes], **flags)

        def data(at: int) -> Any:
            return context.make_array(signature.args[at])(context, builder, arguments[at]).data

        starts = [builder.gep(data(0), [arguments[1]])] + [builder.gep(data(2), [arguments[k]]) for k in (3, 4, 5)]
        lowest = cgutils.alloca_once_value(builder, ir.Constant(numbers, [np.inf] * LANES))
        where = cgutils.alloca_once_value(builder, ir.Constant(places, [0] * LANES))
        with cgutils.for_range_slice(builder, size(0), arguments[6], size(LANES)) as (k, _):
            spots = [builder.bitcast(builder.gep(start, [k]), numbers.as_pointer()) for start in starts]
            total = functools.reduce(builder.fadd, [builder.load(spot, align=4) for spot in spots])
            lower = builder.fcmp_ordered("<", total, builder.load(lowest))
            here = filled(places, builder.trunc(k, place))
            builder.store(builder.select(lower, total, builder.load(lowest)), lowest)
            builder.store(builder.select(lower, here, builder.load(where)), where)
        least = reduced(number, f"fmin.v{LANES}f32", builder.load(lowest), fastmath=("nnan",))
        spot = builder.add(builder.load(where), ir.Constant(places, list(range(LANES))))
        hit = builder.fcmp_ordered("==", builder.load(lowest), filled(numbers, least))
        spot = builder.select(hit, spot, ir.Constant(places, [2**31 - 1] * LANES))
        return builder.sext(reduced(place, f"smin.v{LANES}i32", spot), size)

    int64 = types.int64
    return int64(unary, int64, binary, int64, int64, int64, int64), generate


@njit(nogil=True, cache=True)
def count_pairs(codes: Int32, cells: int, pairs: Float32 | Float64) -> None:
    """Add B'B to pairs (M K, M K): how many rows hold each two codes."""
    n, codebooks = codes.shape
    for i in range(n):
        for m in range(codebooks):
            for other in range(codebooks):
                pairs[m * cells + codes[i, m], other * cells + codes[i, other]] += 1


@njit(nogil=True, cache=True)
def add_rows(
    rows: Float32, codes: Int32, cells: int, shift: Float32, sums: Float32 | Float64, first: int, last: int
) -> None:
    """Add columns first to last of B'(X - shift) to sums (M K, >= d)."""
    n, codebooks = codes.shape
    centre = shift[first:last].astype(np.float64)
    away = np.empty_like(centre)
    for i in range(n):
        row = rows[i, first:last]
        for j in range(len(away)):
            away[j] = np.float64(row[j]) - centre[j]
        for m in range(codebooks):
            target = sums[m * cells + codes[i, m], first:last]
            for j in range(len(away)):
                target[j] += away[j]


@njit(nogil=True, cache=True)
def _mix(z: np.uint64) -> np.uint64:
    """The finaliser of splitmix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.uint64 = z ^ (z >> np.uint64(31))
    return mixed


@njit(nogil=True, cache=True)
def search_rows(
    unary: Float32,
    binary: Float32,
    codes: Int32,
    reached: Float32,
    cells: int,
    first: int,
    number: int,
    stream: np.uint64,
    rounds: int,
) -> None:
    """Iterated local search of the codes (n, M) of rows number, number + 1, ..., in place; their costs in reached.

    unary: ||C||^2 - 2 x'C, float32 (rows, M, W), these rows' from its row first on; binary: 2 C'C and a row of zeros,
    float32 (M W + 1, M, W); W >= K = cells. Each round overwrites PERTURBATIONS randomly drawn codes (one may be drawn
    twice) of the best found so far by random ones, then descends; the outcome is kept if its cost is less.
    """
    n, codebooks = codes.shape
    width = unary.shape[2]
    best, trial = np.empty(codebooks, dtype=np.int64), np.empty(codebooks, dtype=np.int64)
    stale = np.empty(codebooks, dtype=np.bool_)
    cost = np.empty(width, dtype=np.float32)
    for i in range(n):
        state = _mix(np.uint64(stream) + np.uint64(number + i) * np.uint64(0x9E3779B97F4A7C15))
        best[:] = codes[i]
        lowest = _objective(unary, binary, first + i, best)
        settled = False
        for _ in range(rounds):
            trial[:] = best
            for _ in range(min(PERTURBATIONS, codebooks)):
                state += np.uint64(0x9E3779B97F4A7C15)
                bits = _mix(state)
                m = np.int64((bits >> np.uint64(32)) % np.uint64(codebooks))
                trial[m] = np.int64((bits & np.uint64(0xFFFFFFFF)) % np.uint64(cells))
            ended = _descend(unary, binary, first + i, trial, best, settled, stale, cost)
            cost_of_trial = _objective(unary, binary, first + i, trial)
            if cost_of_trial < lowest:
                lowest, settled = cost_of_trial, ended
                best[:] = trial
        codes[i], reached[i] = best, lowest


@njit(nogil=True, cache=True)
def _objective(unary: Float32, binary: Float32, i: int, trial: Int64) -> np.float32:
    """||x - x^||^2 - ||x||^2 of row i under these codes."""
    total = np.float32(0)
    for m in range(len(trial)):
        total += unary[i, m, trial[m]]
        for other in range(m):
            total += binary[other * unary.shape[2] + trial[other], m, trial[m]]
    return total


@njit(nogil=True, cache=True)
def _descend(
    unary: Float32,
    binary: Float32,
    i: int,
    trial: Int64,
    best: Int64,
    settled: bool,
    stale: Flags,
    cost: Float32,
) -> bool:
    """Sweep over the codebooks, setting each code of trial to the cheapest given the others.

    Ends early where no code could change any more: none is stale (no other code has moved since it was set), or
    trial has come back to best, which an earlier descent left as it was (settled). Returns whether it ended so.
    """
    codebooks = len(trial)
    waiting = codebooks
    for m in range(codebooks):
        stale[m] = True
    for _ in range(SWEEPS):
        for m in range(codebooks):
            if not stale[m]:
                continue
            stale[m] = False
            waiting -= 1
            chosen = _cheapest(unary, binary, i, trial, m, cost)
            if chosen != trial[m]:
                trial[m] = chosen
                back = settled
                for other in range(codebooks):
                    stale[other] = other != m
                    back &= trial[other] == best[other]
                waiting = codebooks - 1
                if back:
                    return True
            if waiting == 0:
                return True
    return False


@njit(nogil=True, cache=True)
def _cheapest(unary: Float32, binary: Float32, i: int, trial: Int64, m: int, cost: Float32) -> int:
    """The cell of codebook m that costs row i least given its other codes; cost (W,) is room to work in."""
    codebooks, width = len(trial), unary.shape[2]
    zeros = codebooks * width * codebooks * width
    a = b = c = zeros
    taken = 0
    summed = False
    for other in range(codebooks):
        if other == m:
            continue
        if taken == 3:
            _add_three(unary, (i * codebooks + m) * width, binary, a, b, c, cost, summed)
            a = b = c = zeros
            taken, summed = 0, True
        a, b, c = ((other * width + trial[other]) * codebooks + m) * width, a, b
        taken += 1
    if summed:
        chosen: int = _least_of_sum(cost, 0, binary, a, b, c, width)
    else:
        chosen = _least_of_sum(unary, (i * codebooks + m) * width, binary, a, b, c, width)
    return chosen


@njit(nogil=True, cache=True)
def _add_three(unary: Float32, u: int, binary: Float32, a: int, b: int, c: int, cost: Float32, summed: bool) -> None:
    """Add three rows of binary to cost, or to the unary costs the first time: more than four codebooks."""
    tables, start = binary.reshape(-1), unary.reshape(-1)[u : u + len(cost)]
    for k in range(len(cost)):
        base = cost[k] if summed else start[k]
        cost[k] = base + tables[a + k] + tables[b + k] + tables[c + k]
