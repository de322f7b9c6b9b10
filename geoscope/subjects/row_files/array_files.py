"""Array files: `.npy`, `.npz` and `.safetensors` as matrices that are read a block of rows at a time."""

from __future__ import annotations

import lzma
import mmap
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from geoscope.bounds import ARRAY_HEADER_BYTES, refuse_unpacked
from geoscope.errors import GeoscopeError, first_line
from geoscope.files import json_content
from geoscope.rows import FloatArray
from geoscope.subjects.tables.file_heads import refuse_other_contents

BLOCK_BYTES = 8 << 20
"""About how much of a matrix a block is."""

BFLOAT16_BITS = "bfloat16"
BFLOAT16 = np.dtype([(BFLOAT16_BITS, "<u2")])
"""bfloat16, which numpy has not: the upper half of a float32."""


_UNREADABLE = (
    ValueError,
    OSError,
    EOFError,
    OverflowError,
    MemoryError,
    TypeError,
    SyntaxError,
    TokenError,
    RecursionError,
)
"""What numpy raises for an array's header that is none: it reads it as Python."""


class Matrix(Protocol):
    """(n, d) finite or not, float32 or float64 when read, C-contiguous."""

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        """(first row, rows), in order."""
        ...

    def whole(self) -> FloatArray: ...


class StoredMatrix(Matrix, Protocol):
    """One that knows the dtype it is stored in: None where that is text, or there are several."""

    @property
    def stored(self) -> np.dtype[Any] | None: ...


