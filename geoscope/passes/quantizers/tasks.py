"""What quantizers are given: rows that can be quantized, as float32 about an origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.rows import Float64, FloatArray

if TYPE_CHECKING:
    from geoscope.passes.quantizers.codebooks import QuantizerSettings

_LARGEST_ENERGY = 1e36  # of one row: float32 ends at 3.4e38, and sums of products of rows must stay below
_SMALLEST_ENERGY = 1e-30  # of the largest row: below, float32 products of what is left of a row lose their digits
BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, eq=False)
class Task:
    """Rows as they are given; as float32 about an origin those to train on and those to count: one array, or two."""

    rows: FloatArray
    settings: QuantizerSettings
    origin: Float64
    training: FloatArray
    counted: FloatArray

    @classmethod
    def of(cls, rows: FloatArray, settings: QuantizerSettings, train_on: FloatArray | None = None) -> Task:
        counted = _checked(rows, settings, "counted")
        training = counted if train_on is None else _checked(train_on, settings, "trained on")
        if training.shape[1] != counted.shape[1]:
            raise GeoscopeError(
                f"expected rows of {training.shape[1]} dimensions, as the quantizer was trained on, got rows of "
                f"{counted.shape[1]}; train and count on rows of the same width"
            )
        origin, again = _origin(training, settings), counted is training
        training = _single(training, origin)
        return cls(rows, settings, origin, training, training if again else _single(counted, origin))


def _origin(training: FloatArray, settings: QuantizerSettings) -> Float64:
    """(d,) what rows are quantized about: their mean, in float32 unless the rows are float64.

    Nothing for float32 rows under geoscope's LSQ, which takes their mean off itself, a block at a time, and for FAISS's
    own LSQ, which is given rows as they come.
    """
    if settings.kind == "lsq-faiss" or (settings.kind == "lsq" and training.dtype != np.float64):
        return np.zeros(training.shape[1])
    mean = training.mean(axis=0, dtype=np.float64)
    return np.asarray(mean.astype(_type_of(training)), dtype=np.float64)


def _type_of(rows: FloatArray) -> np.dtype[Any]:
    """What rows are subtracted in: float32, or float64 where they are."""
    return np.promote_types(rows.dtype, np.float32)


def _single(rows: FloatArray, origin: Float64) -> FloatArray:
    """Rows about an origin as C-contiguous float32."""
    return np.ascontiguousarray(rows - origin.astype(_type_of(rows)) if origin.any() else rows, dtype=np.float32)


def _checked(rows: FloatArray, settings: QuantizerSettings, role: str) -> FloatArray:
    """The rows, once nothing speaks against quantizing them."""
    if rows.ndim != 2 or not np.issubdtype(rows.dtype, np.floating):
        raise GeoscopeError(
            f"expected an (n, d) array of floats to quantize, got {rows.dtype} of shape {rows.shape}; pass rows"
        )
    n, d = rows.shape
    if n < settings.cells:
        raise Undefined(f"{n} rows are {role}, fewer than the quantizer's {settings.cells} cells")
    if settings.kind == "pq" and d % settings.codebooks:
        raise Undefined(f"a product quantizer cuts a row into {settings.codebooks} equal parts, and d = {d}")
    largest = max(float(np.einsum("ij,ij->i", block, block).max()) for block in blocks(rows))
    if not np.isfinite(largest):
        raise Undefined("the rows hold values that are not finite, or too large to square")
    if largest > _LARGEST_ENERGY:
        raise Undefined(f"a row's squared length is {largest:.3g}, beyond what float32 quantizers can sum")
    if largest < _SMALLEST_ENERGY:
        raise Undefined(f"the largest row's squared length is {largest:.3g}, below what float32 quantizers resolve")
    return rows


def blocks(rows: FloatArray) -> Iterator[FloatArray]:
    """The rows in order, a block of float64 at a time."""
    size = max(1, BLOCK_BYTES // (8 * max(1, rows.shape[1])))
    for start in range(0, len(rows), size):
        yield rows[start : start + size].astype(np.float64)
