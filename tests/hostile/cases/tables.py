"""Tables and texts: embeddings in .csv, .jsonl and .parquet, and corpora, damaged or made to harm."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from hostile.case import DONE, MISTAKE, UNFINISHED, Case, refused, right
from hostile.folders import checkpoint
from hostile.inputs import MEASURE, PARQUET, TEXTS, Folder, Link, Made, Packed, Repeated, Sparse, csv, jsonl, nested

_LINES = jsonl().splitlines()


CSV: dict[str, Any] = {
    "empty": "",
    "a header alone": "a,b,c,d\n",
    "a short row": csv() + "1.0,2.0\n",
    "a long row": csv() + "1,2,3,4,5\n",
    "a text in a row": csv() + "1.0,2.0,three,4.0\n",
    "an empty cell": csv() + "1.0,,3.0,4.0\n",
    "NaN": csv() + "nan,1,2,3\n",
    "infinity": csv() + "inf,1,2,3\n",
    "a number beyond floats": csv() + "1e999,1,2,3\n",
    "an open quote": csv() + '"1.0,2.0,3.0,4.0\n' * 3,
    "NUL": csv() + "1,\0,2,3\n",
    "Latin-1": csv(names="caf\xe9,b,c,d").encode("latin-1") + b"\xff\xfe,1,2,3\n",
    "a formula": csv() + "=1+1,2,3,4\n",
    "two columns of one name": csv(names="a,a,c,d"),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "a number of 200,000 digits": csv() + "1" * 200_000 + ",2,3,4\n",
    "escapes in a cell": csv() + "\x1b[31m\x9b,2,3,4\n",
    "escapes in a name": csv(names="\x1b]0;x\x07,b,c,d") + "x,1,2,3\n",
    "carriage returns alone": csv().replace("\n", "\r") + "1,2\r",
}
JSONL: dict[str, Any] = {
    "empty": "",
    "half a record": "\n".join(_LINES) + "\n" + _LINES[0][:20],
    "a row of another width": "\n".join(_LINES) + '\n{"embedding": [1.0]}\n',
    "a text": "\n".join(_LINES) + '\n{"embedding": "x"}\n',
    "texts within": '{"embedding": ["a", "b"]}\n',
    "no list": '{"a": "b"}\n',
    "lists of lists": '{"embedding": [[1, 2], [3]]}\n',
    "NaN": "\n".join(_LINES) + '\n{"embedding": [NaN, 1, 2, 3]}\n',
    "null within": "\n".join(_LINES) + '\n{"embedding": [null, 1, 2, 3]}\n',
    "booleans": '{"embedding": [true, false, true]}\n' * 5,
    "nesting": nested(60_000) + "\n",
    "nesting in a record": '{"embedding": ' + nested(60_000) + "}\n",
    "an integer of 5,000 digits": "\n".join(_LINES) + f'\n{{"embedding": [{"9" * 5000}, 1, 2, 3]}}\n',
    "an integer beyond floats": "\n".join(_LINES) + f'\n{{"embedding": [{"9" * 400}, 1, 2, 3]}}\n',
    "a key twice": '{"embedding": [1, 2], "embedding": [3, 4]}\n',
    "numbers alone": "1\n2\n3\n",
    "a list of records": "[" + ",".join(_LINES) + "]",
    "bytes": b"\xff\xfe\xfd\n" * 5,
    "UTF-16 without its mark": jsonl().encode("utf-16-le"),
    "NUL": bytes(2000),
}
_WRITTEN = PARQUET + "pq.write_table(table, path)\n"


def _parquet(change: str) -> Made:
    return Made(PARQUET + change + "\npq.write_table(table, path)\n")


def cases() -> Iterator[Case]:
    """Every kind of table, and every corpus."""
    yield from _rows()
    yield from _corpora()


def _rows() -> Iterator[Case]:
    for name, content in CSV.items():
        codes = (DONE, MISTAKE) if name in ("a formula", "escapes in a name") else (MISTAKE,)
        yield refused(
            f"csv, {name}",
            MEASURE.format("x.csv"),
            "" if len(codes) > 1 else "x.csv|finite|row|column",
            codes=codes,
            files={"x.csv": content},
        )
    for name, content in JSONL.items():
        yield refused(f"jsonl, {name}", MEASURE.format("x.jsonl"), "x.jsonl|finite", files={"x.jsonl": content})
    yield right("csv", MEASURE.format("x.csv"), "isoscore", files={"x.csv": csv()})
    yield right("jsonl", MEASURE.format("x.jsonl"), "isoscore", files={"x.jsonl": jsonl()})
    yield right("csv packed", MEASURE.format("x.csv.gz"), "isoscore", files={"x.csv.gz": gzip.compress(csv().encode())})
    yield refused(
        "jsonl, packed and cut",
        MEASURE.format("x.jsonl.gz"),
        "x.jsonl.gz",
        files={"x.jsonl.gz": gzip.compress(jsonl().encode())[:200]},
    )
    yield refused(
        "csv, packed and damaged",
        MEASURE.format("x.csv.gz"),
        "x.csv.gz",
        files={"x.csv.gz": gzip.compress(csv().encode())[:60] + bytes(200)},
    )
    for suffix in ("csv", "jsonl"):
        yield refused(
            f"{suffix}, a bomb of 2 GB",
            MEASURE.format(f"x.{suffix}.gz"),
            f"x.{suffix}.gz",
            seconds=90,
            megabytes=1500,
            files={f"x.{suffix}.gz": Packed(1 << 31)},
        )
        yield refused(
            f"{suffix}, one line of 3 GB",
            MEASURE.format(f"x.{suffix}"),
            f"x.{suffix}",
            seconds=60,
            megabytes=1500,
            files={f"x.{suffix}": Sparse(3 << 30, b"[1" if suffix == "jsonl" else b"1")},
        )
        yield refused(
            f"{suffix}, a link to /dev/zero",
            MEASURE.format(f"x.{suffix}"),
            f"x.{suffix}",
            files={f"x.{suffix}": Link("/dev/zero")},
        )
        yield refused(f"{suffix}, a folder", MEASURE.format(f"x.{suffix}"), files={f"x.{suffix}": Folder()})
    yield refused(
        "csv, 20,000 columns",
        MEASURE.format("x.csv"),
        "column|wide|memory|square|x.csv",
        seconds=90,
        megabytes=1800,
        codes=(DONE, MISTAKE, UNFINISHED),
        files={"x.csv": ",".join(f"d{place}" for place in range(20_000)) + "\n" + ("0.5," * 19_999 + "1\n") * 3},
    )
    yield refused(
        "jsonl, a record of 90 MB",
        MEASURE.format("x.jsonl"),
        "x.jsonl",
        seconds=60,
        megabytes=1800,
        codes=(DONE, MISTAKE),
        files={"x.jsonl": Repeated(b"1.5," * 1000, 22_500, b'{"embedding": [', b"1]}\n")},
    )
    whole = Made(_WRITTEN)
    yield right("parquet", MEASURE.format("x.parquet"), "isoscore", files={"x.parquet": whole})
    cut = _WRITTEN + "data = open(path, 'rb').read(); open(path, 'wb')"
    wrong = {
        "empty": b"",
        "its first bytes alone": b"PAR1",
        "text": "hello",
        "zeros": b"PAR1" + bytes(1000) + b"PAR1",
        "a footer of 2 GB": b"PAR1" + bytes(100) + struct.pack("<I", 2**31 - 1) + b"PAR1",
        "half": Made(f"{cut}.write(data[:len(data) // 2])"),
        "its footer alone": Made(f"{cut}.write(b'PAR1' + data[-800:])"),
        "damaged pages": Made(f"{cut}.write(data[:20] + bytes(2000) + data[2020:])"),
        "a damaged footer": Made(f"{cut}.write(data[:-200] + bytes(150) + data[-50:])"),
        "no row": _parquet("table = table.slice(0, 0)"),
        "no column": _parquet("table = table.select([])"),
        "texts": _parquet("table = pyarrow.table({'t': ['a', 'b'] * 20})"),
        "lists of unequal lengths": _parquet("table = pyarrow.table({'e': [[1.0, 2.0], [3.0]] * 20})"),
        "null rows": _parquet("table = pyarrow.table({'e': [[1.0, 2.0], None] * 20})"),
        "null numbers": _parquet("table = pyarrow.table({'e': [[1.0, None], [2.0, 3.0]] * 20})"),
        "NaN": _parquet("table = pyarrow.table({'e': [[1.0, float('nan')], [2.0, 3.0]] * 20})"),
        "objects": _parquet("table = pyarrow.table({'e': [{'a': 1.0}, {'a': 2.0}] * 20})"),
        "nested lists": _parquet("table = pyarrow.table({'e': [[[1.0]], [[2.0]]] * 20})"),
        "two columns of one name": _parquet("table = pyarrow.Table.from_arrays([table[0], table[0]], ['e', 'e'])"),
        "decimals": _parquet(
            "import decimal\ntable = pyarrow.table({'e': pyarrow.array([decimal.Decimal('1.5')] * 9), 'f': [1.0] * 9})"
        ),
        "escapes in names": _parquet("table = pyarrow.table({'\\x1b[31m\\u202e': ['a', 'b'] * 20})"),
    }
    for name, content in wrong.items():
        codes = (DONE, MISTAKE) if name in ("decimals", "nested lists") else (MISTAKE,)
        yield refused(
            f"parquet, {name}",
            MEASURE.format("x.parquet"),
            "x.parquet|finite" if codes == (MISTAKE,) else "",
            codes=codes,
            files={"x.parquet": content},
        )
    yield refused(
        "parquet, a bomb of 100,000,000 rows",
        MEASURE.format("x.parquet"),
        "x.parquet|memory|rows",
        seconds=60,
        megabytes=1500,
        codes=(DONE, MISTAKE),
        files={
            "x.parquet": Made(
                "import pyarrow, numpy, pyarrow.parquet as pq\n"
                "block = pyarrow.table({'a': numpy.zeros(10_000_000, 'f4'), 'b': numpy.zeros(10_000_000, 'f4')})\n"
                "writer = pq.ParquetWriter(path, block.schema, compression='zstd')\n"
                "for _ in range(10): writer.write_table(block)\nwriter.close()\n"
            )
        },
    )
    yield refused(
        "parquet, one text of 1 GB",
        MEASURE.format("x.parquet"),
        "x.parquet|text",
        seconds=60,
        megabytes=1500,
        files={
            "x.parquet": Made(
                "import pyarrow, pyarrow.parquet as pq\n"
                "texts = pyarrow.array(['a' * (1 << 30)], pyarrow.large_string())\n"
                "pq.write_table(pyarrow.table({'t': texts}), path, compression='zstd')\n"
            )
        },
    )
    yield refused(
        "a folder of unequal files", MEASURE.format("d"), "d", files={"d/a.csv": csv(), "d/b.csv": csv(columns=5)}
    )
    yield refused("a folder of kinds", MEASURE.format("d"), "d", files={"d/a.csv": csv(), "d/b.jsonl": jsonl()})
    yield right(
        "a folder of files", MEASURE.format("d"), "isoscore", files={"d/part-0.csv": csv(), "d/part-1.csv": csv(50)}
    )
    yield refused("an empty folder", MEASURE.format("d"), "d", files={"d": Folder()})
    for name, content in {
        "x.pkl": b"\x80\x04N.",
        "x.pt": b"PK\x03\x04",
        "x.txt": TEXTS,
        "x.xlsx": b"PK\x03\x04",
        "x.json.gz": gzip.compress(b"{}"),
        "x.tar": b"",
        "x.json": "{}",
    }.items():
        yield refused(f"a subject called {name}", MEASURE.format(name), "report|expected", files={name: content})


def _corpora() -> Iterator[Case]:
    """Of a made checkpoint; corpora are looked at before the model is loaded."""
    model = checkpoint()
    line = "measure model --corpus {} --measures isoscore --no-errors"
    yield right("a corpus", line.format("t.txt"), "isoscore", files=model | {"t.txt": TEXTS})
    yield right(
        "a corpus of escapes",
        line.format("t.txt"),
        "isoscore",
        files=model | {"t.txt": TEXTS + "\x1b[31m the \x9b cat \u202e sat\n" * 5},
    )
    yield right("a corpus from stdin", line.format("-"), "isoscore", files=model, stdin=TEXTS.encode())
    wrong: dict[str, tuple[str, Any]] = {
        "empty": ("t.txt", ""),
        "blank lines": ("t.txt", "\n \n\n"),
        "bytes": ("t.txt", bytes(range(128, 256)) * 9),
        "NUL": ("t.txt", TEXTS + "\0"),
        "a picture": ("t.txt", b"\x89PNG\r\n\x1a\n" + bytes(99)),
        "a zip": ("t.txt", b"PK\x03\x04" + bytes(99)),
        "a PDF": ("t.txt", b"%PDF-1.7\n"),
        "a page": ("t.txt", "<!doctype html>\n<html>"),
        "a pointer of git-lfs": ("t.txt", "version https://git-lfs.github.com/spec/v1\n"),
        "an open quote": ("t.csv", 'text\n"the cat\nsat\n' * 3),
        "a long row": ("t.csv", "text\nthe cat, sat, on\n"),
        "no text column": ("t.csv", "a,b\n1,2\n"),
        "two text columns": ("t.csv", "a,b\nthe cat,the dog\n" * 3),
        "a record cut": ("t.jsonl", '{"text": "the cat"}\n{"text": '),
        "numbers for texts": ("t.jsonl", '{"text": 5}\n' * 3),
        "null for texts": ("t.jsonl", '{"text": null}\n' * 3),
        "half a surrogate": ("t.jsonl", '{"text": "the \\ud800 cat"}\n'),
        "nesting": ("t.jsonl", '{"text": "a", "b": ' + nested(60_000) + "}\n"),
        "an integer of 5,000 digits": ("t.jsonl", f'{{"text": "the cat", "id": {"9" * 5000}}}\n'),
        "an object": ("t.json", '{"a": {"b": 1}}'),
        "JSON cut": ("t.json", '[{"text": "the'),
        "nested JSON": ("t.json", nested(90_000)),
        "a damaged parquet": ("t.parquet", b"PAR1" + bytes(90) + b"PAR1"),
        "a cut gzip": ("t.txt.gz", gzip.compress(TEXTS.encode())[:40]),
        "zlib": ("t.txt", zlib.compress(TEXTS.encode())),
    }
    for name, (file, content) in wrong.items():
        codes = (DONE, MISTAKE) if name in ("half a surrogate",) else (MISTAKE,)
        yield refused(
            f"corpus, {name}",
            line.format(file),
            "" if codes != (MISTAKE,) else file,
            codes=codes,
            files=model | {file: content},
        )
    specs = {
        "a missing file": "no.txt",
        "a misspelt name": "wikitxt2",
        "an empty name": "''",
        "a folder": "model",
        "a folder under a name": "ptb=model",
        "nothing behind =": "ptb=",
        "an unknown name": "xyz=t.txt",
        "a path of colons": "a:b:c:d:e",
        "a device": "/dev/full",
        "zeros": "/dev/zero",
        "a long name": "t" * 5000,
        "a text": "'the cat sat'",
        "escapes": "$'\\x1b[31m'",
    }
    for name, spec in specs.items():
        codes = (DONE, MISTAKE) if name == "an unknown name" else (MISTAKE,)
        yield refused(
            f"corpus, {name}",
            line.format(spec.replace("$'\\x1b[31m'", "'\x1b[31m'")),
            "" if codes != (MISTAKE,) else "corpus",
            codes=codes,
            files=model | {"t.txt": TEXTS},
            megabytes=1500,
        )
    yield refused(
        "corpus, one line of 2 GB",
        line.format("t.txt"),
        "t.txt",
        seconds=60,
        megabytes=1500,
        files=model | {"t.txt": Repeated(b"the cat " * 125_000, 2000)},
    )
    yield refused(
        "corpus, a bomb of 2 GB",
        line.format("t.txt.gz"),
        "t.txt.gz",
        seconds=90,
        megabytes=1500,
        files=model | {"t.txt.gz": Packed(1 << 31)},
    )
    yield refused("corpus, a closed stdin", line.format("-"), "standard input|stdin", files=model, stdin="closed")
    yield refused("corpus, an empty stdin", line.format("-"), "standard input|stdin", files=model)
    yield refused(
        "corpus, stdin without end",
        line.format("-"),
        "standard input|stdin",
        files=model,
        stdin="/dev/zero",
        seconds=90,
        megabytes=1500,
    )
    yield refused(
        "corpus, a column that is not there",
        line.format("t.jsonl") + " --text-column body",
        "body",
        "text",
        files=model | {"t.jsonl": json.dumps({"text": "the cat"}) + "\n"},
    )
    for words in ("x", "9-4", "0-5", "4", "-", "9" * 5000 + "-" + "9" * 5001):
        codes = (DONE, MISTAKE) if len(words) > 99 else (MISTAKE,)
        yield refused(
            f"corpus, --words {words[:5]}",
            line.format("t.txt") + f" --words={words}",
            "--words",
            codes=codes,
            files=model | {"t.txt": TEXTS},
        )
