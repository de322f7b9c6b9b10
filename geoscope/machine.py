"""The machine: how much memory it has, and how much of it this process is allowed. Loads no library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Limit(NamedTuple):
    """A limit on memory: whether of addresses, of a process's own data or of what is resident, the bytes that it
    allows, those that are held, and how it is set."""

    of: str
    bytes: int
    held: int
    name: str


def limits() -> Iterator[Limit]:
    """Those that this process is under."""
    try:
        import resource
    except ImportError:  # Windows
        return
    held = _held()
    for of, number, name in (
        ("addresses", resource.RLIMIT_AS, "ulimit -v"),
        ("data", resource.RLIMIT_DATA, "ulimit -d"),
    ):
        allowed = resource.getrlimit(number)[0]
        if allowed != resource.RLIM_INFINITY and of in held:
            yield Limit(of, allowed, held[of], name)
    for path in _groups():
        with suppress(OSError, ValueError):
            yield Limit("resident", int(path.read_text()), 0, "of the container, or control group")


def memory_bytes() -> int | None:
    """What the machine has in all, or less where a limit says so; None where the system does not tell."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows; systems without the names
        return None
    return min([whole, *(limit.bytes for limit in limits())])


def _held() -> dict[str, int]:
    """Bytes that this process holds; empty where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text().split()
    except OSError:
        return {}
    return {"addresses": int(pages[0]) * os.sysconf("SC_PAGESIZE"), "data": int(pages[5]) * os.sysconf("SC_PAGESIZE")}


def _groups() -> Iterator[Path]:
    """The files of this process's control groups, and of those around them, that may hold a bound."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, place = line.split(":", 2)
            if kinds not in ("", "memory"):
                continue
            root, file = (
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes") if kinds else ("/sys/fs/cgroup", "memory.max")
            )
            inner = Path(root + place)
            yield from (each / file for each in (inner, *inner.parents) if each.is_relative_to(root))
