"""How a command ends: the exit codes, and the sentence on stderr that goes with each.

A crash must never look like a failed limit, so nothing but a failed limit ends with 1.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import IntEnum
from functools import wraps
from typing import ParamSpec, TextIO

import typer
from typer.exceptions import TyperException

from geoscope import __version__
from geoscope.errors import (
    GeoscopeError,
    Kept,
    NotComparable,
    TooLittleMemory,
    is_out_of_memory,
    shortened,
    system_trouble,
)
from geoscope.wording import printable

P = ParamSpec("P")

MOST_LINES = 8
"""So many lines of one sort are said on stderr; the others are counted."""


class ExitCode(IntEnum):
    """What a script may rely on."""

    DONE = 0
    LIMIT_FAILED = 1
    MISTAKE = 2
    UNFINISHED = 3
    NOT_COMPARABLE = 4


def settled(command: Callable[P, None]) -> Callable[P, None]:
    """The command, ending with an exit code whatever it raises.

    Here and not around the whole application, because typer turns a broken pipe into exit 1 on its own.
    """

    @wraps(command)
    def run(*args: P.args, **keywords: P.kwargs) -> None:
        try:
            command(*args, **keywords)
        except (typer.Exit, TyperException):
            raise
        except BaseException as error:
            raise typer.Exit(settle(error)) from error

    return run


def settle(error: BaseException) -> ExitCode:
    """Say on stderr what went wrong, in one sentence, and return the exit code for it."""
    count_other_warnings()
    if isinstance(error, GeoscopeError) and not is_out_of_memory(error.__cause__ or error):
        say(str(error))
        return ExitCode.NOT_COMPARABLE if isinstance(error, NotComparable) else ExitCode.MISTAKE
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        say(f"expected a path, got {shortened(str(error.filename))}, longer than any name; check it")
        return ExitCode.MISTAKE
    say("; ".join([_what_stopped(error), *_what_is_kept(error)]))
    return ExitCode.UNFINISHED


def _what_stopped(error: BaseException) -> str:
    """Why a run could not finish, what to do, and, where that can help, where its traceback is."""
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted{f' by {error}' * bool(str(error))} before it was done"
    if isinstance(error, TooLittleMemory):
        return str(error)
    if is_out_of_memory(error.__cause__ or error):
        return (
            f"ran out of memory; try fewer --points, fewer --layers or a smaller --batch-tokens{_traceback_of(error)}"
        )
    trouble = system_trouble(error)
    if trouble is not None:
        what, advice = trouble
        return f"could not finish: {what}; {advice} and run again{_traceback_of(error)}"
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"could not finish because of a bug, {shortened(what)}; please report it{_traceback_of(error, shown=True)}"


def _what_is_kept(error: BaseException) -> list[str]:
    """What the parts of the run said of it, which each did what it could keep."""
    told = [str(note) for note in getattr(error, "__notes__", ()) if isinstance(note, Kept)]
    return told or ["nothing of it is kept: run it again"] * isinstance(error, KeyboardInterrupt)


def say(text: str) -> None:
    """One line on stderr, with the program's name in front."""
    with suppress(OSError):  # nobody reads stderr, and that is no reason to end otherwise
        typer.echo(f"geoscope: {printable(' '.join(shortened(text).split()))}", err=True)


def say_some(lines: Sequence[str], more: str, *, beside: int = 0) -> None:
    """The first of many lines on stderr, and of the rest their number. more: what they are of. beside: lines that are
    there already, and count."""
    most = max(1, MOST_LINES - beside)
    for line in lines[:most]:
        say(line)
    if len(lines) > most:
        say(f"and {len(lines) - most:,} more {more}")


def mind_warnings(*, quiet: bool) -> None:
    """Print geoscope's own warnings as lines on stderr (unless quiet), and nobody else's."""

    warnings.simplefilter("ignore")
    if not quiet:
        warnings.filterwarnings("always", module=r"geoscope(\.|$)")
    warnings.showwarning = _show_warning


_LIKE = 3
"""So many warnings are shown that differ in their numbers alone."""

_warned: Counter[str] = Counter()
"""How many warnings of each kind this run gave (what they say, less its numbers), and how many were shown and not."""


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    kind = f"warning: {re.sub(r'[0-9]+', '#', str(message))}"
    _warned[kind] += 1
    if _warned[kind] > _LIKE or _warned["shown"] >= MOST_LINES:
        _warned["not shown"] += 1
    else:
        _warned["shown"] += 1
        say(f"warning: {message}")


def count_other_warnings() -> None:
    """Say how many warnings of this run were not shown, and forget them all."""
    if _warned["not shown"]:
        say(f"warning: {_warned['not shown']:,} more, not shown")
    _warned.clear()


def _traceback_of(error: BaseException, *, shown: bool = False) -> str:
    """The file that holds the traceback, in brackets; what has no place in any is shown, or left out."""
    text = f"geoscope {__version__}, Python {sys.version}, {sys.platform}\n\n"
    text += "".join(traceback.format_exception(error))
    name = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="geoscope-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            name = file.name
            file.write(text)
    except (OSError, MemoryError):
        if name is not None:  # a part of it helps nobody
            with suppress(OSError):
                os.unlink(name)
        if not shown:
            return ""
        with suppress(OSError):
            typer.echo(text, err=True)
        return " (the traceback is above)"
    return f" (the traceback is in {name})"
