"""Objects: rows that are held in Python (arrays, tensors, lists, data frames, layers by name) as Embeddings."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError, first_line
from geoscope.rows import Layer
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.embeddings.packed_bits import refuse_packed
from geoscope.subjects.row_files.array_files import Matrix, matrix
from geoscope.subjects.row_files.frame_rows import frame_rows
from geoscope.subjects.row_files.groups import grouped, one_kind, ungrouped
from geoscope.subjects.row_files.table_rows import TableMatrix

TAKEN = "an (n, d) array, tensor, data frame or list of rows, or a dict or list of such layers"
_LAYER = re.compile(r"^(?:layer[-_. ]?)?(\d+)$", re.IGNORECASE)


def object_embeddings(held: Any, *, groups: Any = None, column: str | None = None, name: str = "array") -> Embeddings:
    """Rows in memory as Embeddings.

    held: (n, d) rows: a numpy array or what numpy reads as one, a torch tensor of any floating dtype on any device, a
    list of n vectors, or a data frame or table, of which `row_columns` tells which columns are the row; or layers of n
    rows each: a dict from numbers (or layer-NN) to such rows, a list or tuple of 2-dimensional arrays, which are
    numbered from 0. groups: one label a row, or a table's column of them. column: which of its columns holds the rows.
    Raises GeoscopeError for anything else, naming what came.
    """
    table = frame_rows(held, f"'{name}'")
    if table is not None:
        labels = groups if isinstance(groups, str) else None
        layers: dict[Layer, Matrix] = {None: TableMatrix(table, column=column, groups=labels)}
        groups = table.labels(groups) if isinstance(groups, str) else groups
    elif column is not None:
        raise GeoscopeError(
            f"expected column only with an embeddings file or a table, got it with a {type(held).__name__}"
        )
    else:
        layers = _layers(held, name)
    rows = next(iter(layers.values())).shape[0]
    index = ungrouped(rows) if groups is None else grouped(held_labels(groups), rows, "groups")
    return Embeddings(layers, index, name=name, groups_known=groups is not None)


def _layers(held: Any, name: str) -> dict[Layer, Matrix]:
    if isinstance(held, Mapping):
        numbers = [_number(key, held) for key in held]
        if len(set(numbers)) < len(numbers):
            raise GeoscopeError(f"expected each layer once, got {', '.join(map(repr, held))}; leave one out")
        return _alike({_number(key, held): _rows(rows, f"layer {key!r}") for key, rows in held.items()})
    if isinstance(held, (list, tuple)) and held and all(_dimensions(each) == 2 for each in held):
        if len(held) > 1 and all(each.shape[0] == 1 for each in held):  # n rows, each in a batch of its own
            return {None: _rows([each[0] for each in held], f"'{name}'")}
        return _alike({place: _rows(rows, f"layer {place}") for place, rows in enumerate(held)})
    return {None: _rows(held, f"'{name}'")}


def _alike(layers: dict[int, Matrix]) -> dict[Layer, Matrix]:
    """The layers in order, if there are some and they have as many rows each."""
    if not layers:
        raise GeoscopeError(f"expected {TAKEN}, got no layer at all; give one")
    counts = {each.shape[0] for each in layers.values()}
    if len(counts) > 1:
        told = ", ".join(f"{each.shape[0]} in layer {number}" for number, each in sorted(layers.items()))
        raise GeoscopeError(f"expected as many rows in every layer, got {told}; give the same rows of each")
    return {number: layers[number] for number in sorted(layers)}


def _number(key: Any, held: Mapping[Any, Any]) -> int:
    found = _LAYER.match(str(key)) if not isinstance(key, bool) else None
    if found is None:
        raise GeoscopeError(
            f"expected layers by number or as layer-NN, got a {type(held).__name__} with the key {key!r}; give the "
            "rows that stand under a key, or number the layers"
        )
    return int(found[1])


def _rows(held: Any, what: str) -> Matrix:
    rows = matrix(array_of(held, what), what)
    refuse_packed(rows, what)
    return rows


def array_of(held: Any, what: str) -> npt.NDArray[Any]:
    """What numpy makes of some rows, with what it cannot make of a tensor, a frame, a column or a list of tensors."""
    if is_tensor(held):
        return of_tensor(held)
    table = frame_rows(held, what)
    if table is not None:
        return TableMatrix(table).whole()
    if hasattr(held, "toarray") and hasattr(held, "nnz"):
        raise GeoscopeError(f"expected dense rows, got a sparse {type(held).__name__} as {what}; give its toarray()")
    if isinstance(held, (str, bytes, Mapping)) or hasattr(held, "column_names"):
        raise GeoscopeError(f"expected {TAKEN}, got a {type(held).__name__} as {what}; give the rows themselves")
    if type(held).__module__.startswith("datasets."):  # a column, which is read when it is asked for
        held = held[:]
    for listed in ("to_pylist", "to_list"):  # a column of pyarrow, pandas or polars
        held = getattr(held, listed)() if hasattr(held, listed) else held
    if isinstance(held, (list, tuple)) and held and all(is_tensor(each) for each in held):
        held = [of_tensor(each) for each in held]
    if isinstance(held, (list, tuple)):
        _refuse_ragged(held, what)
    try:
        array: npt.NDArray[Any] = np.asanyarray(held)
    except (ValueError, TypeError, RuntimeError, AttributeError, NotImplementedError) as error:
        raise GeoscopeError(
            f"expected {TAKEN}, got a {type(held).__name__} that numpy does not read as one: {first_line(error)}"
        ) from error
    if np.ma.isMaskedArray(array):
        hidden = int(np.ma.getmaskarray(array).sum())
        if hidden:
            raise GeoscopeError(f"expected a number everywhere in {what}, got {hidden} masked; fill or drop their rows")
        array = np.asarray(array)
    if array.dtype.names is not None:
        raise GeoscopeError(
            f"expected {TAKEN}, got records of the fields {', '.join(array.dtype.names)} as {what}; give "
            "numpy.lib.recfunctions.structured_to_unstructured of them"
        )
    if array.dtype.kind == "O" and array.ndim < 2:
        kind = type(held if array.ndim == 0 else array.flat[0] if array.size else held).__name__
        raise GeoscopeError(
            f"expected {TAKEN}, got {'a' if array.ndim == 0 else 'many'} {kind} as {what}; give vectors"
        )
    return array


def of_tensor(tensor: Any) -> npt.NDArray[Any]:
    """A tensor's numbers, wherever they are and whether or not gradients are wanted; bfloat16 as float32."""
    import torch

    held = tensor.detach()
    if held.layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc):
        raise GeoscopeError(f"expected dense rows, got a tensor of layout {held.layout}; give its to_dense()")
    try:
        if held.is_floating_point() and held.dtype not in (torch.float16, torch.float32, torch.float64):
            held = held.float()
        array: npt.NDArray[Any] = held.cpu().resolve_conj().resolve_neg().numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        kind = "without data (on meta)" if held.is_meta else f"{type(tensor).__name__} of {held.dtype}"
        raise GeoscopeError(
            f"expected a dense tensor of numbers, got one {kind}, which numpy does not read: {first_line(error)}; "
            "convert it"
        ) from error
    return array


