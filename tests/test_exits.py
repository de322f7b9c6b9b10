"""How the process ends: its exit codes hold whatever happens to its streams, its memory, its disk, and by signals."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoscope import machine
from geoscope.cli import app as cli
from geoscope.cli import exits, room
from geoscope.cli.exits import ExitCode
from geoscope.comparisons import checks
from geoscope.errors import GeoscopeError, TooLittleMemory, system_trouble, telling_what_is_kept
from geoscope.files import take_room, write_whole
from geoscope.report import Measurement, Report, Sample, Subject
from geoscope.scratch import new_name, scratch_folder
from geoscope.subjects.embeddings.kept_rows import new_matrix
from geoscope.subjects.row_files.array_files import matrix, read_npy

GONE = "geoscope-{machine}-4194304-0123abcd"
"""A name as of a process that there cannot be."""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    Report(
        subject=Subject(name="demo", kind="array"),
        sample=Sample(rows=3, points=3, seed=0),
        settings={},
        measurements=[Measurement(layer=None, measure="isoscore", value=0.5, n=3)],
        environment={},
    ).write(path)
    return path


def _python(code: str, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", code, *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, **more)


RUN = """
import os, signal, sys, geoscope
from geoscope.comparisons import checks
def work(*args, **keywords):
    {body}
checks.check_report = work
from geoscope.__main__ import main
sys.exit(main())
"""
"""The command's own process, in which what `check` does is something else."""


