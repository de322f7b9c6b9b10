"""How a command ends: the exit codes, and the sentence on stderr that goes with each.

A crash must never look like a failed limit, so nothing but a failed limit ends with 1.
"""

from __future__ import annotations

import errno
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from functools import wraps
from typing import ParamSpec, TextIO

import typer
from typer.exceptions import TyperException

from geoscope import __version__
from geoscope.errors import GeoscopeError, NotComparable, is_out_of_memory
from geoscope.files import OutputClosed
from geoscope.wording import printable

P = ParamSpec("P")


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
    if isinstance(error, OutputClosed):
        return ExitCode.DONE
    if isinstance(error, GeoscopeError):
        say(str(error))
        return ExitCode.NOT_COMPARABLE if isinstance(error, NotComparable) else ExitCode.MISTAKE
    if isinstance(error, KeyboardInterrupt):
        say("interrupted before it was done")
        return ExitCode.UNFINISHED
    if is_out_of_memory(error):
        say(
            "ran out of memory; try fewer --points, fewer --layers or a smaller --batch-tokens "
            f"({_keep_traceback(error)})"
        )
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" for {error.filename}" if error.filename else ""
        say(f"the disk is full{where}; make room and run again ({_keep_traceback(error)})")
    else:
        what = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
        say(f"could not finish because of a bug, {what}; please report it ({_keep_traceback(error)})")
    return ExitCode.UNFINISHED


def say(text: str) -> None:
    """One line on stderr, with the program's name in front."""
    with suppress(OSError):  # nobody reads stderr, and that is no reason to end otherwise
        typer.echo(f"geoscope: {printable(' '.join(text.split()))}", err=True)


def mind_warnings(*, quiet: bool) -> None:
    """Print geoscope's own warnings as lines on stderr (unless quiet), and nobody else's."""

    warnings.simplefilter("ignore")
    if not quiet:
        warnings.filterwarnings("always", module=r"geoscope(\.|$)")
    warnings.showwarning = _show_warning


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    say(f"warning: {message}")


def _keep_traceback(error: BaseException) -> str:
    text = f"geoscope {__version__}, Python {sys.version}, {sys.platform}\n\n"
    text += "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="geoscope-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(text)
    except OSError:  # nowhere to write, so stderr has to hold it
        with suppress(OSError):
            typer.echo(text, err=True)
        return "the traceback is above"
    return f"the traceback is in {file.name}"
