"""Running a case: in a folder of its own, with streams, limits and signals as it says; what came is told."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hostile.case import Case
from hostile.inputs import put

LONGEST = 600.0
"""Seconds after which a command hangs, on a machine that others work on too."""
LARGEST = 3000.0
"""MB at which a command is ended, before the machine is out of memory."""

_PATIENCE = 3
"""So many times the CPU that a case may take ends it."""

_MOST_KEPT = 1 << 22
_HASHED = 64 << 20


@dataclass(frozen=True)
class Outcome:
    """What came: the exit code (negative: a signal), streams, the folder before and after, and what it took."""

    code: int
    stdout: str
    stderr: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    left: tuple[str, ...]
    seconds: float
    wall: float
    megabytes: float
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass
class _Started:
    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path
    begun: float


def command() -> list[str]:
    """The installed command of the Python that runs this."""
    script = Path(sys.executable).with_name("geoscope")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "geoscope"]


def run(case: Case) -> list[Outcome]:
    """What came of a case; of one that is started twice, of both."""
    top = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        for name in ("work", "tmp", "home"):
            (top / name).mkdir()
        work = top / "work"
        put(work, case.files)
        before = _listed(work)
        started = [_start(case, top, number) for number in range(2 if case.twice else 1)]
        if case.signal is not None:
            _send(case, started[0], work)
        ended = [_ended(each) for each in started]
        after = {} if case.gone else _listed(work)
        left = tuple(sorted(str(path.relative_to(top)) for path in (top / "tmp").rglob("*")))
        new = {name: _kept(work / name) for name, state in after.items() if before.get(name) != state}
        return [
            Outcome(code, _text(each.stdout), _text(each.stderr), before, after, left, used, wall, most, new)
            for each, (code, used, wall, most) in zip(started, ended, strict=True)
        ]
    finally:
        shutil.rmtree(top, ignore_errors=True)


def _start(case: Case, top: Path, number: int) -> _Started:
    work = top / "work"
    stdout, stderr = top / f"stdout{number}", top / f"stderr{number}"
    streams = {1: _stream(case.stdout, stdout), 2: _stream(case.stderr, stderr)}
    streams[0] = _stdin(case.stdin, work)
    closed = [each for each, how in ((0, case.stdin), (1, case.stdout), (2, case.stderr)) if how == "closed"]

    def prepare() -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # which a runner in the background may ignore
            signal.signal(each, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CPU, (int(_PATIENCE * case.most_seconds), resource.RLIM_INFINITY))
        for name, most in case.limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
        if case.gone:
            shutil.rmtree(work)
        for each in closed:
            os.close(each)

    process = subprocess.Popen(
        [*command(), *case.line],
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        cwd=work,
        env=_environment(case, top),
        preexec_fn=prepare,
    )
    for place, each in streams.items():
        if not (place == 0 and case.stdin == "open"):
            os.close(each)
    return _Started(process, stdout, stderr, time.monotonic())


def _environment(case: Case, top: Path) -> dict[str, str]:
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR", "PYTHONDONTWRITEBYTECODE")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    if "PYTHONPATH" in own:  # a case has a working folder of its own, or one that is gone
        own["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, own["PYTHONPATH"].split(os.pathsep)))
    own |= {
        "HOME": str(top / "home"),
        "TMPDIR": str(top / "tmp"),
        "OMP_NUM_THREADS": "1",
        "LC_ALL": "C.UTF-8",
        "TORCHINDUCTOR_CACHE_DIR": str(top / "home"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "COLUMNS": "100",
    }
    for name, value in case.environment.items():
        if value is None:
            own.pop(name, None)
        else:
            own[name] = value
    return own


def _stream(how: str, path: Path) -> int:
    if how == "full":
        return os.open("/dev/full", os.O_WRONLY)
    if how == "broken":
        read, write = os.pipe()
        os.close(read)
        return write
    if how.startswith("@"):
        return os.open(path.parent / "work" / how[1:], os.O_WRONLY | os.O_APPEND)
    return os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)


def _stdin(how: bytes | str, work: Path) -> int:
    if isinstance(how, str) and how.startswith(("@", "/")):
        return os.open(work / how.removeprefix("@"), os.O_RDONLY)
    read, write = os.pipe()
    if isinstance(how, str):
        if how == "closed":
            os.close(write)
        return read  # "open": its other end stays with the runner
    if how:
        with tempfile.TemporaryFile() as file:
            file.write(how)
            file.seek(0)
            os.close(write)
            os.close(read)
            return os.dup(file.fileno())
    os.close(write)
    return read


def _send(case: Case, started: _Started, work: Path) -> None:
    told = case.signal
    assert told is not None
    while started.process.poll() is None and time.monotonic() - started.begun < LONGEST:
        said = told.said is None or told.said in _text(started.stderr)
        if said and (told.file is None or list(work.glob(told.file))) and _hears(started.process.pid, told.number):
            break
        time.sleep(0.01)
    time.sleep(told.after)
    if os.waitid(os.P_PID, started.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        os.kill(started.process.pid, told.number)


def _hears(pid: int, number: int) -> bool:
    """Whether the process has come so far that it has a handler of its own, which it will have for these."""
    if number not in (signal.SIGTERM, signal.SIGHUP):
        return True
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return True


def _ended(started: _Started) -> tuple[int, float, float, float]:
    """(exit code, CPU seconds, seconds, MB); a command that hangs or grows without bound is killed."""
    most = 0.0
    while True:
        most = _most_held(started.process.pid) or most
        pid, status, used = os.wait4(started.process.pid, os.WNOHANG)
        wall = time.monotonic() - started.begun
        if pid:
            break
        if wall > LONGEST or most > LARGEST:
            os.kill(started.process.pid, signal.SIGKILL)
        time.sleep(0.01)
    code = os.waitstatus_to_exitcode(status)
    started.process.returncode = code
    return code, used.ru_utime + used.ru_stime, wall, most


def _most_held(pid: int) -> float:
    """MB that a process has held at most since it runs its command; the system's own figure counts who started it."""
    try:
        told = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in told.splitlines() if line.startswith("VmHWM:")), 0.0)


def _listed(folder: Path) -> dict[str, str]:
    """Everything in a folder, and what it is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link to {os.readlink(path)}"
        elif path.is_file():
            size = path.stat().st_size
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if size <= _HASHED else str(path.stat().st_mtime_ns)
            found[name] = f"{size} bytes, {digest}"
        else:
            found[name] = "folder" if path.is_dir() else "other"
    return found


def _kept(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() and path.stat().st_size <= _HASHED else b""


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(_MOST_KEPT).decode("utf-8", "backslashreplace")
