"""Paired rows: which rows of two embeddings are of the same token or sequence, and reading them side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geoscope.comparisons.matching import pair_layers
from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.moments import safe_scale
from geoscope.rows import Float64, FloatArray, IntArray, Layer, RowIndex, non_finite_rows
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.row_files.array_files import matrix

LayerPair = tuple[Layer, Layer]
"""A layer of the base and the layer of the candidate that it is held against."""

_BLOCK = 2048


@dataclass(frozen=True)
class PairedRows:
    """Two arrays, perhaps on disk, and which row of the one belongs to which of the other."""

    whole_x: FloatArray
    whole_y: FloatArray
    rows_x: IntArray
    rows_y: IntArray

    @classmethod
    def of(cls, x: FloatArray, y: FloatArray) -> PairedRows:
        """Row i with row i, after a look at the shapes and values."""
        x, y = (matrix(np.asarray(rows), "each space").whole() for rows in (x, y))
        if len(x) != len(y):
            raise GeoscopeError(
                f"expected two matrices with as many rows each, got shapes {x.shape} and {y.shape}; match their rows"
            )
        every = np.arange(len(x), dtype=np.int64)
        pair = cls(x, y, every, every)
        pair.check("the two matrices")
        return pair

    def __len__(self) -> int:
        return len(self.rows_x)

    @property
    def x(self) -> FloatArray:
        return self.whole_x[self.rows_x]

    @property
    def y(self) -> FloatArray:
        return self.whole_y[self.rows_y]

    def take(self, chosen: IntArray) -> PairedRows:
        return PairedRows(self.whole_x, self.whole_y, self.rows_x[chosen], self.rows_y[chosen])

    def blocks(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        for start in range(0, len(self), _BLOCK):
            part = slice(start, start + _BLOCK)
            yield self.whole_x[self.rows_x[part]], self.whole_y[self.rows_y[part]]

    def check(self, what: str) -> None:
        """GeoscopeError where a row is not finite."""
        broken = sum(non_finite_rows(x) + non_finite_rows(y) for x, y in self.blocks())
        if broken:
            raise GeoscopeError(f"expected finite rows, got NaN or infinity in {broken} rows of {what}; mend them")

    def centred(self) -> Iterator[tuple[Float64, Float64]]:
        """The blocks in float64 less their means, at a scale whose squares float64 can hold.

        Sums are taken from the first row on, so that constant rows come out as exact zeros.
        """
        if len(self) < 3:
            raise Undefined(f"it needs at least three rows in common, and there are {len(self)}")
        first = [
            whole[rows[:1]].astype(np.float64)
            for whole, rows in ((self.whole_x, self.rows_x), (self.whole_y, self.rows_y))
        ]
        total = [np.zeros(origin.shape) for origin in first]
        size = [0.0, 0.0]
        for blocks in self.blocks():
            for side, block in enumerate(blocks):
                moved = block - first[side]
                total[side] += moved.sum(axis=0)
                size[side] = max(size[side], float(np.abs(moved).max()))
        scale = [safe_scale(np.array([each])) for each in size]
        mean = [each / len(self) for each in total]
        for x, y in self.blocks():
            yield (x - first[0] - mean[0]) * scale[0], (y - first[1] - mean[1]) * scale[1]

    def normalised(self) -> tuple[Float64, Float64]:
        """Both (n, d), centred and of Frobenius norm 1."""
        blocks = list(self.centred())
        x, y = (np.concatenate([block[side] for block in blocks]) for side in (0, 1))
        norms = [float(np.linalg.norm(rows)) for rows in (x, y)]
        if 0.0 in norms:
            raise Undefined("all rows of one of the spaces are the same")
        return x / norms[0], y / norms[1]


def matched_rows(base: Embeddings, candidate: Embeddings) -> tuple[IntArray, IntArray]:
    """(rows of the base, rows of the candidate): row i of the one belongs to row i of the other; both (n,).

    Rows match by (sequence, position): tokens where both hold the same token there, pooled rows by their sequence
    alone. The rows of plain files match one by one where there are as many of them, in the same groups if any;
    that they are in the same order is the user's word. Raises Undefined, saying why, where rows do not match.
    """
    drawn = [embeddings.sample.get("fingerprint") for embeddings in (base, candidate)]
    if None not in drawn and drawn[0] != drawn[1]:
        raise Undefined(
            "other sequences were drawn for each of the two, so their rows do not match; draw both with the same "
            "--corpus, --sequences and --seed"
        )
    ours, theirs = base.index, candidate.index
    if _pooled(ours) != _pooled(theirs):
        raise Undefined("a row is a token in one and a whole sequence in the other; use the same --pooling for both")
    same_draw = None not in drawn
    if not same_draw and not (_holds_tokens(ours) and _holds_tokens(theirs)) and not _equal(ours, theirs):
        raise Undefined(
            f"nothing says which of the {len(ours):,} and {len(theirs):,} rows belong together; give as many rows in "
            "the same order and groups, or folders written by extract"
        )
    one, other = _common(ours, theirs)
    if len(one) == 0:
        raise Undefined("the two have no token of any sequence in common; extract both with the same --tokens")
    if (ours.token_ids[one] != theirs.token_ids[other]).any():
        raise Undefined(
            "the two read different tokens of the same text, so their rows do not match; "
            "use --pooling mean, cls or last, where a row is a sequence"
        )
    return one, other


def paired_layers(base: Embeddings, candidate: Embeddings, wanted: Sequence[LayerPair] | None) -> list[LayerPair]:
    """The pairs asked for; else as `pair_layers` says, or the only layer of each whatever its number.

    Raises GeoscopeError for a layer that is not there, and where no layer of one belongs to one of the other's.
    """
    if wanted is not None:
        for embeddings, place in ((base, 0), (candidate, 1)):
            missing = [pair[place] for pair in wanted if pair[place] not in embeddings.layers]
            if missing:
                raise GeoscopeError(
                    f"expected layers of {embeddings.name}, got {missing[0]}; it has {_listed(embeddings)}"
                )
        return list(wanted)
    if len(base.layers) == len(candidate.layers) == 1:
        return [(base.layers[0], candidate.layers[0])]
    found = pair_layers(base.layers, candidate.layers, (base.subject.get("layers"), candidate.subject.get("layers")))
    if not found:
        raise GeoscopeError(
            f"expected two subjects with a layer in common, got {_listed(base)} of {base.name} and "
            f"{_listed(candidate)} of {candidate.name}; extract --layers all of both"
        )
    return found


def _common(ours: RowIndex, theirs: RowIndex) -> tuple[IntArray, IntArray]:
    """Places of the (sequence, position) that both have, by sequence and position."""
    width = 2 + max(int(index.positions.max(initial=-1)) for index in (ours, theirs))
    keys = [index.sequences * width + index.positions + 1 for index in (ours, theirs)]
    _, one, other = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    return one.astype(np.int64), other.astype(np.int64)


def _pooled(index: RowIndex) -> bool:
    return len(index) > 0 and bool((index.positions < 0).all())


def _holds_tokens(index: RowIndex) -> bool:
    return bool((index.token_ids >= 0).any())


def _equal(ours: RowIndex, theirs: RowIndex) -> bool:
    return np.array_equal(ours.sequences, theirs.sequences) and np.array_equal(ours.positions, theirs.positions)


def _listed(embeddings: Embeddings) -> str:
    if embeddings.layers == (None,):
        return "one cloud without layers"
    return "layers " + ", ".join(str(layer) for layer in embeddings.layers)
