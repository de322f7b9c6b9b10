"""Encodings: a text file's bytes as text."""

from __future__ import annotations

import codecs
from pathlib import Path

from geoscope.errors import GeoscopeError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which is how it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: Path, what: str) -> str:
    """A file's text, its line ends as they are: UTF-8, or what its byte-order mark says.

    Raises GeoscopeError where `what` cannot be read, bytes are not of the encoding, or a NUL is among them.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GeoscopeError(
            f"expected {what} to read, got {path}: {error.strerror or error}; check the path"
        ) from error
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise GeoscopeError(
            f"expected text in {encoding.upper()}, got something else at byte {len(mark) + error.start} of {path}; "
            "save it as UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise GeoscopeError(f"expected text, got a NUL byte in line {line} of {path}; save it as UTF-8")
    return text
