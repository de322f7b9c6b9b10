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
from geoscope.subjects.array_files import Matrix, matrix
from geoscope.subjects.embeddings import Embeddings
from geoscope.subjects.groups import grouped, one_kind, ungrouped
from geoscope.subjects.packed_bits import refuse_packed

TAKEN = "an (n, d) array, tensor, data frame or list of rows, or a dict or list of such layers"
_LAYER = re.compile(r"^(?:layer[-_. ]?)?(\d+)$", re.IGNORECASE)


def object_embeddings(held: Any, *, groups: Any = None, name: str = "array") -> Embeddings:
    """Rows in memory as Embeddings.

    held: (n, d) rows: a numpy array or what numpy reads as one, a torch tensor of any floating dtype on any device, a
    list of n vectors, a data frame of numbers; or layers of n rows each: a dict from numbers (or layer-NN) to such
    rows, a list or tuple of 2-dimensional arrays, which are numbered from 0. groups: one label a row.
    Raises GeoscopeError for anything else, naming what came.
    """
    layers = _layers(held, name)
    rows = next(iter(layers.values())).shape[0]
    index = ungrouped(rows) if groups is None else grouped(held_labels(groups), rows, "groups")
    return Embeddings(layers, index, name=name, groups_known=groups is not None)


def _layers(held: Any, name: str) -> dict[Layer, Matrix]:
    if isinstance(held, Mapping):
        return _alike({_number(key): _rows(rows, f"layer {key!r}") for key, rows in held.items()})
    if isinstance(held, (list, tuple)) and held and all(_dimensions(each) == 2 for each in held):
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


def _number(key: Any) -> int:
    found = _LAYER.match(str(key)) if not isinstance(key, bool) else None
    if found is None:
        raise GeoscopeError(f"expected layers by number or as layer-NN, got the key {key!r}; rename it")
    return int(found[1])


def _rows(held: Any, what: str) -> Matrix:
    rows = matrix(array_of(held, what), what)
    refuse_packed(rows, what)
    return rows


def array_of(held: Any, what: str) -> npt.NDArray[Any]:
    """What numpy makes of some rows, with what it cannot make of a tensor, a frame, a column or a list of tensors."""
    if is_tensor(held):
        return of_tensor(held)
    if hasattr(held, "columns") and hasattr(held, "to_numpy"):
        return _of_frame(held, what)
    if hasattr(held, "toarray") and hasattr(held, "nnz"):
        raise GeoscopeError(f"expected dense rows, got a sparse {type(held).__name__} as {what}; give its toarray()")
    if isinstance(held, (str, bytes, Mapping)) or hasattr(held, "column_names"):
        raise GeoscopeError(f"expected {TAKEN}, got a {type(held).__name__} as {what}; give the rows themselves")
    if type(held).__module__.startswith("datasets."):  # a column, which is read when it is asked for
        held = held[:]
    if isinstance(held, (list, tuple)) and held and all(is_tensor(each) for each in held):
        held = [of_tensor(each) for each in held]
    if isinstance(held, (list, tuple)):
        _refuse_ragged(held, what)
    try:
        return np.asanyarray(held)
    except (ValueError, TypeError, RuntimeError) as error:
        raise GeoscopeError(
            f"expected {TAKEN}, got a {type(held).__name__} that numpy does not read as one: {first_line(error)}"
        ) from error


def of_tensor(tensor: Any) -> npt.NDArray[Any]:
    """A tensor's numbers, wherever they are and whether or not gradients are wanted; bfloat16 as float32."""
    import torch

    held = tensor.detach()
    if held.layout != torch.strided:
        raise GeoscopeError(f"expected dense rows, got a tensor of layout {held.layout}; give its to_dense()")
    if held.is_floating_point() and held.dtype not in (torch.float16, torch.float32, torch.float64):
        held = held.float()
    array: npt.NDArray[Any] = held.cpu().resolve_conj().resolve_neg().numpy()
    return array


def _of_frame(frame: Any, what: str) -> npt.NDArray[Any]:
    """A data frame's numbers; refused, by name, where a column has none."""
    kinds = dict(zip(map(str, frame.columns), map(str, frame.dtypes), strict=True))
    other = [name for name, kind in kinds.items() if not re.match(r"(?i)u?int|float|double", kind)]
    if other:
        raise GeoscopeError(
            f"expected a data frame of numbers alone as {what}, got {', '.join(other)} beside them; "
            "drop them, and give labels as groups"
        )
    array = np.asarray(frame.to_numpy())
    return np.asarray(frame.to_numpy(dtype="float64", na_value=np.nan)) if array.dtype.kind == "O" else array


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
    """Labels in memory as an array, in which a number and its digits as text are not one."""
    if isinstance(groups, (list, tuple)) and all(type(each) in (int, str) for each in groups):
        return one_kind(groups)
    return np.asarray(of_tensor(groups) if is_tensor(groups) else groups)


def is_tensor(held: Any) -> bool:
    torch = sys.modules.get("torch")  # not imported here: without it nothing is a tensor
    return torch is not None and isinstance(held, torch.Tensor)


def _dimensions(held: Any) -> int | None:
    """How many dimensions an array or tensor has; None of what is neither."""
    dimensions = getattr(held, "ndim", None)
    return dimensions if isinstance(dimensions, int) else None
