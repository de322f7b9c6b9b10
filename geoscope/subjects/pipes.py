"""Pipes: text from standard input, kept in a file so that it can be read again."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.corpus_places import PIPE
from geoscope.subjects.encodings import read_lines

_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # each goes with the process


@cache
def spooled(pipe: str) -> Path:
    """What comes through a pipe, as a file: `.jsonl` where the first line is an object of JSON, else `.txt`.

    A pipe gives its text once; whoever asks again in this process gets the same.
    """
    folder = tempfile.TemporaryDirectory(prefix="geoscope-")
    _FOLDERS.append(folder)
    path = Path(folder.name) / ("standard-input" if pipe == PIPE else "pipe")
    with path.open("wb") as file:
        if pipe == PIPE:
            shutil.copyfileobj(_standard_input(), file)
        else:
            with Path(pipe).open("rb") as stream:
                shutil.copyfileobj(stream, file)
    first = next((line for line in read_lines(path, "a corpus") if line.strip()), "")
    return path.rename(path.with_suffix(".jsonl" if _is_record(first) else ".txt"))


def _standard_input() -> Any:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or stream.closed or sys.stdin.isatty():
        got = "a terminal" if stream is not None and not stream.closed else "none"
        raise GeoscopeError(f"expected text on standard input, got {got}; pipe it in, or name a file")
    return stream


def _is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