def _refuse_ragged(rows: Sequence[Any], what: str) -> None:
    """A sentence for rows of unlike lengths, of which numpy speaks in its own words."""
    lengths = [len(row) if isinstance(row, (list, tuple)) or _dimensions(row) else None for row in rows]
    if len(set(lengths)) > 1:
        first = lengths[0]
        place = next(place for place, length in enumerate(lengths) if length != first)
        raise GeoscopeError(
            f"expected {first} numbers in every row of {what}, as row 0 has, got {lengths[place]} in row {place}; "
            "mend it"
        )


def held_labels(groups: Any) -> npt.NDArray[Any]:
    """One label a row, none missing; a number and its digits as text are not one."""
    if isinstance(groups, (str, Mapping)) or not hasattr(groups, "__iter__"):
        raise GeoscopeError(
            f"expected groups as one label a row, got a {type(groups).__name__}; give an array or a list of labels"
        )
    for listed in ("to_pylist", "to_list"):
        groups = getattr(groups, listed)() if hasattr(groups, listed) else groups
    if isinstance(groups, (list, tuple)) and all(type(each) in (int, str) for each in groups):
        return one_kind(groups)
    try:
        labels = np.asanyarray(of_tensor(groups) if is_tensor(groups) else groups)
    except (ValueError, TypeError, RuntimeError) as error:
        raise GeoscopeError(f"expected one label a row as groups, got {first_line(error)}; give a flat list") from error
    missing = int(np.ma.getmaskarray(labels).sum())
    if labels.dtype.kind == "O":
        missing += sum(
            str(each) in ("None", "nan", "NaT", "<NA>") for each in labels.ravel() if not isinstance(each, str)
        )
    if missing:
        raise GeoscopeError(f"expected a label for every row, got {missing} missing; fill them")
    return np.asarray(labels)


def is_tensor(held: Any) -> bool:
    torch = sys.modules.get("torch")  # not imported here: without it nothing is a tensor
    return torch is not None and isinstance(held, torch.Tensor)


def _dimensions(held: Any) -> int | None:
    """How many dimensions an array or tensor has; None of what is neither."""
    dimensions = getattr(held, "ndim", None)
    return dimensions if isinstance(dimensions, int) else None
