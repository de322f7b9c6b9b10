"""Scratch: files and folders that a run makes for itself, named so that a later run knows what a dead one left."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import tempfile
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path

_NAME = re.compile(r"^\.?geoscope-([0-9a-f]{8})-([1-9][0-9]*)-[0-9a-f]{8}(?:[._-].*)?$")
_SEEN: set[str] = set()
"""Folders that this process has looked through."""


def new_name() -> str:
    """A name that nothing has, which says by its number whose process made it."""
    return f"geoscope-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"


def scratch_folder(beside: Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when it is closed or forgotten, among the system's temporary files or beside a path.

    What dead processes left there of theirs goes now.
    """
    parent = Path(tempfile.gettempdir()) if beside is None else beside.parent
    remove_stale(parent)
    hidden = "" if beside is None else "."
    return tempfile.TemporaryDirectory(prefix=f"{hidden}{new_name()}-", dir=parent, ignore_cleanup_errors=True)


def remove_stale(folder: Path) -> None:
    """Delete, once a process, what processes that are dead left in a folder; what is not known to be theirs stays."""
    where = str(folder)
    if where in _SEEN:
        return
    _SEEN.add(where)
    with suppress(OSError), os.scandir(where) as entries:
        for entry in [each for each in entries if _is_left(each.name)]:
            with suppress(OSError):  # another's, or another run is at it
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


def _is_left(name: str) -> bool:
    """Whether a name is one of geoscope's whose process was on this machine and is no more."""
    made = _NAME.match(name)
    return made is not None and made[1] == _machine() and not _lives(int(made[2]))


def _lives(process: int) -> bool:
    if sys.platform == "win32":  # where to ask is to end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


@cache
def _machine() -> str:
    """What processes' numbers are of: this machine and, of its containers, this one."""
    told = [os.uname().nodename if hasattr(os, "uname") else ""]
    with suppress(OSError):
        told.append(Path("/etc/machine-id").read_text())
    with suppress(OSError):
        told.append(os.readlink("/proc/self/ns/pid"))
    return f"{zlib.crc32(chr(10).join(told).encode()):08x}"