# Streams


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("how", "passed", "failed"),
    [
        (">&-", 0, 1),
        ("2>&-", 0, 1),
        ("<&- >&- 2>&-", 0, 1),
        ("2>/dev/full", 0, 1),
        ("| true", 0, 1),
        ("2>&1 | true", 0, 1),
        (">/dev/full", 3, 3),
        (">/dev/full 2>&-", 3, 3),
    ],
)
def test_codes_hold_whatever_becomes_of_the_streams(
    report: Path, how: str, passed: int, failed: int, tmp_path: Path
) -> None:
    both = (("isoscore>0.9", failed), ("isoscore>0.1", passed))
    for limit, code in both if how == "<&- >&- 2>&-" else both[:1]:
        line = f"set -o pipefail; {sys.executable} -m geoscope check {report} '{limit}' {how}"
        told = subprocess.run(
            ["bash", "-c", line],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
        assert told.returncode == code
        assert "Traceback" not in told.stderr
        assert told.stderr.count("\n") <= 1


def test_nothing_opened_later_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    told = _python(
        "import os; [os.close(n) for n in (0, 1, 2)]\n"
        "from geoscope.cli.process import make_streams_sound as sound; sound()\n"
        f"file = open({str(tmp_path / 'file')!r}, 'w'); os.write(1, b'said'); os.write(2, b'said'); file.close()",
    )
    assert told.returncode == 0
    assert (tmp_path / "file").read_text() == ""


# Signals


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_unwinds_the_run(name: str, report: Path, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    body = (
        "from geoscope.scratch import scratch_folder\n"
        "    with scratch_folder():\n"
        f"        os.kill(os.getpid(), signal.{name}); signal.sigtimedwait([], 5)"
    )
    around = os.environ | {"TMPDIR": str(tmp_path / "scratch")}
    heard = partial(signal.signal, getattr(signal, name), signal.SIG_DFL)  # also where the tests run under nohup
    told = _python(RUN.format(body=body), "check", str(report), "isoscore>0", env=around, preexec_fn=heard)
    assert told.returncode == ExitCode.UNFINISHED
    assert told.stderr == (f"geoscope: interrupted by {name} before it was done; nothing of it is kept: run it again\n")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_signal_is_heard_that_comes_while_an_object_goes(report: Path) -> None:
    body = (
        "import time\n"
        "    class Goes:\n"
        "        def __del__(self): os.kill(os.getpid(), signal.SIGTERM); [None for _ in range(1000)]\n"
        "    Goes(); time.sleep(20)"
    )
    heard = partial(signal.signal, signal.SIGTERM, signal.SIG_DFL)
    told = _python(RUN.format(body=body), "check", str(report), "isoscore>0", preexec_fn=heard)
    assert told.returncode == ExitCode.UNFINISHED
    assert told.stderr == "geoscope: interrupted by SIGTERM before it was done; nothing of it is kept: run it again\n"


def test_what_is_ignored_stays_ignored(report: Path) -> None:
    told = _python(
        RUN.format(body="os.kill(os.getpid(), signal.SIGHUP); raise geoscope.GeoscopeError('expected x, got y')"),
        "check",
        str(report),
        "isoscore>0",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert (told.returncode, told.stderr) == (ExitCode.MISTAKE, "geoscope: expected x, got y\n")


def test_what_is_kept_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt) as stopped, telling_what_is_kept("finished reports are kept in out"):
        raise KeyboardInterrupt
    assert exits.settle(stopped.value) == ExitCode.UNFINISHED
    assert capfd.readouterr().err == (
        "geoscope: interrupted before it was done; finished reports are kept in out: run the same line again to go on "
        "from there\n"
    )
    with pytest.raises(GeoscopeError) as mistaken, telling_what_is_kept("reports are kept"):
        raise GeoscopeError("expected x, got y; do z")
    assert not hasattr(mistaken.value, "__notes__")


def test_what_dead_processes_left_goes_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, machine, process, _ = new_name().split("-")
    assert int(process) == os.getpid()
    dead = GONE.format(machine=machine)
    others = [
        f".{new_name()}.tmp",
        f".{GONE.format(machine='0' * 8)}.tmp",
        ".report.json.0123abcd.tmp",
        "geoscope-x.txt",
    ]
    for name in (f".{dead}.tmp", *others):
        (tmp_path / name).write_text("")
    (tmp_path / f"{dead}-x" / "rows").mkdir(parents=True)
    write_whole(tmp_path / "report.json", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {*others, "report.json"}
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch" / f"{dead}-x").mkdir(parents=True)
    with scratch_folder() as mine:
        assert [path.name for path in (tmp_path / "scratch").iterdir()] == [Path(mine).name]


def test_the_longest_name_is_written(tmp_path: Path) -> None:
    write_whole(tmp_path / ("x" * 250 + ".json"), b"whole")
    assert (tmp_path / ("x" * 250 + ".json")).read_bytes() == b"whole"


# Memory


def test_too_little_memory_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.ones((30, 4), dtype=np.float32))
    for bytes_, limit in ((4 * 10**8, "RLIMIT_AS"), (5 * 10**7, "RLIMIT_DATA")):
        number = getattr(resource, limit)
        told = subprocess.run(
            [sys.executable, "-m", "geoscope", "measure", str(tmp_path / "rows.npy")],
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=lambda number=number, bytes_=bytes_: resource.setrlimit(number, (bytes_, bytes_)),
        )
        assert told.returncode == ExitCode.UNFINISHED
        assert told.stderr.startswith("geoscope: expected at least ")
        assert told.stderr.count("\n") == 1
        assert "raise the limit (ulimit -" in told.stderr


def test_a_containers_bound_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{100 * 2**20}\n")
    (tmp_path / "none").write_text("max\n")
    monkeypatch.setattr(machine, "_groups", lambda: [tmp_path / "none", tmp_path / "missing", tmp_path / "memory.max"])
    monkeypatch.setattr(room, "end_with", lambda *_: None)
    monkeypatch.setattr(room, "_outlive_cut_files", lambda: None)
    gate = room.Gate()
    assert gate.find_spec("json") is None
    with pytest.raises(TooLittleMemory, match=r"at least 301 MB .* got 100 MB; raise the limit \(of the container"):
        gate.find_spec("torch")


@pytest.mark.parametrize(
    ("body", "code"), [("ctypes.CDLL(None).exit(1)", 3), ("return 1", 1), ("return 0", 0), ("raise OSError('no')", 3)]
)
def test_no_library_ends_the_process_with_1(body: str, code: int) -> None:
    told = _python(
        "import ctypes, sys\nfrom geoscope.cli import process\n"
        f"def command():\n    import numpy\n    {body}\n"
        "sys.exit(process.run(command))"
    )
    assert told.returncode == code
    assert told.stderr.count("\n") == (code == 3)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_want_of_memory_is_never_the_users_mistake_nor_a_bug(
    error: Exception, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    wrapped = GeoscopeError("expected a checkpoint, got one that cannot be loaded; save it again")
    wrapped.__cause__ = error
    for each in (error, wrapped):
        assert exits.settle(each) == ExitCode.UNFINISHED
        assert "ran out of memory" in capfd.readouterr().err


# Disk


def test_room_is_taken_before_a_file_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, before[1]))
    try:
        with pytest.raises(OSError, match="large") as refused:
            new_matrix(tmp_path / "layer-00.npy", (1000, 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused.value.filename == str(tmp_path / "layer-00.npy")
    rows = new_matrix(tmp_path / "layer-01.npy", (1000, 100))
    rows[:] = 1
    assert np.load(tmp_path / "layer-01.npy").sum() == 100_000
    assert (tmp_path / "layer-01.npy").stat().st_blocks * 512 >= 400_000
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError(errno.EOPNOTSUPP, "no")))
    with (tmp_path / "other").open("wb") as file:
        take_room(file, 3 * 2**20 + 5)
    assert (tmp_path / "other").stat().st_size == 3 * 2**20 + 5


def test_a_file_cut_short_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    np.save(path, np.ones((2**20, 4), dtype=np.float32))
    rows = matrix(read_npy(path), str(path)).blocks()
    next(rows)
    os.truncate(path, 2**20)
    with pytest.raises(GeoscopeError, match="got it cut short"):
        next(rows)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "w"), "the disk is full for w; make room and run again"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "w"), "the disk quota is used up for w; make room"),
        (OSError(errno.EFBIG, "File too large", "w"), "a file would be larger than is allowed here for w; raise"),
        (OSError(errno.EROFS, "Read-only file system", "w"), "the file system is read-only for w; name another place"),
        (OSError(errno.EIO, "Input/output error"), "the disk failed to read or write; look at the disk"),
        (OSError(errno.EMFILE, "Too many open files"), "too many files are open; raise the bound"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "the folder that it runs in is gone; go to one that is"),
        (PermissionError(errno.EACCES, "Permission denied", "w"), "permission denied (w); put that right"),
        (RuntimeError("Error while serializing: No space left on device (os error 28)"), "the disk is full; make room"),
        (RuntimeError("[Errno 28] Error writing bytes: No space left on device"), "the disk is full; make room"),
    ],
)
def test_what_the_disk_refuses_is_no_bug(
    error: Exception, said: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert exits.settle(error) == ExitCode.UNFINISHED
    told = capfd.readouterr().err
    assert told.startswith(f"geoscope: could not finish: {said}")
    assert told.count("\n") == 1


def test_a_name_that_no_file_can_have_is_a_mistake(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="name too long") as trouble:
        (tmp_path / ("9" * 5000)).exists()
    assert exits.settle(trouble.value) == ExitCode.MISTAKE
    assert capfd.readouterr().err.endswith("longer than any name; check it\n")


def test_a_bug_stays_one_whatever_was_handled_before() -> None:
    bug = KeyError("x")
    bug.__context__ = FileNotFoundError(errno.ENOENT, "No such file", "w")
    assert system_trouble(bug) is None
    torch = RuntimeError("writer failed")
    torch.__context__ = OSError(errno.ENOSPC, "No space left on device", "w")
    assert system_trouble(torch) == ("the disk is full for w", "make room")


# How much is said


def test_a_value_of_a_megabyte_is_cut_and_its_length_told() -> None:
    for value in ("x" * 10**6, "x " * 500_000):
        told = str(GeoscopeError(f"expected a name, got {value}; do z"))
        assert len(told) < 1100
        assert told.startswith("expected a name, got x")
        assert told.endswith("do z")
        assert "[... 1,000," in told
    assert str(GeoscopeError("expected x, got y; do z")) == "expected x, got y; do z"


def test_warnings_are_counted(report: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: Any, **__: Any) -> Any:
        for number in range(20_000):
            warnings.warn_explicit(f"layer {number} is flat", UserWarning, "x.py", 1, module="geoscope.x")
        warnings.warn_explicit("another thing", UserWarning, "x.py", 1, module="geoscope.x")
        raise GeoscopeError("expected x, got y; do z")

    monkeypatch.setattr(checks, "check_report", work)
    assert cli.main(["check", str(report), "isoscore>0"]) == ExitCode.MISTAKE
    assert capfd.readouterr().err.splitlines() == [
        *(f"geoscope: warning: layer {number} is flat" for number in range(3)),
        "geoscope: warning: another thing",
        "geoscope: warning: 19,997 more, not shown",
        "geoscope: expected x, got y; do z",
    ]


def test_many_failed_limits_are_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Report(
        subject=Subject(name="demo", kind="array"),
        sample=Sample(rows=3, points=3, seed=0),
        settings={},
        measurements=[Measurement(layer=layer, measure="isoscore", value=0.5, n=3) for layer in range(500)],
        environment={},
    ).write(tmp_path / "r.json")
    line = ["check", str(tmp_path / "r.json"), "isoscore>0.9", "-o", str(tmp_path / "out.json")]
    assert cli.main(line) == ExitCode.LIMIT_FAILED
    told = capfd.readouterr().err.splitlines()
    assert len(told) == exits.MOST_LINES + 1
    assert told[-1] == "geoscope: and 492 more failed"
