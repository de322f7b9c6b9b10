"""Encodings: a text file's bytes as text, packed with gzip or not, whole or line by line."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from geoscope.bounds import LINE_CHARACTERS, UNPACKED_BYTES, UNPACKED_RATIO, WHOLE_BYTES, refuse_irregular
from geoscope.errors import GeoscopeError, first_line
from geoscope.files import path_of
from geoscope.subjects.tables.file_heads import known_head

PACKED = ".gz"
"""What a file's name ends in, after its own ending, where it is packed; its first bytes decide."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which is how it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GZIP = b"\x1f\x8b"
MARKS = (*(mark for mark, _ in _MARKS), _GZIP)
"""How text begins that may hold NUL bytes as it stands in a file."""

_HEAD = 64
_BLOCK = 1 << 20


def unpacked_name(path: Path) -> Path:
    """The path less a `.gz`, so that its ending says what is in it."""
    return path.with_suffix("") if path.suffix.lower() == PACKED else path


def read_text(path: Path, what: str) -> str:
    """A file's text, its line ends as they are: UTF-8, or what its byte-order mark says.

    Raises GeoscopeError where `what` cannot be read, bytes are not of the encoding, or a NUL is among them.
    """
    pieces, held = [], 0
    for piece in _pieces(path, what, newline=""):
        pieces.append(piece)
        held += len(piece)
        if held > WHOLE_BYTES:
            raise GeoscopeError(
                f"expected {what} of at most {WHOLE_BYTES >> 20} MB in a file that is read whole, got more in {path}; "
                "write a record a line as .jsonl, which is read at any size"
            )
    return "".join(pieces)


def read_lines(path: Path, what: str, *, newline: str | None = None) -> Iterator[str]:
    """The same text line by line, each with its end: as it stands for newline "", as one "\\n" for None.

    Raises GeoscopeError too for a line of more than LINE_CHARACTERS.
    """
    for number, line in enumerate(_pieces(path, what, newline=newline), start=1):
        if len(line) > LINE_CHARACTERS:
            raise GeoscopeError(
                f"expected {what} in lines of at most {LINE_CHARACTERS >> 20} million characters, got a longer line "
                f"{number} in {path}; cut it, for a sequence is a line"
            )
        yield line


def _pieces(path: Path, what: str, *, newline: str | None) -> Iterator[str]:
    """The same text in lines; of one that is too long its beginning, and then the rest."""
    with opened_bytes(path, what) as stream:
        encoding, _ = _encoding(stream)
        text = io.TextIOWrapper(cast(IO[bytes], stream), encoding, newline=newline)
        number = 1
        try:
            while line := text.readline(LINE_CHARACTERS + 1):
                if "\0" in line:
                    raise GeoscopeError(f"expected text, got a NUL byte in line {number} of {path}; save it as UTF-8")
                number += 1
                yield line
        except UnicodeDecodeError as error:
            raise GeoscopeError(
                f"expected text in {encoding.upper()}, got something else at byte {_undecoded(path, what)} of {path}; "
                "save it as UTF-8"
            ) from error


@contextmanager
def opened_bytes(path: Path, what: str, *, text: bool = True) -> Iterator[Any]:
    """A file as a stream of bytes, unpacked where it is packed with gzip.

    text: refuse what is none. Raises GeoscopeError too where the file cannot be read, or unpacks to far more than its
    size.
    """
    refuse_irregular(path, what)
    try:
        with path_of(path).open("rb") as file:
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            inside: Any = gzip.GzipFile(fileobj=file) if packed else file
            if text:
                _refuse_other_kinds(inside.read(_HEAD), path, what)
                inside.seek(0)
            yield io.BufferedReader(_Bounded(inside, path), _BLOCK) if packed else inside
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise GeoscopeError(
            f"expected {what} packed with gzip, got {path}, which cannot be unpacked: {first_line(error)}; "
            "write it again"
        ) from error
    except OSError as error:
        raise GeoscopeError(
            f"expected {what} to read, got {path}: {error.strerror or error}; check the path"
        ) from error


def unpacked(path: Path) -> IO[bytes]:
    """What is packed in a file with gzip, as a stream; raises GeoscopeError where it is far more than the file."""
    return io.BufferedReader(_Bounded(gzip.GzipFile(path), path), _BLOCK)


class _Bounded(io.RawIOBase):
    """What a packed file unpacks to, refused once it is far more than any text would be."""

    def __init__(self, unpacked: gzip.GzipFile, path: Path) -> None:
        self._unpacked, self._path, self._read = unpacked, path, 0
        self._most = max(UNPACKED_BYTES, UNPACKED_RATIO * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._unpacked.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        data = self._unpacked.read(len(buffer))
        buffer[: len(data)] = data
        self._read += len(data)
        if self._read > self._most:
            raise GeoscopeError(
                f"expected text, got {self._path}, which unpacks to more than {UNPACKED_RATIO} times its size, as no "
                "text does; unpack it if it is meant"
            )
        return len(data)


def _refuse_other_kinds(head: bytes, path: Path, what: str) -> None:
    found = known_head(head)
    if found is not None:
        kind, to_do = found
        raise GeoscopeError(f"expected {what} as text, got {path}, which is {kind}; {to_do}")


def _encoding(stream: Any) -> tuple[str, int]:
    """The encoding that the first bytes say, and how many say it; the stream is left behind them."""
    head = stream.peek(4)[:4]
    mark, encoding = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", "utf-8"))
    stream.read(len(mark))
    return encoding, len(mark)


def _undecoded(path: Path, what: str) -> int:
    """The first byte that is not of the file's encoding."""
    with opened_bytes(path, what) as stream:
        encoding, place = _encoding(stream)
        decoder = codecs.getincrementaldecoder(encoding)()
        while True:
            block = stream.read(_BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return place - pending + error.start
            place += len(block)
            if not block:
                return place
