"""Streams: standard output, error and input that are closed, full, or have nobody at their other end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hostile.case import DONE, FAILED, MISTAKE, UNFINISHED, UNLIKE, Case, refused, right
from hostile.cases.gates import pair
from hostile.inputs import MEASURE, Sparse, npy, report, text

R = {"r.json": text(report())}

COMMANDS: dict[str, tuple[str, int]] = {
    "a limit that holds": ("check r.json 'isoscore>0.1'", DONE),
    "a limit that fails": ("check r.json 'isoscore>0.9'", FAILED),
    "a failed limit as JSON": ("check r.json 'isoscore>0.9' --format json", FAILED),
    "a mistake": ("check r.json 'isoscor>0.1'", MISTAKE),
    "a missing file": ("show nothing.json", MISTAKE),
    "an unknown option": ("check r.json 'isoscore>0.1' --fromat json", MISTAKE),
    "other samples": ("compare a.json c.json", UNLIKE),
    "a comparison": ("compare a.json b.json", DONE),
    "a page": ("report r.json", DONE),
    "a table": ("show r.json", DONE),
    "help": ("--help", DONE),
    "the help of a command": ("measure --help-all", DONE),
    "the version": ("--version", DONE),
    "the measures": ("measures", DONE),
    "the schema": ("schema", DONE),
    "nothing asked": ("", MISTAKE),
}
FILES = R | pair() | {"c.json": text(report(name="c", sample={"pooling": "mean"}))}
WAYS = {
    "stdout closed": ("stdout", "closed"),
    "stdout broken": ("stdout", "broken"),
    "stdout full": ("stdout", "full"),
    "stderr closed": ("stderr", "closed"),
    "stderr full": ("stderr", "full"),
}


def cases() -> Iterator[Case]:
    """Every command on every kind of stream: the code is what it is without, but 3 where a result has no room."""
    for name, (line, code) in COMMANDS.items():
        for way, (stream, how) in WAYS.items():
            codes: tuple[int, ...] = (code,)
            if how == "full" and stream == "stdout" and code in (DONE, FAILED):
                codes = (UNFINISHED,) if code == DONE else (UNFINISHED, FAILED)
            if line == "" and stream == "stdout" and how == "full":
                codes = (MISTAKE, UNFINISHED)
            case = right(f"{name}, {way}", line, codes=codes, files=FILES)
            yield replace(case, **{stream: how})
    for name, (line, code) in COMMANDS.items():
        yield right(
            f"{name}, all streams closed",
            line,
            codes=(code,),
            files=FILES,
            stdin="closed",
            stdout="closed",
            stderr="closed",
        )
    full = "no space|disk is full"
    yield right(
        "a limit that holds, no room for its result, which is told",
        "check r.json 'isoscore>0.1'",
        full,
        codes=(UNFINISHED,),
        files=R,
        stdout="full",
    )
    for place in ("/dev/full",):
        yield right(
            "-o on a full device",
            f"check r.json 'isoscore>0.1' --format json -o {place}",
            full,
            codes=(UNFINISHED,),
            files=R,
        )
        yield right(
            "a page on a full device", f"show r.json --format html -o {place}", full, codes=(UNFINISHED,), files=R
        )
    yield right(
        "a result into a pipe's own file",
        "check r.json 'isoscore>0.1' --format json -o /dev/stdout",
        "isoscore",
        files=R,
    )
    yield right("-o /dev/null", "check r.json 'isoscore>0.1' --format json -o /dev/null", files=R)

    yield refused("a report from a closed stdin", "check - 'isoscore>0.1'", "standard input", stdin="closed")
    yield refused("show from a closed stdin", "show -", "standard input", stdin="closed")
    yield refused("compare from a closed stdin", "compare - a.json", "standard input", stdin="closed", files=FILES)
    yield refused(
        "zeros without end as stdin",
        "check - 'isoscore>0.1'",
        "standard input",
        stdin="/dev/zero",
        seconds=20,
        megabytes=1200,
    )
    yield refused(
        "zeros of 8 GB as stdin",
        "show -",
        "standard input",
        stdin="@z",
        files={"z": Sparse(8 << 30)},
        seconds=20,
        megabytes=1200,
    )
    yield refused("stdin twice", "compare - -", "standard input", stdin=text(report()).encode())
    yield refused("show stdin twice", "show - -", "standard input", stdin=text(report()).encode())
    yield refused("NUL bytes on stdin", "show -", "standard input", stdin=bytes(1000))
    yield refused("half a report on stdin", "show -", "standard input", stdin=text(report())[:500].encode())
    yield refused("UTF-16 on stdin", "show -", "standard input", stdin=text(report()).encode("utf-16"))
    yield right(
        "a report with a byte-order mark on stdin",
        "show -",
        "isoscore",
        stdin=b"\xef\xbb\xbf" + text(report()).encode(),
    )
    rows = {"x.npy": npy()}
    for way, (stream, how) in WAYS.items():
        codes = (UNFINISHED,) if (stream, how) == ("stdout", "full") else (DONE,)
        yield replace(right(f"a measurement, {way}", MEASURE.format("x.npy"), codes=codes, files=rows), **{stream: how})
    yield right("a measurement, stdin closed", MEASURE.format("x.npy"), "isoscore", files=rows, stdin="closed")
    yield right(
        "a measurement into a file, all closed",
        MEASURE.format("x.npy") + " -o r.json",
        files=rows,
        stdin="closed",
        stdout="closed",
        stderr="closed",
        must=["r.json"],
    )
