"""Run folders: where a run keeps its work: one writer, by a lock that dies with its process; one set of settings."""

from __future__ import annotations

import errno
import os
import platform
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.bounds import DESCRIPTION_BYTES, read_whole
from geoscope.errors import GeoscopeError
from geoscope.files import json_content, path_from_home, write_json

LOCK = ".geoscope.lock"
"""The file in a run folder that its writer holds; it goes when the run ends, and holds nobody back after a kill."""

SETTINGS = "settings"
"""The name of the file that says how a claimed folder's work was made."""

_UNFINISHED = re.compile(r"\.(?:.+\.json\.[0-9a-f]{8}|geoscope-.+)\.tmp")
"""What a file is called while it is being written."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

_held: ContextVar[frozenset[str]] = ContextVar("held", default=frozenset())  # what this run may write already


@contextmanager
def only_writer(folder: str | os.PathLike[str] | None, option: str, *, temporary: bool = False) -> Iterator[None]:
    """Be the only run that writes a folder, which is made where it is new, for as long as the context lasts.

    The lock is the system's and dies with its process, however that ends. A run that holds the folder may take it
    again. Loads nothing heavy, so that who comes second is refused at once. option: what named the folder; None is no
    folder. temporary: it is for unfinished work alone, and goes where none is left. Raises GeoscopeError where another
    run writes there, or nobody may.
    """
    path = None if folder is None else path_from_home(folder, f"a folder as {option}")
    if path is None or os.path.realpath(path) in _held.get():
        yield
        return
    if path.exists() and not path.is_dir():
        raise GeoscopeError(
            f"expected {option} to name a new folder or one of runs before, got a file, {path}; name another"
        )
    descriptor, made = _lock(path, option)
    for left in path.iterdir():
        if _UNFINISHED.fullmatch(left.name):  # of a run that is dead, since this one has the folder to itself
            left.unlink(missing_ok=True)
    token = _held.set(_held.get() | {os.path.realpath(path)})
    try:
        yield
    finally:
        _held.reset(token)
        with suppress(OSError):
            (path / LOCK).unlink()  # before it is let go: who waits for this very file sees that it is gone
        os.close(descriptor)
        with suppress(OSError):  # a folder that something was kept in stays
            for empty in dict.fromkeys([path] * temporary + made):
                empty.rmdir()


def parts_of(output: str | os.PathLike[str]) -> Path:
    """The folder beside a file or folder where what is finished of it is kept until all is."""
    path = path_from_home(output)
    return path.with_name(f"{path.name}.parts")


def _lock(folder: Path, option: str) -> tuple[int, list[Path]]:
    """The lock's descriptor, and the folders that were made for it, the innermost first."""
    while True:
        try:
            made = [each for each in (folder, *folder.parents) if not each.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # another run that ended took the folder away
            continue
        except OSError as error:
            if error.errno in _FULL:
                raise
            raise unwritable(folder, option, error) from error
        try:
            _take(descriptor, folder)
        except BlockingIOError:
            told = _writer(descriptor)
            os.close(descriptor)
            raise GeoscopeError(
                f"expected {option} to name a folder that no other run writes, got {folder}, which {told} is writing; "
                "wait until it is done and run again, or name another folder"
            ) from None
        if _is(descriptor, folder / LOCK):
            break
        os.close(descriptor)  # of a run that ended meanwhile
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {platform.node()}".encode())
    return descriptor, made


def _take(descriptor: int, folder: Path) -> None:
    """Lock a file; raises BlockingIOError where another process has. Where there are no locks, a warning says so."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except (ImportError, OSError) as error:  # Windows, or a network's file system that has none
        warnings.warn(
            f"the file system of {folder} has no locks ({error}); see to it that no other run writes there",
            stacklevel=2,
        )


def _is(descriptor: int, path: Path) -> bool:
    """Whether a path still leads to the file that is open."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _writer(descriptor: int) -> str:
    """Who holds a lock, by what it wrote there."""
    number, _, host = os.read(descriptor, 300).decode(errors="replace").partition(" ")
    if not number.isdecimal():
        return "another process"
    return f"process {number}" if host == platform.node() else f"process {number} on {host}"


def unwritable(folder: Path, option: str, error: OSError) -> GeoscopeError:
    """What is said of a folder that nothing can be written to."""
    return GeoscopeError(
        f"expected {option} where geoscope may write, got {folder}: {error.strerror}; name another folder"
    )


def difference(name: str, asked: Any, held: Any) -> str:
    """What of a setting is not as it was asked, in words; empty where all is. What a thing is called does not count."""
    if isinstance(asked, Mapping) and isinstance(held, Mapping):
        parts = [difference(key, asked.get(key), held.get(key)) for key in {**asked, **held} if key != "name"]
        return ", ".join(part for part in parts if part)
    return "" if asked == held else f"{name} {held} (asked: {asked})"


@dataclass(frozen=True)
class ClaimedFolder:
    """A folder for work of the same settings. option: that named it; what: it holds; new: what a new one is called."""

    folder: Path
    option: str
    what: str
    new: str

    @property
    def path(self) -> Path:
        """The file that says the settings."""
        return self.folder / f"{SETTINGS}.json"

    def held(self) -> dict[str, Any] | None:
        """What the folder says, None where it is new. Raises GeoscopeError for one that holds something else."""
        if not self.path.is_file():
            if self.folder.exists() and (
                not self.folder.is_dir() or any(path.name != LOCK for path in self.folder.iterdir())
            ):
                raise GeoscopeError(f"expected {self.option} to name {self.new}, got {self.folder}; name another")
            return None
        try:
            return dict(json_content(read_whole(self.path, "settings", DESCRIPTION_BYTES)))
        except (OSError, ValueError, TypeError) as error:
            raise GeoscopeError(
                f"expected in {self.path} the settings of the {self.what} beside it, got something else ({error!r}); "
                "name another folder"
            ) from error

    def check(self, asked: Mapping[str, Any], held: Mapping[str, Any]) -> None:
        """Raises GeoscopeError where settings that are asked for are not the folder's."""
        told = [difference(name, asked.get(name), held.get(name)) for name in {**asked, **held}]
        if any(told):
            raise GeoscopeError(
                f"expected {self.option} to name a folder of {self.what} with the same settings, got {self.folder} "
                f"with {'; '.join(filter(None, told))}; name another folder, or ask for its settings"
            )

    def claim(self, content: Mapping[str, Any]) -> None:
        """Write what the folder is to say, making it where it is new."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.path, content)
        except OSError as error:
            if error.errno in _FULL:
                raise
            raise unwritable(self.folder, self.option, error) from error
