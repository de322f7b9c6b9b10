"""Room: libraries that end the process where they have too little memory, held off it, and held to an exit code."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NamedTuple

from geoscope.errors import TooLittleMemory
from geoscope.machine import limits

_MB = 2**20


class Need(NamedTuple):
    """Megabytes that a library takes, loaded and at small work with what comes with it: of addresses, of its own data,
    of memory that is really used, and of the first two for each further thread."""

    addresses: int
    data: int
    resident: int
    thread: int


NEEDS = {"numpy": Need(100, 60, 30, 41), "torch": Need(1080, 450, 300, 200), "transformers": Need(900, 700, 100, 0)}
"""By what is loaded first. With less, what comes with them (three copies of OpenBLAS) tries for ever, ends the process
or breaks off. Measured with torch for CPUs, the smallest there is."""

_ENDED = (
    b"geoscope: could not finish, for want of memory or threads, or because a file was cut short while it was read; "
    b"mend that and run again"
)


class Gate:
    """Asked first for every module (in `sys.meta_path`), and finds none: it only looks at who is about to be loaded."""

    def __init__(self) -> None:
        self._held = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Raises TooLittleMemory for a library that would not have enough."""
        if self._held and name.startswith("geoscope."):
            end_with(3, _ENDED)  # again: before what libraries have since put there, which may break
        need = NEEDS.get(name)
        if need is None:
            return
        if not self._held:
            self._held = True
            end_with(3, _ENDED)
            _outlive_cut_files()
        threads = need.thread * (_threads() - 1)
        for limit in limits():
            least = limit.held + (getattr(need, limit.of) + threads * (limit.of != "resident")) * _MB
            if limit.bytes < least:
                raise TooLittleMemory(
                    f"expected at least {least // _MB + 1:,} MB of memory to be allowed, which {name} takes to load, "
                    f"got {limit.bytes // _MB:,} MB; raise the limit ({limit.name})"
                    + ", or lower OMP_NUM_THREADS"
                    * (threads > 0)
                )

    def end_with(self, code: int) -> None:
        """The exit code that stands at the end, in place of the one for libraries."""
        if self._held:
            end_with(code)


def _threads() -> int:
    """How many a library will start: what it is told, and no more than there are processors."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or ""
    return min(int(told), processors) if told.isdecimal() and int(told) else processors


def end_with(code: int, said: bytes | None = None) -> None:
    """Have the process end with a code, whoever ends it by C's exit(), which libraries call with 1.

    The last call goes first. said: a constant, told on stderr then with the system's last error.
    """
    if sys.platform == "win32":
        return
    import ctypes

    library: Any = ctypes.CDLL(None)
    if not hasattr(library, "__cxa_atexit"):  # a C library without
        return
    register = getattr(library, "__cxa_atexit")
    register(library._exit, ctypes.c_void_p(code), None)
    if said is not None:
        register(library.perror, said, None)


def _outlive_cut_files() -> None:
    """Have a read of what is no more of a mapped file end the process by exit(), and so with a code of ours."""
    if hasattr(signal, "SIGBUS"):
        import ctypes

        library: Any = ctypes.CDLL(None)
        library.signal.restype = ctypes.c_void_p
        library.signal(ctypes.c_int(signal.SIGBUS), library.exit)
