"""Files: text and bytes to a file or to standard output, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from geoscope.errors import GeoscopeError
from geoscope.scratch import new_name, remove_stale

STDOUT = "-"


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
    return json.dumps(unsigned(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


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
