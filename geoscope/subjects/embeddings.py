"""Embeddings: rows on disk or in memory, where they came from, and the files they are read from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from geoscope.errors import GeoscopeError
from geoscope.rows import Batch, FloatArray, Layer, RowIndex
from geoscope.subjects.array_files import Matrix, matrix, read_npy, read_npz, read_safetensors
from geoscope.subjects.finiteness import non_finite_rows
from geoscope.subjects.groups import grouped, read_labels, ungrouped
from geoscope.subjects.parquet_files import ParquetMatrix
from geoscope.wording import listed

_LAYER = re.compile(r"^layer-(\d+)$")


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


def open_embeddings(path: str | Path, *, groups: str | None = None) -> Embeddings:
    """The embeddings in a `.npy`, `.npz`, `.safetensors` or `.parquet` file.

    groups: what says which sequence a row belongs to: a parquet column, an `.npz` or `.safetensors` key, or a
    file. Raises GeoscopeError when the file is missing, unreadable, not a matrix, or of several arrays
    without `layer-NN`.
    """
    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    matrices, labels = _read(path, suffix, groups)
    rows = next(iter(matrices.values())).shape[0]
    if groups is None:
        return Embeddings(matrices, ungrouped(rows), name=str(path), groups_known=False)
    if labels is None:
        if not Path(groups).expanduser().is_file():
            raise GeoscopeError(
                f"expected --groups to be a column or key of {path} or a file, got '{groups}'; give one of them"
            )
        labels = read_labels(Path(groups).expanduser(), rows)
    return Embeddings(matrices, grouped(labels, rows, f"--groups '{groups}'"), name=str(path))


def _read(path: Path, suffix: str, groups: str | None) -> tuple[dict[Layer, Matrix], npt.NDArray[Any] | None]:
    """The file's matrices by layer, and its own labels if `groups` names them."""
    if suffix == ".parquet":
        table = ParquetMatrix(path, groups=groups)
        return {None: table}, table.column(groups) if groups in table.names else None
    if suffix == ".npy":
        return {None: matrix(read_npy(path), str(path))}, None
    arrays = read_npz(path) if suffix == ".npz" else read_safetensors(path)
    labels = arrays.pop(groups, None) if groups is not None else None
    return _by_layer(arrays, path), labels


def _by_layer(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> dict[Layer, Matrix]:
    """One array is a cloud; several must be called layer-NN and have as many rows each."""
    numbers = {name: int(match[1]) for name in arrays if (match := _LAYER.match(name))}
    if not arrays:
        raise GeoscopeError(f"expected an array of rows, got none in {path}")
    if len(arrays) > 1 and len(set(numbers.values())) != len(arrays):
        raise GeoscopeError(
            f"expected one array, or one a layer called layer-NN, and perhaps the one that --groups names, got "
            f"{listed(sorted(arrays), 12)} in {path}; save those to measure by themselves"
        )
    if len(arrays) == 1:
        ((name, array),) = arrays.items()
        return {None: matrix(array, f"'{name}' of {path}")}
    matrices: dict[Layer, Matrix] = {
        numbers[name]: matrix(arrays[name], f"'{name}' of {path}") for name in sorted(arrays, key=numbers.__getitem__)
    }
    counts = {layer: rows.shape[0] for layer, rows in matrices.items()}
    if len(set(counts.values())) != 1:
        raise GeoscopeError(f"expected layers of as many rows each, got {sorted(set(counts.values()))} in {path}")
    return matrices
