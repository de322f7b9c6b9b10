"""Inputs: the files of cases, right ones and hostile ones, written from what the formats say and not by geoscope."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    to: str


@dataclass(frozen=True)
class HardLink:
    """A second name of a file."""

    of: str


@dataclass(frozen=True)
class Folder:
    """An empty folder."""


@dataclass(frozen=True)
class Pipe:
    """A named pipe that nobody writes into."""


@dataclass(frozen=True)
class Sparse:
    """A file that begins somehow and is then as long as it says, of zeros that take no room."""

    size: int
    begins: bytes = b""


@dataclass(frozen=True)
class Repeated:
    """A file of one piece again and again."""

    piece: bytes
    times: int
    begins: bytes = b""
    ends: bytes = b""


@dataclass(frozen=True)
class Packed:
    """A file of gzip that unpacks to so many zeros."""

    size: int


@dataclass(frozen=True)
class PackedArray:
    """An .npz whose one array unpacks to so many rows of 64 zeros."""

    rows: int


@dataclass(frozen=True)
class Made:
    """A file that a library writes: Python that is run with `path`, in a process of its own."""

    code: str


def put(folder: Path, files: Mapping[str, Any]) -> None:
    """Write a case's files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, Link):
            path.symlink_to(content.to)
        elif isinstance(content, HardLink):
            path.hardlink_to(folder / content.of)
        elif isinstance(content, Folder):
            path.mkdir()
        elif isinstance(content, Pipe):
            _pipe(path)
        elif isinstance(content, Made):
            subprocess.run([sys.executable, "-c", f"path = {str(path)!r}\n{content.code}"], check=True)
        elif isinstance(content, Packed):
            _packed(path, content.size)
        elif isinstance(content, PackedArray):
            _packed_array(path, content.rows)
        else:
            _large(path, content)


def _packed(path: Path, size: int) -> None:
    block = bytes(1 << 20)
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(size >> 20):
            file.write(block)


def _packed_array(path: Path, rows: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as file:
        file.write(header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 64), }}"))
        for _ in range(rows >> 12):
            file.write(bytes(64 * 4 << 12))


def _pipe(path: Path) -> None:
    import os

    os.mkfifo(path)


def _large(path: Path, content: Sparse | Repeated) -> None:
    with path.open("wb") as file:
        file.write(content.begins)
        if isinstance(content, Sparse):
            file.truncate(content.size)
        else:
            for _ in range(content.times):
                file.write(content.piece)
            file.write(content.ends)


# Results


def row(measure: str, value: float | None, layer: int | None = 2, **more: Any) -> dict[str, Any]:
    """One measurement."""
    reason = {} if value is not None else {"reason": "all rows are equal"}
    return (
        {
            "layer": layer,
            "measure": measure,
            "value": value,
            "standard_error": 0.01,
            "null": 0.5,
            "n": 1000,
            "reason": None,
        }
        | reason
        | more
    )


def report(*rows: dict[str, Any], name: str = "base", **parts: Any) -> dict[str, Any]:
    """A report as a dict: three measures of layers 1 and 2, or the rows that are given."""
    own = [row(key, value + layer / 100, layer) for layer in (1, 2) for key, value in VALUES.items()]
    made: dict[str, Any] = {
        "schema_version": "1",
        "geoscope_version": "0.1.0",
        "subject": {
            "name": name,
            "kind": "checkpoint",
            "architecture": "BertModel",
            "revision": None,
            "fingerprint": f"sha256:{name}",
            "parameters": 1000,
            "layers": 2,
            "hidden_size": 32,
        },
        "sample": {
            "corpora": [{"name": "sample", "fingerprint": "sha256:c", "sequences": 100}],
            "sequences": 100,
            "rows": 1000,
            "points": 1000,
            "pooling": "tokens",
            "max_length": 128,
            "seed": 0,
            "fingerprint": "sha256:draw",
        },
        "settings": {
            "measures": list(VALUES),
            "layers": "all",
            "tokens": "all",
            "split": None,
            "population": "endless",
            "isoscore_zeta": 0.0,
            "isoscore_reference": "scaled-identity",
            "two_nn_discard": 0.1,
            "duplicate_tolerance": 1e-5,
        },
        "measurements": list(rows) or own,
        "environment": {},
    }
    for part, value in parts.items():
        made[part] = {**made[part], **value} if isinstance(value, dict) else value
    return made


