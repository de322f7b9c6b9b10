"""Consecutive rows: whether those that follow each other are more alike than others, as tokens of one sequence are."""

from __future__ import annotations

import warnings

import numpy as np

from geoscope.rows import Float64, FloatArray, Layer
from geoscope.subjects.embeddings.embeddings import Embeddings

_ROWS = 1024  # how many, the first ones, are looked at
_BYTES = 32 << 20  # fewer of them where rows are so wide that they would take more
_FEWEST = 50
_DEVIATIONS = 5.0  # passed by none of 39,600 sets of independent rows (50 to 1,024 of them, of nine distributions)


def warn_if_grouped(embeddings: Embeddings, layer: Layer) -> None:
    """Warn where the rows of a layer, of which nobody said whose they are, look grouped."""
    if embeddings.groups_known:
        return
    count = min(_ROWS, _BYTES // (8 * embeddings.hidden_size))
    found = why_grouped(embeddings.first_rows(layer, max(count, _FEWEST)))
    if found is not None:
        warnings.warn(found, stacklevel=2)


def why_grouped(rows: FloatArray) -> str | None:
    """A sentence where rows (n, d) look grouped though nobody says how; None where they don't, or are too few to tell.

    The test: the mean cosine (around the mean) of rows i and i + 1, against that of as many pairs drawn at random. Of
    independent rows the two means have one distribution, whatever it is.
    """
    if len(rows) < _FEWEST:
        return None
    directions = _directions(rows)
    if directions is None:
        return None
    near = _cosines(directions)
    far = _cosines(directions[np.random.default_rng(0).permutation(len(directions))])
    apart = float(near.mean() - far.mean())
    if not apart > _DEVIATIONS * np.sqrt((near.var() + far.var()) / len(near)):
        return None
    return (
        "the rows look grouped: those that follow each other are alike (mean cosine "
        f"{near.mean():z.2f} around the mean, others {far.mean():z.2f}), as tokens of one sequence are, and errors "
        "that take each row alone are then too small; say with --groups which sequence each row is of"
    )


def _directions(rows: FloatArray) -> Float64 | None:
    """The centred rows at length 1, centred again; None where there is nothing to be alike in."""
    block = rows.astype(np.float64)
    size = float(np.abs(block).max())
    if not (np.isfinite(size) and size > 0):
        return None
    block /= size  # squares of the largest rows would overflow
    block -= block.mean(axis=0)
    lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
    if not lengths.max() > 0:
        return None
    block /= np.where(lengths > 0, lengths, 1.0)[:, None]
    block -= block.mean(axis=0)
    return block


def _cosines(directions: Float64) -> Float64:
    """(n - 1,) of each row and the next."""
    found: Float64 = np.einsum("ij,ij->i", directions[:-1], directions[1:])
    return found
