"""Frozen codebooks: the cells that a patchiness loss counts in, constants until they are learnt anew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.quantizers.codebooks import Codebooks, QuantizerSettings, quantized
from geoscope.regularizers.points import Tensor, checked, largest
from geoscope.settings.measuring import MeasureChoice
from geoscope.settings.option import default_of
from geoscope.torch_state import full_precision

BLOCK_ROWS = 1024
"""Rows whose distances to every code are held at a time."""

_MOST_CODES = 4096  # of all codebooks: their products, a table of the square of this, are held
_SWEEPS = 100  # over the codebooks, of a search that ends much sooner


class Costs:
    """What a code costs: squared distance of a point to what is rebuilt with it, less what no code of it changes."""

    def __init__(self, tables: Tensor) -> None:
        self.codebooks, self.cells, _ = tables.shape
        self._tables = tables
        self._flat = tables.flatten(0, 1)
        self._norms = self._flat.square().sum(dim=1)
        self._pairs = 2.0 * (self._flat @ self._flat.T)

    def unary(self, points: Tensor) -> Tensor:
        """(n, M, K) of points (n, d): of each code alone."""
        return torch.addmm(self._norms, points, self._flat.T, alpha=-2.0).unflatten(1, (self.codebooks, self.cells))

    def given(self, unary: Tensor, codes: Tensor, m: int, others: range | None = None) -> Tensor:
        """(n, K): of codebook m, given the codes (n, M) of the others (all of them, unless told which)."""
        here = slice(m * self.cells, (m + 1) * self.cells)
        found = unary[:, m]
        for other in range(self.codebooks) if others is None else others:
            if other != m:
                found = found + self._pairs[other * self.cells + codes[:, other], here]
        return found

    def nearest(self, unary: Tensor) -> Tensor:
        """Codes (n, M) of points with these costs of single codes: each the best, given those of the other codebooks.

        From the codes that rebuild best one codebook after the other, each is chosen again until none changes: quick
        enough for a step of training, and short of the best that the quantizer's own search finds.
        """
        codes = torch.zeros(len(unary), self.codebooks, dtype=torch.int64, device=unary.device)
        for m in range(self.codebooks):
            codes[:, m] = self.given(unary, codes, m, range(m)).argmin(dim=1)
        for _ in range(_SWEEPS if self.codebooks > 1 else 0):
            before = codes.clone()
            for m in range(self.codebooks):
                codes[:, m] = self.given(unary, codes, m).argmin(dim=1)
            if torch.equal(codes, before):
                break
        return codes


@dataclass(frozen=True, eq=False)
class FrozenCodebooks:
    """M codebooks of K codes whose chosen codes add up to a point, in units of their own error.

    tables: float64 (M, K, d), the first one's mean taken out. centre: float64 (d,), that mean. unit: root mean squared
    distance of the points they were frozen with from their reconstructions, above 0. A point x is centre + unit * (the
    sum of a row of each table), about.
    """

    tables: Tensor
    centre: Tensor
    unit: float

    def scaled(self, points: Tensor) -> Tensor:
        """Points (n, d) about the centre, in units of the error, float64."""
        return (points.double() - self.centre.to(points.device)) / self.unit

    @cached_property
    def costs(self) -> Costs:
        """What each code costs a scaled point."""
        return Costs(self.tables)

    def to(self, device: Tensor) -> FrozenCodebooks:
        """The same on another device."""
        if self.tables.device == torch.device(device):
            return self
        return FrozenCodebooks(self.tables.to(device), self.centre.to(device), self.unit)


def frozen_codebooks(tables: Tensor, points: Tensor, *, centre: Tensor | None = None) -> FrozenCodebooks:
    """Codebooks of your own, frozen with the (n, d) points that tell how far codes are from what they stand for.

    tables: (M, K, d), or (K, d) of one codebook; of floats. centre: (d,), added to what they rebuild; None: 0.
    Raises GeoscopeError for other shapes, more than 4,096 codes, and where the codes rebuild every point exactly: a
    temperature has no unit then.
    """
    x, size = checked(points)
    books = torch.as_tensor(tables).detach().to(x.device).double()
    books = books[None] if books.ndim == 2 else books
    if books.ndim != 3 or 0 in books.shape or books.shape[2] != x.shape[1]:
        raise GeoscopeError(
            f"expected codebooks of shape (M, K, {x.shape[1]}), as the points are, got {tuple(books.shape)}"
        )
    if books.shape[0] * books.shape[1] > _MOST_CODES:
        raise GeoscopeError(
            f"expected at most {_MOST_CODES:,} codes in all codebooks, got {books.shape[0]} of {books.shape[1]}; take "
            "fewer bits"
        )
    size = max(size, largest(books))
    if not np.isfinite(size) or size == 0.0 or len(x) == 0:
        raise GeoscopeError("expected points and finite codes that are not all 0, got others")
    mean = books[0].mean(dim=0)
    books = torch.cat([books[:1] - mean, books[1:]])
    origin = mean if centre is None else mean + torch.as_tensor(centre).detach().to(mean)
    rough = FrozenCodebooks(books / size, origin, size)
    total = 0.0
    for block in rough.scaled(x.detach()).split(BLOCK_ROWS):
        codes = rough.costs.nearest(rough.costs.unary(block))
        left = block - sum(table[codes[:, m]] for m, table in enumerate(rough.tables))
        total += float(left.square().sum())
    error = (total / len(x)) ** 0.5
    if not error > 1e-12:
        raise GeoscopeError(
            "expected points that differ from their codes, for a temperature to have a unit; got points that the "
            "codebooks rebuild exactly: too few, or all alike"
        )
    return FrozenCodebooks(rough.tables / error, origin, size * error)


@full_precision()
def learn_codebooks(
    points: Tensor,
    *,
    quantizer: str = default_of(MeasureChoice, "quantizer"),
    codebooks: int = default_of(MeasureChoice, "codebooks"),
    bits: int = default_of(MeasureChoice, "bits"),
    seed: int = 0,
) -> FrozenCodebooks:
    """Codebooks learnt of (n, d) points as the measures learn them, and frozen with them.

    quantizer, codebooks, bits, seed: as of `geoscope.measures.patchiness`; 2^bits cells take as many points.
    Raises GeoscopeError where nothing can be learnt of the points.
    """
    settings = QuantizerSettings(quantizer, codebooks, bits, seed)
    x = checked(points)[0].detach()
    rows = x.cpu().float().numpy() if x.dtype != torch.float64 else x.cpu().numpy()
    try:
        books, _ = quantized(rows, settings, device=str(x.device))
    except Undefined as error:
        raise GeoscopeError(
            f"expected points that {settings} codebooks can be learnt of, got {len(x):,}: {error}"
        ) from error
    return as_frozen(books, x)


def as_frozen(books: Codebooks, points: Tensor) -> FrozenCodebooks:
    """A trained quantizer's codebooks, frozen with points (n, d)."""
    tables = books.tables
    if not books.additive:  # a product's codes stand in line: each is 0 where the others are
        m, k, part = tables.shape
        wide = np.zeros((m, k, m * part), dtype=tables.dtype)
        for place, table in enumerate(tables):
            wide[place, :, place * part : (place + 1) * part] = table
        tables = wide
    return frozen_codebooks(torch.from_numpy(tables), points, centre=torch.from_numpy(np.asarray(books.centre)))
