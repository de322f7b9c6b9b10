"""Pipes: text from standard input, kept in a file so that it can be read again."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from geoscope.bounds import DISK_LEFT_BYTES
from geoscope.errors import GeoscopeError
from geoscope.scratch import scratch_folder
from geoscope.subjects.tables.encodings import MARKS, read_lines, read_text
from geoscope.subjects.texts.corpus_places import PIPE

_BEGUN = re.compile(r"[\[{]$|\[?\s*\{\s*\"")
"""How a line begins that is of JSON written over several lines, be it whole or not."""
_LOOKED_AT, _BLOCK = 1 << 16, 1 << 20
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # each goes with the process


@cache
def spooled(pipe: str) -> Path:
    """What comes through a pipe, as a file: `.jsonl` where lines are records of JSON, `.json` for one value, or `.txt`.

    A pipe gives its text once; whoever asks again in this process gets the same.
    """
    folder = scratch_folder()
    _FOLDERS.append(folder)
    path = Path(folder.name) / ("standard-input" if pipe == PIPE else "pipe")
    with path.open("wb") as file:
        if pipe == PIPE:
            _copy(pipe, _standard_input(), file)
        else:
            with Path(pipe).open("rb") as stream:
                _copy(pipe, stream, file)
    return path.rename(path.with_suffix(_suffix(path)))


def _copy(pipe: str, stream: Any, file: Any) -> None:
    """All that comes, seen to be text before it fills a disk, which one that never ends would."""
    block = stream.read(_LOOKED_AT)
    if b"\0" in block and not block.startswith(MARKS):
        raise GeoscopeError(f"expected text on {_told(pipe)}, got a NUL byte; pipe text in, as UTF-8")
    copied = room = 0
    while block:
        if copied >= room:
            room = copied + (shutil.disk_usage(file.name).free - DISK_LEFT_BYTES) // 2
            if room <= copied:
                raise GeoscopeError(
                    f"expected text on {_told(pipe)} that ends while there is room for it, got {copied >> 20:,} MB, "
                    f"and {file.name} is on a disk that has no more than {DISK_LEFT_BYTES >> 20:,} MB left; save the "
                    "text in a file and name that, or set TMPDIR to a folder with more room"
                )
        copied += file.write(block)
        block = stream.read(_BLOCK)


def _told(pipe: str) -> str:
    return "standard input" if pipe == PIPE else pipe


def _standard_input() -> Any:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.closed or sys.stdin.isatty():
        got = "a terminal" if stream is not None and not stream.closed else "none"
        raise GeoscopeError(f"expected text on standard input, got {got}; pipe it in, or name a file")
    return stream


def _suffix(path: Path) -> str:
    """`.jsonl` where the first line is an object or every line a string; `.json` for one value in all the lines."""
    lines = (line.strip() for line in read_lines(path, "a corpus") if line.strip())
    first = next(lines, "")
    value = _value(first)
    if isinstance(value, dict):
        return ".jsonl"
    if isinstance(value, str):
        return ".jsonl" if all(isinstance(_value(line), (str, dict)) for line in lines) else ".txt"
    if not first.startswith(("[", "{")):
        return ".txt"
    whole = _value(read_text(path, "a corpus")) if value is None or next(lines, None) is None else None
    held = whole[0] if isinstance(whole, list) and whole else whole
    return ".json" if isinstance(held, (str, dict)) or _BEGUN.match(first) else ".txt"


def _value(text: str) -> Any:
    """What a text is in JSON, None where it is nothing of it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
