"""Arrays: .npy, .npz, .safetensors, HDF5 and folders that extract wrote, damaged or made to harm."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterator
from math import inf, nan
from typing import Any

from hostile.case import DONE, MISTAKE, Case, refused, right
from hostile.folders import extracted, told_of_rows
from hostile.inputs import (
    MEASURE,
    Folder,
    Link,
    PackedArray,
    Pipe,
    Sparse,
    header,
    labels,
    npy,
    numbers,
    safetensors,
    tensors,
    text,
    zipped,
)

NPY = MEASURE.format("x.npy")
NPZ = MEASURE.format("x.npz")
TENSORS = MEASURE.format("x.safetensors")
ROWS = MEASURE.format("rows")
REFERENCE = "measure x.npy --measures isoscore_star --no-errors --isoscore-zeta 0.5 --isoscore-reference c.npy"

_WHOLE = npy()


def _said(shape: str, descr: str = "'<f4'", order: str = "False") -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}") + bytes(4096)


HEADERS: dict[str, bytes] = {
    "empty": b"",
    "its first bytes alone": b"\x93NUMPY",
    "half a header": _WHOLE[:40],
    "half of its rows": _WHOLE[:5000],
    "a version of no numpy": b"\x93NUMPY\x09\x00" + _WHOLE[8:],
    "a header of 4 GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(100),
    "a header that is no Python": header("{'descr': ") + bytes(100),
    "a header that calls": header("{'descr': __import__('os').system('touch pwned'), 'shape': (2, 2)}") + bytes(100),
    "a header of a list": header("[1, 2, 3]") + bytes(100),
    "a header without a shape": header("{'descr': '<f4', 'fortran_order': False}") + bytes(100),
    "a header of nested brackets": header("(" * 9000 + ")" * 9000) + bytes(100),
    "a header of minus signs": header("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "-" * 9000 + "1,)}")
    + bytes(100),
    "a header of NUL": header("\0" * 64) + bytes(100),
    "a header of other letters": b"\x93NUMPY\x03\x00" + struct.pack("<I", 64) + b"\xff" * 64 + bytes(100),
    "a shape below 0": _said("(-4, 8)"),
    "a shape of floats": _said("(4.0, 8)"),
    "a shape of texts": _said("('4', 8)"),
    "a shape of 2^63": _said(f"({2**63}, 8)"),
    "a shape whose product is too large": _said(f"({2**62}, {2**62})"),
    "a shape of 5,000 digits": _said(f"({'9' * 5000}, 8)"),
    "a shape of 2^40 rows": _said(f"({2**40}, 8)"),
    "a shape of 70 dimensions": _said(f"({'1, ' * 70})"),
    "one dimension": _said("(64,)"),
    "three dimensions": _said("(4, 4, 4)"),
    "no dimension": _said("()"),
    "no row": _said("(0, 8)"),
    "no column": _said("(8, 0)"),
    "texts": _said("(8, 4)", "'<U8'"),
    "objects": _said("(8, 4)", "'|O'"),
    "booleans": _said("(8, 4)", "'|b1'"),
    "complex numbers": _said("(8, 4)", "'<c8'"),
    "dates": _said("(8, 4)", "'<M8[s]'"),
    "an unknown type": _said("(8, 4)", "'<q9'"),
    "a type that is a number": _said("(8, 4)", "5"),
    "fields": _said("(8, 4)", "[('a', '<f4'), ('b', '<f4')]"),
    "fields that nest": _said("(8, 4)", "[('a', " * 900 + "'<f4'" + ")]" * 900),
    "an order that is a text": _said("(8, 4)", order="'no'"),
    "a pickle": pickle.dumps([1.0, 2.0]),
    "an archive": zipped({"x.npy": _WHOLE}),
    "a pointer of git-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
    "a page": b"<!DOCTYPE html><html></html>",
    "zeros": bytes(5000),
}


def cases() -> Iterator[Case]:
    """Every kind of array file."""
    yield from _npy()
    yield from _npz()
    yield from _safetensors()
    yield from _extracted()
    yield from _hdf5()


def _npy() -> Iterator[Case]:
    for name, content in HEADERS.items():
        yield refused(f"npy, {name}", NPY, "x.npy", files={"x.npy": content})
    rows = numbers(60, 4)
    values = {"NaN": nan, "infinity": inf}
    for name, value in values.items():
        yield refused(
            f"npy, {name} in a row",
            NPY,
            "row|finite|NaN|infinit",
            files={"x.npy": npy([[value, *rows[0][1:]], *rows[1:]])},
        )
    large = [[number * 1e300 for number in each] for each in rows]
    yield right("npy, rows of 1e300", NPY, codes=(DONE, MISTAKE), files={"x.npy": npy(large, "d", "<f8")})
    yield right(
        "npy, rows of 1e300, all measures",
        "measure x.npy --no-errors",
        codes=(DONE, MISTAKE),
        files={"x.npy": npy(large, "d", "<f8")},
    )
    yield right(
        "npy, rows of 1e-300",
        NPY,
        codes=(DONE, MISTAKE),
        files={"x.npy": npy([[n * 1e-300 for n in each] for each in rows], "d", "<f8")},
    )
    yield right(
        "npy, rows of 2e38",
        NPY,
        codes=(DONE, MISTAKE),
        files={"x.npy": npy([[n * 5e37 for n in each] for each in rows])},
    )
    yield right("npy, equal rows", NPY, "equal|reason|null", files={"x.npy": npy([rows[0]] * 50)})
    yield right("npy, rows of zeros", NPY, "reason|null|equal", files={"x.npy": npy([[0.0] * 4] * 50)})
    yield right("npy, one row", NPY, codes=(DONE, MISTAKE), files={"x.npy": npy(rows[:1])})
    yield right("npy, two rows, all measures", "measure x.npy", codes=(DONE, MISTAKE), files={"x.npy": npy(rows[:2])})
    yield right(
        "npy, one column, all measures",
        "measure x.npy",
        codes=(DONE, MISTAKE),
        files={"x.npy": npy([each[:1] for each in rows])},
    )
    yield right(
        "npy, big-endian",
        NPY,
        "isoscore",
        files={
            "x.npy": header("{'descr': '>f4', 'fortran_order': False, 'shape': (60, 4), }")
            + struct.pack(">240f", *(n for each in rows for n in each))
        },
    )
    yield right("npy, by columns", NPY, "isoscore", files={"x.npy": npy().replace(b"False", b"True ")})
    yield right("npy, bytes behind its rows", NPY, codes=(DONE, MISTAKE), files={"x.npy": npy() + b"more"})
    yield right(
        "npy, whole numbers",
        NPY,
        "isoscore",
        files={
            "x.npy": header("{'descr': '<i8', 'fortran_order': False, 'shape': (50, 4), }")
            + struct.pack("<200q", *(place * place % 31 for place in range(200)))
        },
    )
    yield refused("npy, a folder of that name", NPY, "x.npy", files={"x.npy": Folder()})
    yield refused("npy, a link that leads nowhere", NPY, "x.npy", files={"x.npy": Link("no.npy")})
    yield refused("npy, a link to itself", NPY, "x.npy", files={"x.npy": Link("x.npy")})
    yield refused("npy, a device", NPY, "x.npy", files={"x.npy": Link("/dev/zero")})
    yield refused("npy, memory of the process", NPY, "x.npy", files={"x.npy": Link("/proc/self/mem")})
    yield refused("npy, a pipe", NPY, "x.npy", files={"x.npy": Pipe()})
    yield refused(
        "npy, 2,000 rows of 200,000 columns of nothing",
        NPY,
        "memory|GB|finite|too|wide|zero|column",
        codes=(DONE, MISTAKE, 3),
        files={
            "x.npy": Sparse(
                1_600_000_128, header("{'descr': '<f4', 'fortran_order': False, 'shape': (2000, 200000), }")
            )
        },
        seconds=60,
        megabytes=2500,
    )
    groups = {
        "too few": labels(range(10)),
        "too many": labels(range(900)),
        "of two dimensions": npy(numbers(300, 2)),
        "of NaN": npy([[nan]] * 300),
        "of nothing": b"",
        "of text": b"\n" * 300,
        "of halves": header("{'descr': '<f8', 'fortran_order': False, 'shape': (300,), }")
        + struct.pack("<300d", *[0.5] * 300),
    }
    for name, content in groups.items():
        yield refused(
            f"groups {name}", NPY + " --groups g.npy", "groups|label|g.npy", files={"x.npy": npy(), "g.npy": content}
        )
    yield right(
        "groups",
        NPY + " --groups g.npy",
        "isoscore",
        files={"x.npy": npy(), "g.npy": labels([place // 5 for place in range(300)])},
    )
    for name, file in {
        "a missing file": "no.npy",
        "an empty name": "",
        "the rows themselves": "x.npy",
        "a folder": "d",
    }.items():
        yield refused(
            f"--groups, {name}", [*NPY.split(), "--groups", file], "groups|label", files={"x.npy": npy(), "d": Folder()}
        )
    yield refused("--column of a .npy", NPY + " --column a", "--column", files={"x.npy": npy()})
    yield refused(
        "a reference of another size",
        REFERENCE,
        "8",
        files={"x.npy": npy(), "c.npy": npy(numbers(5, 5))},
    )
    for name, content in {
        "of NaN": npy([[nan] * 8] * 8),
        "that is no array": b"[]",
        "that is a pickle": pickle.dumps(1),
        "of texts": HEADERS["texts"],
        "below zero": npy([[-1.0 if a == b else 0.0 for a in range(8)] for b in range(8)]),
    }.items():
        yield refused(
            f"a reference {name}",
            REFERENCE,
            "reference|c.npy",
            files={"x.npy": npy(), "c.npy": content},
        )


def _npz() -> Iterator[Case]:
    good = {"a.npy": _WHOLE}
    whole = zipped(good, compressed=True)
    wrong = {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "no array": zipped({}),
        "a text within": zipped({"a.npy": "hello"}),
        "objects within": zipped({"a.npy": HEADERS["objects"]}),
        "a pickle within": zipped({"a.npy": pickle.dumps(1)}),
        "a shape longer than its bytes": zipped({"a.npy": HEADERS["a shape of 2^40 rows"]}),
        "a hostile header within": zipped({"a.npy": HEADERS["a header that calls"]}),
        "a shape of 5,000 digits within": zipped({"a.npy": HEADERS["a shape of 5,000 digits"]}),
        "two arrays": zipped({"a.npy": _WHOLE, "b.npy": _WHOLE}),
        "damaged bytes": whole[:100] + b"\xff" * 50 + whole[150:],
        "a path upwards": zipped({"../../a.txt": "x"}),
        "an archive within": zipped({"a.zip": whole}),
        "a .npy": _WHOLE,
        "layers of unequal rows": zipped({"layer-01.npy": _WHOLE, "layer-02.npy": npy(numbers(20, 8))}),
    }
    for name, content in wrong.items():
        yield refused(f"npz, {name}", NPZ, "x.npz", files={"x.npz": content})
    yield refused("npz, a bomb", NPZ, "x.npz", "unpack", files={"x.npz": PackedArray(1 << 21)})
    yield refused("npz, a column that is not there", NPZ + " --column b", "'b'|b", "a", files={"x.npz": whole})
    yield refused("npz, groups that are not there", NPZ + " --groups b", "b", files={"x.npz": whole})
    yield right("npz", NPZ, "isoscore", files={"x.npz": whole})
    yield right(
        "npz with groups",
        NPZ + " --groups s",
        "isoscore",
        files={"x.npz": zipped(good | {"s.npy": labels(range(300))})},
    )


def _safetensors() -> Iterator[Case]:
    data = bytes(32)
    wrong = {
        "empty": b"",
        "eight bytes": bytes(8),
        "a header beyond the file": struct.pack("<Q", 1 << 40) + b"{}",
        "a header of 2^64": b"\xff" * 8 + b"{}",
        "a header that is no JSON": safetensors("{'a'", data),
        "a header of a list": safetensors("[]", data),
        "no array": safetensors({}),
        "an unknown type": safetensors({"a": {"dtype": "F3", "shape": [2, 4], "data_offsets": [0, 32]}}, data),
        "a shape below 0": safetensors({"a": {"dtype": "F32", "shape": [-2, 4], "data_offsets": [0, 32]}}, data),
        "a shape of texts": safetensors({"a": {"dtype": "F32", "shape": ["2", 4], "data_offsets": [0, 32]}}, data),
        "a shape too large": safetensors(
            {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 32]}}, data
        ),
        "bytes beyond the end": safetensors({"a": {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 3200]}}, data),
        "bytes that end before they begin": safetensors(
            {"a": {"dtype": "F32", "shape": [2, 4], "data_offsets": [32, 0]}}, data
        ),
        "bytes twice": safetensors(
            {name: {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]} for name in "ab"}, data
        ),
        "an entry that is a text": safetensors({"a": "F32"}, data),
        "a nested header": safetensors('{"a":' * 3000 + "1" + "}" * 3000),
        "a name of two": safetensors(
            '{"a":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]},"a":{"dtype":"F32","shape":[1,8],"data_offsets":[0,32]}}',
            data,
        ),
        "one dimension": tensors({"a": ((8,), data)}),
        "NaN": tensors({"a": ((4, 2), struct.pack("<8f", *[nan] * 8))}),
        "booleans": safetensors({"a": {"dtype": "BOOL", "shape": [8, 4], "data_offsets": [0, 32]}}, data),
        "a .npy": _WHOLE,
        "an integer of 5,000 digits": safetensors(
            '{"a":{"dtype":"F32","shape":[' + "9" * 5000 + '],"data_offsets":[0,32]}}', data
        ),
    }
    for name, content in wrong.items():
        yield refused(f"safetensors, {name}", TENSORS, "x.safetensors|finite", files={"x.safetensors": content})
    yield right("safetensors", TENSORS, "isoscore", files={"x.safetensors": tensors({"a": ((300, 8), _WHOLE[-9600:])})})


def _extracted() -> Iterator[Case]:
    yield right("rows of extract, every layer", ROWS + " --layers all", "isoscore", files=extracted())
    told: dict[str, Any] = {
        "no JSON": "{",
        "a list": "[]",
        "null": "null",
        "another version": text(told_of_rows(schema_version="7")),
        "no version": "{}",
        "a subject that is a list": text(told_of_rows(subject=["a"])),
        "a name that is a number": text(told_of_rows(subject={"name": 5})),
        "layers that are a text": text(told_of_rows(subject={"layers": "two"})),
        "layers below 0": text(told_of_rows(subject={"layers": -3})),
        "a fraction below 0": text(told_of_rows(sample={"sampling_fraction": -3})),
        "a fraction above 1": text(told_of_rows(sample={"sampling_fraction": 30})),
        "a fraction that is a text": text(told_of_rows(sample={"sampling_fraction": "half"})),
        "a seed that is a text": text(told_of_rows(sample={"seed": "x"})),
        "rows that are a text": text(told_of_rows(sample={"rows": "many"})),
        "corpora that are a number": text(told_of_rows(sample={"corpora": 7})),
        "a length of 0": text(told_of_rows(sample={"max_length": 0})),
        "settings that are a text": text(told_of_rows(settings="none")),
        "NaN": text(told_of_rows()).replace("300", "NaN"),
        "an integer of 5,000 digits": text(told_of_rows()).replace("300", "9" * 5000),
        "nesting": '{"schema_version": "1", "subject": ' + "[" * 90_000 + "]" * 90_000 + "}",
        "bytes": b"\xff\xfe\x00{",
        "sequences below 0": text(told_of_rows(sample={"sequences": -60})),
        "a pooling that is a list": text(told_of_rows(sample={"pooling": ["a"]})),
    }
    for name, content in told.items():
        yield refused(
            f"extracted, {name}",
            ROWS,
            "rows|embeddings.json",
            files=extracted() | {"rows/embeddings.json": content},
            codes=(2, 4) if "version" in name else (2,),
        )
    files = {
        "layer-02.npy": {
            "a hostile layer": HEADERS["a header that calls"],
            "a layer of fewer rows": npy(numbers(20, 8)),
            "a layer of NaN": npy([[nan] * 8] * 300),
            "an empty layer": b"",
        },
        "rows.npy": {
            "rows of another shape": npy(numbers(300, 3)),
            "rows below -1": header("{'descr': '<i8', 'fortran_order': False, 'shape': (300, 3), }")
            + struct.pack("<900q", *[-7] * 900),
            "rows beyond count": header("{'descr': '<i8', 'fortran_order': False, 'shape': (300, 3), }")
            + struct.pack("<900q", *[2**62] * 900),
            "empty rows": b"",
        },
    }
    for file, contents in files.items():
        for name, content in contents.items():
            yield refused(f"extracted, {name}", ROWS, "rows|finite|NaN", files=extracted() | {f"rows/{file}": content})
    lacking = extracted()
    for file in ("rows/layer-02.npy", "rows/rows.npy"):
        yield refused(
            f"extracted, no {file}",
            ROWS,
            "extract",
            files={name: held for name, held in lacking.items() if name != file},
        )
    yield refused("extracted, a layer that is not there", ROWS + " --layers 5", "layer", files=extracted())
    yield refused(
        "extracted, a layer of 300 digits",
        ROWS,
        "rows",
        codes=(DONE, MISTAKE),
        files=extracted() | {f"rows/layer-{'9' * 200}.npy": npy()},
    )
    yield refused("extracted, with a corpus", ROWS + " --corpus sample", "--corpus", files=extracted())


def _hdf5() -> Iterator[Case]:
    for name, content in {
        "empty": b"",
        "its first bytes alone": b"\x89HDF\r\n\x1a\n",
        "zeros": bytes(3000),
        "text": b"hello",
        "damaged": b"\x89HDF\r\n\x1a\n" + b"\xff" * 3000,
    }.items():
        yield refused(f"hdf5, {name}", MEASURE.format("x.h5"), "x.h5|h5py", files={"x.h5": content})
