"""Groups: which sequence each row of an embeddings file belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError
from geoscope.rows import RowIndex
from geoscope.subjects.array_files import read_npy
from geoscope.subjects.encodings import read_text


def ungrouped(rows: int) -> RowIndex:
    """Each row a sequence of its own."""
    places = np.arange(rows, dtype=np.int64)
    return RowIndex(places, np.zeros(rows, dtype=np.int64), np.full(rows, -1, dtype=np.int64))


def grouped(labels: npt.NDArray[Any], rows: int, what: str) -> RowIndex:
    """Rows with equal labels are one sequence; numbered as their labels sort, their rows as they come.

    Raises GeoscopeError unless there is one integer or string label per row.
    """
    if labels.shape != (rows,):
        raise GeoscopeError(
            f"expected {what} to give one label per row, {rows} in all, got "
            f"{len(labels) if labels.ndim == 1 else f'the shape {labels.shape}'}"
        )
    if labels.dtype.kind == "O":
        labels = labels.astype(str)
    if labels.dtype.kind == "f" and (np.isfinite(labels) & (labels == np.floor(labels))).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iuUSb":
        raise GeoscopeError(f"expected {what} to give integers or strings as labels, got {labels.dtype}")
    _, sequences = np.unique(labels, return_inverse=True)
    order = np.argsort(sequences, kind="stable")
    counts = np.bincount(sequences)
    positions = np.empty(rows, dtype=np.int64)
    positions[order] = np.arange(rows) - np.repeat(np.cumsum(counts) - counts, counts)
    return RowIndex(sequences.astype(np.int64), positions, np.full(rows, -1, dtype=np.int64))


def read_labels(path: Path, rows: int) -> npt.NDArray[Any]:
    """The labels in a `.npy` array, or in a text file of one label a line (a header line is skipped)."""
    if path.suffix.lower() == ".npy":
        return np.asarray(read_npy(path))
    lines = [line.strip() for line in read_text(path, "groups").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    labels = np.array(lines[1:] if len(lines) == rows + 1 else lines, dtype=np.str_)
    try:
        return labels.astype(np.int64)
    except ValueError:
        return labels
