"""Where a result goes: to standard output or a file, whole or not at all, in the form that was asked for."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from geoscope.errors import GeoscopeError

STDOUT = "-"
FORMS = ("table", "json", "csv", "markdown", "html")

SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "table",
    ".html": "html",
    ".htm": "html",
    ".xml": "junit",
}


class OutputClosed(Exception):
    """Whoever read standard output stopped reading; there is nobody left to tell."""


def choose_format(asked: str | None, destination: str = STDOUT, forms: Collection[str] = FORMS) -> str:
    """The form of the output: --format, else -o's suffix, else a table on a terminal and json in a pipe.

    forms: what the command can write. Raises GeoscopeError for a suffix that is none of them.
    """
    if asked is not None:
        return asked
    if destination == STDOUT:
        return "table" if sys.stdout.isatty() else "json"
    suffixes = {suffix: form for suffix, form in SUFFIXES.items() if form in forms}
    suffix = Path(destination).suffix.lower()
    if suffix not in suffixes:
        raise GeoscopeError(
            f"expected -o to name a file that ends in one of {' '.join(suffixes)}, got {destination}; "
            "rename it, or choose with --format"
        )
    return suffixes[suffix]


@dataclass(frozen=True)
class Page:
    """What a table is drawn on: a terminal so many columns wide, or (width None) a page of any width."""

    width: int | None = None
    color: bool = False


def page_of(destination: str = STDOUT) -> Page:
    """The terminal, if that is where the output goes; in color unless NO_COLOR is set or it cannot."""
    if destination != STDOUT or not sys.stdout.isatty():
        return Page()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Page(shutil.get_terminal_size().columns, not plain)


def check_destination(destination: str) -> None:
    """Refuse, before any work, a file that could not be written after it."""
    if destination == STDOUT:
        return
    path = Path(os.path.realpath(destination))
    if path.is_dir():
        raise GeoscopeError(f"expected the output to be a file, got the folder {destination}; name a file in it")
    if not path.parent.is_dir():
        raise GeoscopeError(f"expected the output in a folder that exists, got {destination}; make {path.parent} first")
    target = path if path.exists() and not path.is_file() else path.parent
    if not os.access(target, os.W_OK):
        raise GeoscopeError(f"expected the output where geoscope may write, got {destination}; {target} is read-only")


def send(text: str, destination: str = STDOUT) -> None:
    """Write the whole text, as UTF-8, to a file or, for "-", to standard output.

    Raises OutputClosed where nobody reads standard output any more.
    """
    data = text.encode("utf-8", "backslashreplace")
    if destination == STDOUT:
        _send_to_stdout(data)
    else:
        write_whole(Path(destination), data)


def write_whole(path: Path, data: bytes) -> None:
    """Put data in a file so that a reader finds the old content or the new, never a part."""
    check_destination(str(path))
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():  # a device or a pipe must not be replaced by a file
        path.write_bytes(data)
        return
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o7777)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _send_to_stdout(data: bytes) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as error:
        silence_stdout()
        if error.errno == errno.EPIPE:
            raise OutputClosed from error
        raise


def silence_stdout() -> None:
    """Point standard output nowhere, so that the flush at exit cannot fail on what is still in its buffer."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def rendered(form: str, what: str, makers: Mapping[str, Callable[[], str]]) -> str:
    """What the maker of that form makes; a form that has none is refused, with what it was wanted for."""
    if form not in makers:
        *most, last = makers
        raise GeoscopeError(f"expected {', '.join(most)} or {last} for {what}, got {form}; choose with --format")
    return makers[form]()