@dataclass(frozen=True)
class ArrayMatrix:
    """An array in memory or memory-mapped; float16, bfloat16 and integers are cast as they are read."""

    array: npt.NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        return (int(self.array.shape[0]), int(self.array.shape[1]))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32) if self.array.dtype == BFLOAT16 else read_dtype(self.array.dtype)

    @property
    def stored(self) -> np.dtype[Any]:
        return self.array.dtype

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        rows, columns = self.shape
        step = max(1, BLOCK_BYTES // (columns * self.dtype.itemsize))
        for start in range(0, rows, step):
            refuse_cut_short(self.array)
            yield start, self._cast(self.array[start : start + step])

    def whole(self) -> FloatArray:
        return self.array if self.array.dtype == self.dtype else self._cast(self.array)

    def _cast(self, rows: npt.NDArray[Any]) -> FloatArray:
        if rows.dtype == BFLOAT16:
            return (rows[BFLOAT16_BITS].astype(np.uint32) << 16).view(np.float32)
        return np.ascontiguousarray(rows, dtype=self.dtype)


def matrix(array: npt.NDArray[Any], what: str) -> ArrayMatrix:
    """`array` as a Matrix; one of shape (n, 1, d) as (n, d).

    Raises GeoscopeError where it is no (n, d) of real numbers with a row and a column.
    """
    if array.ndim == 3 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 2:
        raise GeoscopeError(
            f"expected {what} to be a matrix of rows, shape (n, d), got {array.ndim} dimensions: {array.shape}; "
            "reshape it"
        )
    if array.dtype != BFLOAT16 and (array.dtype.kind not in "fiu" or array.dtype.itemsize > 8):
        raise GeoscopeError(
            f"expected {what} to hold float16, bfloat16, float32, float64 or integers, got {array.dtype}; convert it"
        )
    if 0 in array.shape:
        raise GeoscopeError(
            f"expected {what} to have at least one row and column, got the shape {array.shape}; save it again"
        )
    return ArrayMatrix(array)


def read_dtype(stored: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype rows are read in: float32 for float16, float32 and narrow integers, float64 for the rest."""
    narrow = stored.itemsize <= 2 or (stored.kind == "f" and stored.itemsize == 4)
    return np.dtype(np.float32 if narrow else np.float64)


def read_npy(path: Path) -> npt.NDArray[Any]:
    """A `.npy` file, memory-mapped, never unpickled."""
    refuse_other_contents(path, ".npy")
    try:
        with path.open("rb") as stream:
            _refuse_objects(_npy_header(stream)[1], str(path))
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    except _UNREADABLE as error:
        if path.stat().st_size and _is_empty_npy(path):
            return np.empty((0, 0), dtype=np.float32)
        deep = isinstance(error, MemoryError) and not str(error)  # Python's parser, of a header; mapping takes none
        told = "its header is nested too deep" if deep else first_line(error)
        raise GeoscopeError(
            f"expected an array as .npy, got {path}, which cannot be read: {told}; write it again"
        ) from (None if deep else error)
    if not isinstance(loaded, np.ndarray):
        raise GeoscopeError(f"expected an array as .npy, got an archive in {path}; name it .npz")
    return loaded


def refuse_cut_short(array: npt.NDArray[Any]) -> None:
    """Refuse a mapped file that has become shorter than its array: the system ends whoever reads where it was."""
    mapped = getattr(array, "_mmap", None)
    if mapped is None or not isinstance(array, np.memmap):
        return
    begun = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    if mapped.size() < begun + len(mapped):
        raise GeoscopeError(
            f"expected {array.filename} to stay as it is while it is read, got it cut short; let nothing write to it, "
            "and run again"
        )


def _refuse_objects(dtype: np.dtype[Any], what: str) -> None:
    if dtype.hasobject:
        raise GeoscopeError(
            f"expected numbers, got Python objects in {what}, which only a pickle would read; save one array of "
            "floats, shape (n, d)"
        )


def _is_empty_npy(path: Path) -> bool:
    """Whether the header says the array has no element (which cannot be mapped)."""
    with path.open("rb") as stream:
        try:
            return 0 in _npy_header(stream)[0]
        except _UNREADABLE:
            return False


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    size = stream.read(2 if version == (1, 0) else 4)
    if int.from_bytes(size, "little") > ARRAY_HEADER_BYTES:  # numpy would read as much before it looks at it
        raise ValueError(f"its header is said to take {int.from_bytes(size, 'little'):,} bytes")
    stream.seek(-len(size), 1)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype


@dataclass(frozen=True)
class Arrays:
    """The arrays of a file by name, each read when it is asked for."""

    names: tuple[str, ...]
    read: Callable[[str], npt.NDArray[Any]]


def read_npz(path: Path) -> Arrays:
    """The arrays of a `.npz`, after their sizes are found to be believable; one that is asked for comes into memory."""
    refuse_other_contents(path, ".npz")

    def read(name: str) -> npt.NDArray[Any]:
        _refuse_objects(kinds[name], f"'{name}' of {path}")
        with _npz_errors(path), np.load(path, allow_pickle=False) as loaded:
            array: npt.NDArray[Any] = loaded[name]
            return array

    with _npz_errors(path), zipfile.ZipFile(path) as archive:
        kinds = _believable(archive, path)
        return Arrays(tuple(kinds), read)


@contextmanager
def _npz_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (*_UNREADABLE, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise GeoscopeError(
            f"expected arrays as .npz, got {path}, which cannot be read: {first_line(error)}; write it again"
        ) from error


def _believable(archive: zipfile.ZipFile, path: Path) -> dict[str, np.dtype[Any]]:
    """The dtype of each array by name; refused where they would unpack to more than they can hold."""
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    refuse_unpacked(unpacked, path, "embeddings", packed)
    kinds: dict[str, np.dtype[Any]] = {}
    for entry in entries:
        with archive.open(entry) as stream:
            shape, dtype = _npy_header(stream)
        kinds[entry.filename.removesuffix(".npy")] = dtype
        if not dtype.hasobject and int(np.prod(shape, dtype=object)) * dtype.itemsize > entry.file_size:
            raise GeoscopeError(
                f"expected {entry.filename} of {path} to be as long as its shape {shape} says, got fewer bytes; "
                "the file is damaged: write it again"
            )
    return kinds


_SAFETENSORS_DTYPES = {"F16": np.dtype("<f2"), "BF16": BFLOAT16, "F32": np.dtype("<f4"), "F64": np.dtype("<f8")} | {
    f"{sign}{8 * size}": np.dtype(f"<{sign.lower()}{size}") for sign in "IU" for size in (1, 2, 4, 8)
}


def read_safetensors(path: Path) -> Arrays:
    """The arrays of a `.safetensors` file, memory-mapped; its header is checked by safetensors itself."""
    from safetensors import SafetensorError, safe_open

    refuse_other_contents(path, ".safetensors")
    try:
        with safe_open(path, framework="np"):
            pass
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header: Mapping[str, Any] = json_content(stream.read(length), once=True)
    except (SafetensorError, OSError, ValueError) as error:
        raise GeoscopeError(
            f"expected arrays as safetensors, got {path}, which cannot be read: {first_line(error)}; write it again"
        ) from error
    names = tuple(sorted(set(header) - {"__metadata__"}))
    return Arrays(names, lambda name: _mapped(path, name, header[name], 8 + length))


def _mapped(path: Path, name: str, entry: Mapping[str, Any], begun: int) -> npt.NDArray[Any]:
    """An array of a file whose arrays begin at a byte."""
    if entry["dtype"] not in _SAFETENSORS_DTYPES:
        raise GeoscopeError(
            f"expected numbers of 16 to 64 bits that numpy has, got {entry['dtype']} as '{name}' of {path}; "
            "save it as float32, float16 or bfloat16"
        )
    dtype, shape = _SAFETENSORS_DTYPES[entry["dtype"]], tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    if begin == end:
        return np.empty(tuple(min(each, 1) for each in shape), dtype)  # refused for it; a side may be beyond any array
    return np.memmap(path, dtype, mode="r", offset=begun + begin, shape=shape)
