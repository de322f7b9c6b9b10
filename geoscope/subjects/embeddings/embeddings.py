"""Embeddings: rows on disk or in memory, and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import xxhash

from geoscope.errors import GeoscopeError
from geoscope.rows import Batch, FloatArray, Layer, RowIndex, non_finite_rows
from geoscope.subjects.row_files.array_files import Matrix
from geoscope.wording import listed


class Embeddings:
    """Matrices of the same n rows, one a layer, and who each row is (a Source). Read a block at a time.

    layers: increasing numbers, or (None,) for one cloud that is no layer of anything.
    subject, sample, settings: what `embeddings.json` says of an extracted folder; empty for a plain file.
    groups_known: whether somebody said which sequence a row is of; if not, each is one of its own in the index.
    """

    def __init__(
        self,
        matrices: Mapping[Layer, Matrix],
        index: RowIndex,
        *,
        name: str = "array",
        subject: Mapping[str, Any] | None = None,
        sample: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        groups_known: bool = True,
    ) -> None:
        self._matrices = dict(matrices)
        self._kept: object = None
        self.layers: tuple[Layer, ...] = tuple(matrices)
        self.index = index
        self.name = name
        self.subject = dict(subject or {})
        self.sample = dict(sample or {})
        self.settings = dict(settings or {})
        self.groups_known = groups_known

    @property
    def hidden_size(self) -> int:
        """d of the last layer."""
        return self._matrices[self.layers[-1]].shape[1]

    @property
    def itemsize(self) -> int:
        """Bytes of a number as it is read: 4 or 8."""
        return max(each.dtype.itemsize for each in self._matrices.values())

    def __repr__(self) -> str:
        layers = "" if self.layers == (None,) else f", layer{'s' * (len(self.layers) > 1)} {listed(self.layers, 12)}"
        return f"Embeddings: {self.name}, {len(self):,} rows of {self.hidden_size} dimensions{layers}"

    def __len__(self) -> int:
        return len(self.index)

    def keep(self, resource: object) -> None:
        """Hold on to what the rows need for as long as they are held (a temporary folder)."""
        self._kept = resource

    def rows(self, layer: Layer = None) -> FloatArray:
        """The (n, d) array of a layer, by default the only one; memory-mapped when it is a `.npy` on disk."""
        if layer is None and len(self.layers) == 1:
            layer = self.layers[0]
        if layer not in self._matrices:
            raise GeoscopeError(
                f"expected one of the layers {listed(self.layers, 12)} of '{self.name}', got {layer}; name one of them"
            )
        return self._matrices[layer].whole()

    def first_rows(self, layer: Layer, count: int) -> FloatArray:
        """The first rows of a layer, `count` or as many as there are; no block after them is read."""
        held: list[FloatArray] = []
        for start, block in self._matrices[layer].blocks():
            held.append(block[: count - start])
            if start + len(block) >= count:
                break
        return np.concatenate(held)

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """Every row of every asked layer once, layer after layer, in blocks of about 8 MB.

        Raises GeoscopeError naming the layer and how many of its rows are not finite.
        """
        for layer in self.layers if layers is None else tuple(layers):
            for start, block in self._matrices[layer].blocks():
                if non_finite_rows(block):
                    self._refuse_non_finite(layer)
                yield Batch(np.arange(start, start + len(block), dtype=np.int64), {layer: block})

    @cached_property
    def fingerprint(self) -> str:
        """ "sha256:..." over the XXH3-128 digest of each layer's name, dtype, shape and bytes, layers in order.

        SHA-256 of all the bytes would take longer than the measures of a large file.
        """
        digest = xxhash.xxh3_128()
        for layer, rows in self._matrices.items():
            name = "rows" if layer is None else f"layer-{layer:02d}"
            digest.update(f"{name}\0{rows.dtype}\0{rows.shape}\0".encode())
            for _, block in rows.blocks():
                digest.update(block.data)
        return f"sha256:{hashlib.sha256(digest.digest()).hexdigest()}"

    def _refuse_non_finite(self, layer: Layer) -> None:
        broken = sum(non_finite_rows(block) for _, block in self._matrices[layer].blocks())
        where = "" if layer is None else f" in layer {layer}"
        raise GeoscopeError(
            f"expected finite rows in '{self.name}', got NaN or infinite values in {broken} of its {len(self)} "
            f"rows{where}; remove or mend them"
        )
