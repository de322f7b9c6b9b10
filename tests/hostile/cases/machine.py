"""The machine: little memory, full disks, odd surroundings, and signals."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import cache

from hostile.case import DONE, MISTAKE, UNFINISHED, Case, Signal, fails, refused, right, unfinished
from hostile.cases.gates import pair
from hostile.folders import checkpoint, extracted
from hostile.inputs import MEASURE, TEXTS, Folder, npy, numbers, report, text

R = {"r.json": text(report())}
ROWS = {"x.npy": npy()}
MB = 1 << 20
SLOW = "measure big.npy --measures persistence --points all -o r.json"
"""Seconds of work on `BIG`."""


@cache
def big() -> dict[str, bytes]:
    """Rows whose pairs take a while."""
    return {"big.npy": npy(numbers(12000, 6))}


def cases() -> Iterator[Case]:
    """Every case of memory, disk, surroundings, signals."""
    yield from _memory()
    yield from _disk()
    yield from _surroundings()
    yield from _signals()


def _memory() -> Iterator[Case]:
    """A light command works in little; what needs torch ends with 3 and a line, whatever library finds it out."""
    for most in (300, 500, 1000):
        yield right(f"a gate in {most} MB", "check r.json 'isoscore>0.1'", "held", files=R, limits={"AS": most * MB})
        yield fails(f"a failing gate in {most} MB", "check r.json 'isoscore>0.9'", files=R, limits={"AS": most * MB})
    for most in (300, 500, 700, 900, 1000, 1100, 1200, 1500, 2000):
        yield unfinished(
            f"a measurement in {most} MB",
            MEASURE.format("x.npy"),
            "memory",
            files=ROWS,
            codes=(UNFINISHED,) if most < 1000 else (UNFINISHED, DONE),
            limits={"AS": most * MB},
        )
    yield unfinished(
        "pairs in 2.5 GB",
        "measure big.npy --measures two_nn --points all --no-errors --null none -o r.json",
        codes=(UNFINISHED, DONE),
        files=big(),
        limits={"AS": 2500 * MB},
        made=["r.json"],
    )
    yield unfinished(
        "extraction in 1 GB",
        "extract model --corpus t.txt -o rows",
        "memory",
        files=checkpoint() | {"t.txt": TEXTS},
        limits={"AS": 1000 * MB},
    )
    for most in ("1MB", "1kb", "1"):
        yield refused(
            f"--memory {most}", MEASURE.format("x.npy") + f" --memory {most}", "--memory", "at least", files=ROWS
        )
    for most in ("x", "-1GB", "0", "1ZB", "1e3GB", "nan", "9" * 5000, ""):
        yield refused(
            f"--memory {most[:9]!r}",
            ["measure", "x.npy", "--memory", most],
            "--memory",
            files=ROWS,
            codes=(MISTAKE, DONE) if most == "9" * 5000 else (MISTAKE,),
        )
    yield right("few descriptors", "check r.json 'isoscore>0.1'", files=R, limits={"NOFILE": 32})
    yield right(
        "few descriptors, measuring",
        MEASURE.format("x.npy"),
        codes=(DONE, UNFINISHED),
        files=ROWS,
        limits={"NOFILE": 24},
    )


def _disk() -> Iterator[Case]:
    """No room is 3, is said so, and leaves no part of a file."""
    told = "no room|disk is full|larger than|space"
    small = {"FSIZE": 200}
    for name, line in {
        "a check": "check r.json 'isoscore>0.1' -o c.json",
        "a page": "report r.json -o p.html",
        "a table": "show r.json -o t.csv",
        "a comparison": "compare a.json b.json -o c.json -o c.html",
        "the schema": "schema -o s.json",
        "the measures": "measures -o m.json",
    }.items():
        yield unfinished(f"{name} on a full disk", line, told, files=R | pair(), limits=small)
    yield unfinished(
        "a failed limit on a full disk",
        "check r.json 'isoscore>0.9' -o c.json",
        told,
        codes=(UNFINISHED,),
        files=R,
        limits=small,
    )
    yield unfinished(
        "a report on a full disk", MEASURE.format("x.npy") + " -o r.json", told, files=ROWS, limits={"FSIZE": 300}
    )
    yield unfinished(
        "a report over another on a full disk",
        "show r.json -o old.csv",
        told,
        files=R | {"old.csv": "old\n"},
        limits=small,
    )
    yield unfinished(
        "extraction on a full disk",
        "extract model --corpus t.txt -o rows --no-progress",
        told,
        files=checkpoint() | {"t.txt": TEXTS},
        limits={"FSIZE": 2000},
    )
    yield unfinished(
        "several subjects on a full disk",
        "measure x.npy y.npy --measures isoscore --no-errors -o out",
        told,
        files=ROWS | {"y.npy": npy(numbers(200, 8, 1))},
        limits={"FSIZE": 300},
        made=["out", "out/*"],
    )


def _surroundings() -> Iterator[Case]:
    gate = "check r.json 'isoscore>0.1'"
    odd: dict[str, dict[str, str | None]] = {
        "no HOME": {"HOME": None},
        "HOME that is not there": {"HOME": "/nonexistent"},
        "no PATH": {"PATH": None},
        "TMPDIR that is not there": {"TMPDIR": "/nonexistent"},
        "a plain locale": {"LC_ALL": "C", "PYTHONUTF8": "0"},
        "an unknown locale": {"LC_ALL": "xx_XX.UTF-8"},
        "ASCII streams": {"PYTHONIOENCODING": "ascii"},
        "a terminal of one column": {"COLUMNS": "1"},
        "columns that are a word": {"COLUMNS": "many"},
        "columns beyond count": {"COLUMNS": "9" * 5000},
        "no terminal": {"TERM": "dumb"},
        "an unknown terminal": {"TERM": "\x1b[31m"},
        "no colour": {"NO_COLOR": "1"},
        "colour": {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"},
        "no docstrings": {"PYTHONOPTIMIZE": "2"},
        "warnings as errors": {"PYTHONWARNINGS": "error"},
        "development mode": {"PYTHONDEVMODE": "1"},
        "an odd zone": {"TZ": "nowhere/at/all"},
        "typer's own settings": {"TYPER_USE_RICH": "0", "_TYPER_STANDARD_TRACEBACK": "1"},
    }
    for name, environment in odd.items():
        yield right(f"{name}, a gate", gate, "isoscore", files=R, environment=environment)
        yield right(f"{name}, help", "measure --help", "--layers", environment=environment)
    for name in ("no HOME", "TMPDIR that is not there", "ASCII streams", "warnings as errors"):
        yield right(f"{name}, measuring", MEASURE.format("x.npy"), "isoscore", files=ROWS, environment=odd[name])
    yield right(
        "completion that is asked for oddly",
        gate,
        files=R,
        codes=(DONE, MISTAKE),
        environment={"_GEOSCOPE_COMPLETE": "nonsense"},
    )
    yield refused(
        "a bug's file has nowhere to go, and there is no bug",
        "check nothing.json 'isoscore>0.1'",
        "nothing.json",
        environment={"TMPDIR": "/nonexistent"},
    )
    yield refused("the working folder is gone", "check r.json 'isoscore>0.1'", files=R, gone=True)
    yield right("the working folder is gone, help", "--help", "check", gone=True)
    yield right(
        "the working folder is gone, a report on stdin",
        "check - 'isoscore>0.1'",
        "held|folder",
        codes=(DONE, MISTAKE),
        gone=True,
        stdin=text(report()).encode(),
    )
    yield right(
        "another's module in the working folder",
        gate,
        "held",
        files=R
        | {
            "json.py": "raise SystemExit(1)\n",
            "torch.py": "raise SystemExit(1)\n",
            "geoscope.py": "raise SystemExit(1)\n",
        },
    )
    yield right(
        "another's module beside rows",
        MEASURE.format("x.npy"),
        "isoscore",
        files=ROWS
        | {
            "numpy.py": "raise SystemExit(1)\n",
            "torch.py": "raise SystemExit(1)\n",
            "faiss.py": "raise SystemExit(1)\n",
        },
    )


def _signals() -> Iterator[Case]:
    """Ended from outside: 3, a line that says so, and nothing left behind."""
    for name, number in (("SIGTERM", signal.SIGTERM), ("SIGINT", signal.SIGINT), ("SIGHUP", signal.SIGHUP)):
        told = "interrupted|stopped|ended|terminat"
        reading = {"stdin": "open", "signal": Signal(number, 0.8)}
        if number == signal.SIGHUP:  # nobody is left to read what is said
            codes = (UNFINISHED, -signal.SIGHUP)
            yield unfinished(f"{name} while stdin is read", "check - 'isoscore>0.1'", codes=codes, **reading)
            continue
        yield unfinished(f"{name} while stdin is read", "check - 'isoscore>0.1'", told, **reading)
        yield unfinished(f"{name} while torch is imported", SLOW, told, files=big(), signal=Signal(number, 0.7))
        yield unfinished(
            f"{name} while pairs are swept",
            SLOW,
            told,
            "again|kept",
            files=big(),
            signal=Signal(number, 0.7, said="needs about"),
        )
        yield unfinished(
            f"{name} while several are measured",
            "measure big.npy x.npy --measures persistence --points all -o out",
            told,
            "again|kept",
            files=big() | ROWS,
            made=["out", "out/*"],
            signal=Signal(number, 0.5, file="out/settings.json"),
        )
        yield unfinished(
            f"{name} while noise is studied",
            "perturb model --corpus t.txt --levels 0,1,2,5 --seeds 9 --measures isoscore -o s.json",
            told,
            "again|kept",
            files=checkpoint() | {"t.txt": TEXTS},
            made=["s.json.parts", "s.json.parts/*"],
            signal=Signal(number, 0.1, file="s.json.parts/*.json"),
        )
    yield unfinished(
        "SIGTERM as extraction starts",
        "extract model --corpus t.txt --layers all -o rows",
        "interrupted|stopped|ended|terminat",
        files=checkpoint() | {"t.txt": TEXTS},
        signal=Signal(signal.SIGTERM, 1.2),
    )
    yield right(
        "SIGCONT and SIGWINCH",
        "check - 'isoscore>0.1'",
        codes=(MISTAKE,),
        stdin=b"",
        signal=Signal(signal.SIGWINCH, 0.1),
    )
    yield right("rows of an extraction that was there before", MEASURE.format("rows"), "isoscore", files=extracted())
    yield right(
        "an empty folder to extract into",
        "extract model --corpus t.txt -o rows",
        "wrote",
        files=checkpoint() | {"t.txt": TEXTS, "rows": Folder()},
        made=["rows/*"],
        must=["rows/rows.npy"],
    )
