"""Files: text and bytes to a file or to standard output, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import IO, Any, NoReturn

from geoscope.errors import GeoscopeError
from geoscope.scratch import new_name, remove_stale
from geoscope.wording import printable_json

STDOUT = "-"


_LONGEST_NAME, _LONGEST_PATH = 255, 4095  # bytes


def path_of(name: str | os.PathLike[str], what: str = "a path") -> Path:
    """A name as a path; raises GeoscopeError for one that no file can have. what: it should be, as errors say."""
    path = Path(name)
    if "\0" in str(name):
        raise GeoscopeError(f"expected {what}, got {str(name)[:80]!r}, which has a zero byte in it; check it")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise GeoscopeError(
            f"expected {what}, got {str(name)[:80]!a}, in which a character is half of one; check it"
        ) from error
    if is_too_long(path):
        raise GeoscopeError(
            f"expected {what}, got {len(str(name)):,} characters, longer than any name: {str(name)[:40]}...; check it"
        )
    return path


def path_from_home(name: str | os.PathLike[str], what: str = "a path") -> Path:
    """The same with a ~ before it as the folder of the user that it is of; raises GeoscopeError for one of nobody."""
    path = path_of(name, what)
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise GeoscopeError(
            f"expected the folder of a user, got {str(name)[:80]!r}, whose folder is not known; write the path out"
        ) from error


def is_too_long(path: Path) -> bool:
    """Whether no file can be called so."""
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    return longest > _LONGEST_NAME or len(os.fsencode(path)) > _LONGEST_PATH


def check_destination(destination: str) -> None:
    """Refuse, before any work, a file that could not be written after it."""
    if destination == STDOUT:
        return
    path = Path(os.path.realpath(path_of(destination)))
    if path.is_dir():
        raise GeoscopeError(f"expected the output to be a file, got the folder {destination}; name a file in it")
    if not path.parent.is_dir():
        raise GeoscopeError(f"expected the output in a folder that exists, got {destination}; make {path.parent} first")
    target = path if path.exists() and not path.is_file() else path.parent
    if not os.access(target, os.W_OK):
        raise GeoscopeError(f"expected the output where geoscope may write, got {destination}; {target} is read-only")


def send(text: str, destination: str = STDOUT) -> None:
    """Write the whole text, as UTF-8, to a file or, for "-", to standard output, where somebody may read it or not."""
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
    remove_stale(path.parent)
    beside = path.with_name(f".{new_name()}.tmp")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o7777)
        os.replace(beside, path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # what is full, or refuses, has nothing to do with the name beside it
        raise


def take_room(file: IO[bytes], size: int) -> None:
    """Make a file so long, on a disk that has the room. Raises OSError where it has not."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            error.filename = file.name
            raise
    zeros = bytes(2**20)  # where the system cannot: macOS, some network disks
    file.seek(0, os.SEEK_END)
    while (left := size - file.tell()) > 0:
        file.write(zeros[:left])
    file.flush()


def write_json(path: Path, content: Any) -> None:
    """Write JSON to a file, whole or not at all."""
    write_whole(path, json_text(content).encode())


def _send_to_stdout(data: bytes) -> None:
    if sys.stdout is None:  # closed before Python began
        return
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)


def give_up_stdout(error: OSError) -> None:
    """Point standard output nowhere, so that nothing fails on what is still in its buffer.

    Raises the error, unless whoever read has left or it was closed: there is nobody to tell then.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    if error.errno not in (errno.EPIPE, errno.EBADF):
        error.filename = "standard output"
        raise error


def json_text(content: Any) -> str:
    """The text: two-space indent, keys in their order, a newline at the end. Raises ValueError for NaN and infinity."""
    return printable_json(json.dumps(unsigned(content), indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


MOST_NESTED = 100
"""Lists and objects in each other that JSON may have here: far more than anything has, far less than Python can."""

_MOST_DIGITS, _MOST_READ = 300, 4000
"""Of a whole number: one that a float holds too; one that Python reads."""


def json_content(data: str | bytes, refuse: Callable[[str], NoReturn] | None = None, *, once: bool = False) -> Any:
    """What JSON holds; of bytes, which are UTF-8, a byte order mark is left out.

    refuse: what is called for NaN and for numbers beyond a float. once: no name may stand twice in an object. Raises
    ValueError, and nothing else, for what is no JSON, and for numbers and nesting beyond what anything made here has.
    """

    def real(text: str) -> float:
        value = float(text)
        return value if refuse is None or isfinite(value) else refuse(text[:40])

    def whole(text: str) -> int:
        if len(text) > (_MOST_READ if refuse is None else _MOST_DIGITS):
            raise ValueError(f"a number of {len(text):,} digits")
        return int(text)

    text = data if isinstance(data, str) else data.decode("utf-8-sig")
    numbers: dict[str, Any] = {} if refuse is None else {"parse_constant": refuse, "parse_float": real}
    try:
        content = json.loads(text, parse_int=whole, object_pairs_hook=held_once if once else None, **numbers)
    except RecursionError as error:
        raise ValueError(_NESTED) from error
    if text.count("[") + text.count("{") > MOST_NESTED:
        _refuse_nested(content)
    return content


class TwiceError(ValueError):
    """An object of JSON with a name that stands twice in it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the field {name!r} twice")
        self.name = name


def held_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its names and values, for json's `object_pairs_hook`; raises TwiceError, since whoever reads on
    would take one of two values in silence."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise TwiceError(name)
        found[name] = value
    return found


_NESTED = f"lists and objects in each other more than {MOST_NESTED} deep"


def _refuse_nested(content: Any) -> None:
    level = [content] if isinstance(content, (dict, list)) else []
    for _ in range(MOST_NESTED):
        parts = (each.values() if isinstance(each, dict) else each for each in level)
        level = [part for held in parts for part in held if isinstance(part, (dict, list))]
        if not level:
            return
    raise ValueError(_NESTED)


def is_none(value: object) -> bool:
    """Whether a field has nothing to say, for those that are left out then."""
    return value is None


def unsigned(content: Any) -> Any:
    """The same content with 0.0 in the place of -0.0: a direction is not said of what is nothing."""
    if isinstance(content, float):
        return content + 0.0
    if isinstance(content, Mapping):
        return {key: unsigned(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [unsigned(value) for value in content]
    return content
