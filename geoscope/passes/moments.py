"""One streamed sweep over rows: count, mean, covariance, unit-vector sum; mergeable.

Everything is summed in float64. So are the products within a block of rows, unless there are so many float32 rows that
their rounding averages out (`SINGLE_ROWS`): then a block's products are made in float32, at twice the speed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from geoscope.errors import Undefined
from geoscope.passes.asked_sums import ASKED, AskedSums, Block
from geoscope.passes.eigenvalues import eigenvalues, largest_eigenvalue
from geoscope.passes.rounding import check_spread, step_of
from geoscope.passes.row_products import (
    add_upper_products,
    largest_entry,
    mean_and_size,
    shifted,
    squared_lengths,
    symmetric,
    upper_products,
    weighted_sum,
)
from geoscope.passes.sequence_sums import SequenceSums, UnbiasedTraces
from geoscope.rows import Float64, FloatArray, IntArray, type_of
from geoscope.torch_state import multiplies_doubles_fast

BLOCK_ROWS = 4096
SINGLE_ROWS = 2**19
"""From so many float32 rows on, products within a block are made in float32: measures then move by under 1e-7.

Not below on any device: with few rows the zeros of a spectrum would become some 1e-8 of its largest, and rank measures
move by up to 2e-3. Nor on GPUs that multiply float64 as fast.
"""
_SAFE_SIZE = 1e60  # beyond this, fourth powers of a coordinate leave float64's range
_SAFE_SINGLE = 1e6  # and float32's, summed over many coordinates


@dataclass(frozen=True)
class Frame:
    """The shift and power-of-two scale in which sums are taken: y = (x - origin) * scale.

    Sums taken in one frame add up exactly as their rows would; a near-central origin keeps them accurate.
    single: whether products within a block are made in float32, by `sized` where it `resolves` the block; the origin is
    then a float32 number too.
    device: where sums are taken, and what is made of them.
    """

    origin: Float64
    scale: float = 1.0
    single: bool = False
    device: str = "cpu"

    @classmethod
    def around(cls, rows: Any, expected: int = 0, device: str = "cpu") -> Frame:
        """The frame of a first block of rows (m, d), an array or a tensor: its mean, and a scale only where squares
        would overflow.

        expected: how many rows are to come. device: as of Frame.
        """
        if not isinstance(rows, np.ndarray):
            origin, size = mean_and_size(rows)
            scale = scale_of(size)
        else:
            block = np.asarray(rows, dtype=np.float64)
            scale = safe_scale(block)
            origin = (block * scale).mean(axis=0) / scale
        many = expected >= SINGLE_ROWS and not multiplies_doubles_fast(device)
        single = many and type_of(rows) == np.float32 and scale == 1.0
        return cls(origin.astype(np.float32).astype(np.float64) if single else origin, scale, single, device)

    def resolves(self, size: float) -> bool:
        """Whether float32 holds fourth powers of shifted coordinates, where those as they are are of at most a size."""
        reach = size + float(np.abs(self.origin).max(initial=0.0))
        return 1.0 / _SAFE_SINGLE < reach < _SAFE_SINGLE

    def scaled(self, rows: FloatArray) -> FloatArray:
        """Rows (m, d), not shifted yet, in the precision that products are made in; a copy only where one is needed."""
        block: FloatArray = np.asarray(rows, dtype=np.float32 if self.single else np.float64)
        return block if self.scale == 1.0 else block * self.scale

    def sized(self, rows: FloatArray) -> tuple[FloatArray, float]:
        """The same, but in float64 what the frame does not resolve; and the rows' largest absolute coordinate, not
        scaled."""
        block = self.scaled(rows)
        size = largest_entry(block) / self.scale
        return (block if not self.single or self.resolves(size) else block.astype(np.float64)), size


def safe_scale(rows: FloatArray) -> float:
    """The power of two that brings rows to a size whose squares float64 can hold: 1 for all but extreme rows."""
    return scale_of(largest_entry(rows))


def scale_of(size: float) -> float:
    """The same by the rows' largest absolute coordinate."""
    if size == 0.0 or 1.0 / _SAFE_SIZE < size < _SAFE_SIZE:
        return 1.0
    return float(2.0 ** -np.clip(np.frexp(size)[1], -1000, 1000))


