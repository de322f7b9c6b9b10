"""Packed bits: bytes that hold eight dimensions each, which measured as numbers would mean nothing."""

from __future__ import annotations

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.rows import FloatArray
from geoscope.subjects.row_files.array_files import StoredMatrix

_FEWEST = 512  # bytes, before their bits tell anything
_LARGEST = 255
_BALANCED = (0.3, 0.7)  # each bit's mean, of embeddings that were cut at 0
_INDEPENDENT = (0.4, 0.6)  # how often the two highest bits agree; of numbers they mostly do, or mostly do not


def refuse_packed(rows: StoredMatrix, what: str) -> None:
    """Refuse uint8, and whole numbers of a byte's range with bits as independent as packed ones."""
    if rows.stored == np.uint8:
        raise GeoscopeError(
            f"expected numbers, got bytes (uint8) in {what}, which may be packed bits; unpack them with "
            "numpy.unpackbits(rows, axis=1), or save them as float32 if each is a number"
        )
    if rows.stored is not None and rows.stored.kind not in "iu":
        return
    _, first = next(iter(rows.blocks()))
    if _look_packed(first):
        offset = " after adding 128, which sentence-transformers subtracts" if first.min() < 0 else ""
        raise GeoscopeError(
            f"expected numbers, got what looks like packed bits in {what}: whole numbers from {first.min():.0f} to "
            f"{first.max():.0f} whose bits are independent; unpack them with numpy.unpackbits(rows, axis=1){offset}, "
            "or save them as .npy of float32 if each is a number"
        )


def _look_packed(rows: FloatArray) -> bool:
    values = rows.ravel()
    if len(values) < _FEWEST or not np.isfinite(values).all() or (values != np.floor(values)).any():
        return False
    if values.min() < -128 or values.max() > _LARGEST or (values.min() < 0 and values.max() > 127):
        return False
    bits = np.unpackbits(values.astype(np.int64).astype(np.uint8)).reshape(-1, 8)
    means = bits.mean(axis=0)
    agree = float((bits[:, 0] == bits[:, 1]).mean())
    return bool(
        (means > _BALANCED[0]).all() and (means < _BALANCED[1]).all() and _INDEPENDENT[0] < agree < _INDEPENDENT[1]
    )