VALUES = {"anisotropy": 0.3, "isoscore": 0.2, "two_nn": 8.0}
"""What a made report says, and a hundredth a layer more."""


def text(content: Any) -> str:
    """JSON."""
    return json.dumps(content)


def without(content: dict[str, Any], *names: str) -> dict[str, Any]:
    """A dict less some keys."""
    return {name: value for name, value in content.items() if name not in names}


def nested(depth: int) -> str:
    """JSON so deep."""
    return "[" * depth + "]" * depth


# Arrays


def numbers(rows: int, columns: int, seed: int = 0) -> list[list[float]]:
    """Gaussian numbers."""
    generator = random.Random(seed)
    return [[generator.gauss(0, 1) for _ in range(columns)] for _ in range(rows)]


def packed(rows: Sequence[Sequence[float]], code: str = "f") -> bytes:
    """Numbers as bytes, little-endian."""
    flat = [number for each in rows for number in each]
    return struct.pack(f"<{len(flat)}{code}", *flat)


def npy(rows: Sequence[Sequence[float]] | None = None, code: str = "f", descr: str = "<f4") -> bytes:
    """A .npy of (n, d) numbers."""
    rows = numbers(300, 8) if rows is None else rows
    return header(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}") + packed(
        rows, code
    )


def header(said: str, version: bytes = b"\x01\x00") -> bytes:
    """What a .npy begins with."""
    room = 10 if version == b"\x01\x00" else 12
    padded = said.encode("latin1") + b" " * (-(len(said) + room + 1) % 64) + b"\n"
    length = struct.pack("<H" if room == 10 else "<I", len(padded))
    return b"\x93NUMPY" + version + length + padded


def labels(values: Sequence[int]) -> bytes:
    """A .npy of whole numbers, one a row."""
    said = f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({len(values)},), }}"
    return header(said) + struct.pack(f"<{len(values)}q", *values)


def zipped(members: Mapping[str, bytes | str], compressed: bool = False) -> bytes:
    """A zip archive, which an .npz is."""
    held = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(held, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


def safetensors(said: Any, data: bytes = b"") -> bytes:
    """A .safetensors of a header and data; a header that is text goes in as it is."""
    begin = (said if isinstance(said, str) else json.dumps(said)).encode()
    begin += b" " * (-len(begin) % 8)
    return struct.pack("<Q", len(begin)) + begin + data


def tensors(held: Mapping[str, tuple[Sequence[int], bytes]]) -> bytes:
    """A .safetensors of float32 arrays by name, each a shape and its bytes."""
    said, data = {}, b""
    for name, (shape, content) in held.items():
        said[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    return safetensors(said, data)


def csv(rows: int = 100, columns: int = 4, names: str = "") -> str:
    """A table of numbers with names above."""
    top = names or ",".join(f"dim_{place}" for place in range(columns))
    return "\n".join([top, *(",".join(f"{number:.4f}" for number in each) for each in numbers(rows, columns))]) + "\n"


def jsonl(rows: int = 100, columns: int = 4) -> str:
    """Records with a list each."""
    return "".join(json.dumps({"embedding": each}) + "\n" for each in numbers(rows, columns))


PARQUET = """
import numpy, pyarrow, pyarrow.parquet as pq
rows = numpy.random.default_rng(0).standard_normal((200, 4)).astype("float32")
table = pyarrow.table({"embedding": pyarrow.FixedSizeListArray.from_arrays(rows.ravel(), 4)})
"""
"""Python that makes a table of embeddings, before it is written to `path`."""


# Texts


WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "then", "ran", "off", "with", "dog", "who", "saw", "it", "all")
TEXTS = "".join(" ".join(random.Random(place).choices(WORDS, k=9)) + "\n" for place in range(60))
"""Sixty lines of nine words."""

MEASURE = "measure {} --measures isoscore,anisotropy --no-errors"
"""The quickest measurement there is."""

SCORES = "subject,task,score\n" + "".join(f"m{place},cola,{60 + place * place % 7}\n" for place in range(6))


def studied(count: int = 6) -> dict[str, str]:
    """Reports of several models, as files of the folder `reports`, whose scores are SCORES."""
    return {
        f"reports/m{place}.json": text(
            report(*(row(key, value + place / 50) for key, value in VALUES.items()), name=f"m{place}")
        )
        for place in range(count)
    }