@dataclass
class Sums:
    """Running sums over rows in one frame; `add` rows, then ask for `moments`. All but size and step adds up.

    asked: which of ASKED to take too.
    """

    frame: Frame
    asked: frozenset[str] = frozenset()
    size: float = 0.0  # the largest coordinate seen, before shift and scale
    step: float = 0.0  # of the rows' floating-point type, the coarsest seen
    count: int = 0
    total: Float64 = field(init=False)
    products: Float64 = field(init=False)  # upper triangle only
    unit_count: int = 0
    unit_total: Float64 = field(init=False)
    first_count: int = 0
    first_total: Float64 = field(init=False)
    first_energy: float = 0.0
    sequences: SequenceSums = field(init=False)
    further: dict[str, AskedSums] = field(init=False)

    def __post_init__(self) -> None:
        d = len(self.frame.origin)
        self.sequences = SequenceSums(d)
        self.total, self.unit_total, self.first_total = np.zeros(d), np.zeros(d), np.zeros(d)
        self.products = np.zeros((d, d))
        self.further = {name: ASKED[name].empty(d) for name in self.asked}

    def add(
        self,
        rows: FloatArray,
        positions: IntArray | None = None,
        sequences: IntArray | None = None,
        layers: IntArray | None = None,
    ) -> None:
        """Take in rows (m, d) of whole sequences, the rows of one next to each other.

        sequences: (m,) which each row is of (None: each its own); positions: (m,) where in it, 0 the first; layers:
        (m,) of which layer, where they are of several.
        """
        starts = np.arange(len(rows)) if sequences is None else first_rows(sequences)
        for start, stop in blocks_of_sequences(starts, len(rows)):
            own = starts[(starts >= start) & (starts < stop)] - start
            who = (None if each is None else each[start:stop] for each in (sequences, positions, layers))
            self._add_block(rows[start:stop], own, *who)

    def _add_block(
        self,
        rows: FloatArray,
        starts: IntArray,
        sequences: IntArray | None,
        positions: IntArray | None,
        layers: IntArray | None,
    ) -> None:
        self.step = max(self.step, step_of(rows.dtype))
        (given, size), origin = self.frame.sized(rows), self.frame.origin * self.frame.scale
        self.size = max(self.size, size)
        block = shifted(given, origin)
        self._add_units(given, block, origin)
        self.count += len(block)
        self.total += weighted_sum(np.ones(len(block)), block)
        if len(starts) == len(block):  # every row is a sequence: its products are the sequences' too
            products = upper_products(block)
            self.products += products
            self.sequences.add_alone(block, products)
        else:
            add_upper_products(self.products, block)
            self.sequences.add(block, starts)
        if positions is not None:
            first = block[positions == 0].astype(np.float64)
            self.first_count += len(first)
            self.first_total += first.sum(axis=0)
            self.first_energy += float(np.vdot(first, first))
        if self.further:
            whole = Block(given, block, sequences, positions, layers, self.step)
            for sums in self.further.values():
                sums.add(whole)

    def _add_units(self, given: FloatArray, block: FloatArray, origin: Float64) -> None:
        """The unit vectors of the given rows, which are those of the block plus the origin."""
        lengths = np.sqrt(squared_lengths(given))
        nonzero = lengths > 0
        weights = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=nonzero)
        self.unit_count += int(nonzero.sum())
        self.unit_total += weighted_sum(weights, block) + float(weights.sum(dtype=np.float64)) * origin

    def __add__(self, other: Sums) -> Sums:
        """The sums of both's rows."""
        return self._combined(other, operator.add, Sums(self.frame, self.asked))

    def __iadd__(self, other: Sums) -> Sums:
        return self._combined(other, operator.iadd, self)

    def __sub__(self, other: Sums) -> Sums:
        """The sums of this one's rows without the other's, which must be among them."""
        return self._combined(other, operator.sub, Sums(self.frame, self.asked))

    def _combined(self, other: Sums, how: Callable[[Any, Any], Any], result: Sums) -> Sums:
        if not (np.array_equal(other.frame.origin, self.frame.origin) and other.frame.scale == self.frame.scale):
            raise ValueError("sums of different frames do not add up; build both from one Frame")
        result.size, result.step = max(self.size, other.size), max(self.step, other.step)
        for each in fields(self):
            if each.name not in ("frame", "asked", "size", "step", "further"):
                setattr(result, each.name, how(getattr(self, each.name), getattr(other, each.name)))
        result.further = {name: sums.combined(other.further[name], how) for name, sums in self.further.items()}
        return result

    def moments(self) -> Moments:
        """The moments of all rows taken in so far."""
        if self.count == 0:
            raise Undefined("there are no rows")
        shift = self.total / self.count
        scatter = symmetric(self.products - np.outer(self.total, shift))
        first = self.first_energy - 2.0 * float(shift @ self.first_total) + self.first_count * float(shift @ shift)
        return Moments(
            count=self.count,
            mean=self.frame.origin * self.frame.scale + shift,
            scatter=scatter,
            size=self.size,
            resolution=step_of(np.dtype(np.float64)) * self.size * self.frame.scale,
            step=self.step,
            scale=self.frame.scale,
            units=Units(self.unit_count, self.unit_total.copy()),
            traces=UnbiasedTraces(self.sequences, symmetric(self.products), self.total),
            first_count=self.first_count,
            first_energy=max(first, 0.0),
            further=dict(self.further),
            device=self.frame.device,
        )


@dataclass(frozen=True)
class Units:
    """The rows that are not zero, scaled to length 1: how many, and their sum (d,)."""

    count: int
    total: Float64


