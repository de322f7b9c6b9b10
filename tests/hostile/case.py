"""A case: files, a command line, and what must come: an exit code, words, and the files that are there afterwards."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LIGHT = frozenset(
    {
        "--help",
        "--version",
        "-h",
        "check",
        "compare",
        "config",
        "correlate",
        "measures",
        "protocols",
        "report",
        "schema",
        "show",
    }
)
"""Commands that need no torch on files, and so have seconds and megabytes to match."""

DONE, FAILED, MISTAKE, UNFINISHED, UNLIKE = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Signal:
    """A signal, sent so many seconds after what is waited for: a text on stderr, a file, or the start."""

    number: int
    after: float = 0.0
    said: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class Case:
    """One command and what must come of it.

    line: the words behind `geoscope`. codes: those that are right. words: patterns, each in stdout or stderr, whatever
    the case of letters. absent: patterns that are in neither. files: what is there before, by name. made: patterns of
    files that may be new or changed; must: those that must be there after. stdin, stdout, stderr: bytes to read, or how
    a stream is: "closed", "full", "broken" (its reader gone), "open" (nothing comes, nothing ends), "@name" for a file
    of the case. limits: of the process, by the name in `resource` less RLIMIT_. signal: sent while it runs. twice: two
    are started at once. seconds: of CPU. megabytes: resident.
    """

    name: str
    line: Sequence[str]
    codes: Collection[int]
    words: Sequence[str] = ()
    absent: Sequence[str] = ()
    files: Mapping[str, Any] = field(default_factory=dict)
    made: Sequence[str] = ()
    must: Sequence[str] = ()
    stdin: bytes | str = b""
    stdout: str = ""
    stderr: str = ""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    signal: Signal | None = None
    twice: bool = False
    gone: bool = False
    seconds: float = 0.0
    megabytes: float = 0.0
    kind: str = ""

    @property
    def light(self) -> bool:
        """Whether it should need neither torch nor numpy."""
        return not self.line or self.line[0] in LIGHT or not {*self.line}.isdisjoint({"--help", "-h", "--help-all"})

    @property
    def most_seconds(self) -> float:
        """CPU that it may take: light commands answer at once; torch alone takes some two seconds to import."""
        return self.seconds or (6.0 if self.light else 60.0)

    @property
    def most_megabytes(self) -> float:
        """Memory that it may hold."""
        return self.megabytes or (220.0 if self.light else 1100.0)


def right(name: str, line: str | Sequence[str], *words: str, **more: Any) -> Case:
    """A command that must do its work."""
    return _case(name, line, (DONE,), words, more)


def fails(name: str, line: str | Sequence[str], *words: str, **more: Any) -> Case:
    """A limit that must fail: the only way to exit code 1."""
    return _case(name, line, (FAILED,), words, more)


def refused(name: str, line: str | Sequence[str], *words: str, **more: Any) -> Case:
    """A mistake that must be told in a sentence; words: what it must say."""
    return _case(name, line, (MISTAKE,), words, more)


def unfinished(name: str, line: str | Sequence[str], *words: str, **more: Any) -> Case:
    """What cannot be finished, and is nobody's mistake."""
    return _case(name, line, (UNFINISHED,), words, more)


def unlike(name: str, line: str | Sequence[str], *words: str, **more: Any) -> Case:
    """What cannot be held against each other."""
    return _case(name, line, (UNLIKE,), words, more)


def _case(name: str, line: str | Sequence[str], codes: Collection[int], words: Sequence[str], more: Any) -> Case:
    typed = shlex.split(line) if isinstance(line, str) else list(line)
    return Case(name=name, line=typed, **{"codes": codes, "words": words, **more})
