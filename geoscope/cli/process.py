"""The process: its streams, its signals and its end, held to geoscope's exit codes whatever happens to them."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from geoscope.cli.room import Gate

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_AGAIN = 2.0
"""A signal that comes again within so many seconds is the same: a process and its group are both told."""

_LATER = 0.05
"""Seconds after which whatever dropped a signal's exception has ended."""

_UNFINISHED = 3


class Stopped(KeyboardInterrupt):
    """The process was told to end; the text is the signal's name."""


def run(command: Callable[[], int]) -> int:
    """The exit code of a command, with which the process ends. What the command needs it imports itself."""
    gate = Gate()
    try:
        make_streams_sound()
        hear_signals()
        sys.meta_path.insert(0, gate)
        code = command()
        hear_signals(no_more=True)
        flush()
    except BaseException as error:  # before the command could, or while it did
        _tell_plainly(error)
        code = _UNFINISHED
    gate.end_with(code)
    return code


def make_streams_sound() -> None:
    """Have standard streams that nothing fails on: a closed one is nowhere, and what stderr does not take is lost.

    Else the next file to be opened would be the stream's number, and get what is said on it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)  # which takes the lowest free number
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    raw = io.BufferedWriter(_Unheeded(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(raw, encoding, "backslashreplace", line_buffering=True)


class _Unheeded(io.FileIO):
    """A stream that nobody need read: a full disk or a reader that left is no reason to end otherwise."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return len(data)  # type: ignore[arg-type]


def hear_signals(*, no_more: bool = False) -> None:
    """Have a run unwind when it is told to end, as at an interrupt, so that nothing of it is left lying about.

    What is ignored stays so (nohup). no_more: the run has ended, with a code of its own.
    """
    sys.unraisablehook = _unlost
    for number in _SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler, _stop):
            signal.signal(number, signal.SIG_IGN if no_more else _stop)


_heard: dict[int, float] = {}


def _stop(number: int, frame: FrameType | None) -> None:
    now, before = time.monotonic(), _heard.get(number)
    if before is not None and now - before < _AGAIN:
        return
    _heard[number] = now
    raise Stopped(signal.Signals(number).name if number != signal.SIGINT else "")


def _unlost(told: sys.UnraisableHookArgs) -> None:
    """Send a signal once more whose exception came where Python drops it, as in what is called when an object goes."""
    if not isinstance(told.exc_value, Stopped):
        sys.__unraisablehook__(told)
        return
    number = getattr(signal, str(told.exc_value) or "SIGINT")
    _heard.pop(number, None)
    again = threading.Timer(_LATER, signal.raise_signal, [number])
    again.daemon = True
    again.start()


def flush() -> None:
    """Write out what is left, so that Python has nothing to fail on when it ends."""
    from geoscope.files import give_up_stdout

    try:
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)


def _tell_plainly(error: BaseException) -> None:
    """One line, for which nothing need be imported."""
    what = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
    text = " ".join(f"geoscope: could not run: {what}; run again".split())
    os.write(2, text.encode("utf-8", "backslashreplace")[:1000] + b"\n")