@dataclass(frozen=True)
class Moments:
    """What the spectral measures need of n rows in d dimensions, all lengths multiplied by `scale`.

    count: n.  mean: (d,).  scatter: (d, d), the sum of centred outer products.
    size: the largest absolute coordinate, not multiplied.
    resolution: how small a coordinate's difference means nothing in the arithmetic that was used.
    step: of the rows' floating-point type, relative: what rounding alone may put between equal rows.
    traces: estimates of (tr S)^2 and tr S^2 over rows of distinct sequences.
    first_count, first_energy: rows at position 0, and the sum of their squared distances to the mean.
    further: what of ASKED was taken too, or why there is none of it.
    device: where matrices are decomposed.
    """

    count: int
    mean: Float64
    scatter: Float64
    size: float
    resolution: float
    step: float
    scale: float
    units: Units
    traces: UnbiasedTraces
    first_count: int
    first_energy: float
    further: Mapping[str, AskedSums | Undefined] = field(default_factory=dict)
    device: str = "cpu"

    def taken(self, name: str) -> AskedSums:
        """The sums of ASKED by that name; raises Undefined where these rows have none."""
        if name not in self.further:
            raise ValueError(f"{name} was asked for of rows that were read without it")
        found = self.further[name]
        if isinstance(found, Undefined):
            raise found.anew()
        return found

    @property
    def dimension(self) -> int:
        return len(self.mean)

    @property
    def sequences(self) -> int:
        """How many sequences the rows are of."""
        count: int = round(self.traces.sums.sizes[0])
        return count

    @cached_property
    def energy(self) -> float:
        """The sum of squared distances to the mean; raises Undefined when all rows are equal up to rounding."""
        energy = float(np.trace(self.scatter))
        if self.count < 2:
            raise Undefined("there is only one row")
        if energy <= self.count * self.dimension * (8 * self.resolution) ** 2:
            raise Undefined("all rows are equal")
        check_spread(float(np.sqrt(energy / self.count)), float(np.linalg.norm(self.mean)), self.step)
        return energy

    @cached_property
    def covariance(self) -> Float64:
        """(d, d) with n - 1 in the denominator."""
        if self.count < 2:
            raise Undefined("there is only one row")
        return self.scatter / (self.count - 1)

    @cached_property
    def spectrum(self) -> Float64:
        """Eigenvalues of the scatter, largest first, (min(n, d),): those below rounding are exactly 0."""
        return spectrum_of(self.scatter / self.energy, min(self.count, self.dimension), self.device) * self.energy

    @cached_property
    def raw_spectrum(self) -> Float64:
        """Eigenvalues of the sum of x x', largest first, (min(n, d),): those below rounding are exactly 0."""
        return spectrum_of(self._raw_shares, min(self.count, self.dimension), self.device) * self.raw_energy

    @property
    def _raw_shares(self) -> Float64:
        """The uncentred second moments (the sum of x x') over their trace."""
        return (self.scatter + self.count * np.outer(self.mean, self.mean)) / self.raw_energy

    @cached_property
    def raw_energy(self) -> float:
        """The sum of squared lengths; raises Undefined when all rows are zero."""
        energy = float(np.trace(self.scatter)) + self.count * float(self.mean @ self.mean)
        if not energy > 0:
            raise Undefined("all rows are zero")
        return energy

    @property
    def raw_energies(self) -> Float64:
        """(d,) the sum of squares of each dimension."""
        return np.asarray(np.diag(self.scatter) + self.count * self.mean**2, dtype=np.float64)

    @cached_property
    def raw_largest(self) -> float:
        """The largest eigenvalue of the uncentred second moments (the sum of x x')."""
        return largest_eigenvalue(self._raw_shares, self.device) * self.raw_energy


def first_rows(sequences: IntArray) -> IntArray:
    """Where each run of rows of one sequence starts."""
    return np.flatnonzero(np.r_[True, sequences[1:] != sequences[:-1]])[: len(sequences)]


def blocks_of_sequences(starts: IntArray, rows: int, most: int = BLOCK_ROWS) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of at most so many rows that split no sequence; one longer than that goes alone."""
    bounds = np.r_[starts, rows]
    begin = 0
    while begin < rows:
        last = int(np.searchsorted(bounds, begin + most, side="right")) - 1
        stop = int(bounds[last])
        if stop <= begin:  # a sequence longer than a block
            stop = int(bounds[last + 1])
        yield begin, stop
        begin = stop


def spectrum_of(matrix: Float64, count: int, device: str = "cpu") -> Float64:
    """The largest eigenvalues (count,) of a positive semi-definite (d, d) matrix; those below rounding 0."""
    values = eigenvalues(matrix, device)[:count]
    floor = len(matrix) * float(np.finfo(np.float64).eps) * values[0]
    return np.where(values > floor, values, 0.0)
