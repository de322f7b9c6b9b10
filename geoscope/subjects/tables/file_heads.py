"""File heads: what a file begins with, so that one that is not what its name says is refused in words of its own."""

from __future__ import annotations

from pathlib import Path

from geoscope.bounds import refuse_irregular
from geoscope.errors import GeoscopeError

_LOOKED_AT = 64
_SHOWN = 32

_HEADS = {
    ".npy": (b"\x93NUMPY",),
    ".npz": (b"PK\x03\x04", b"PK\x05\x06"),
    ".parquet": (b"PAR1",),
    ".feather": (b"ARROW1", b"\xff\xff\xff\xff", b"FEA1"),
    ".arrow": (b"ARROW1", b"\xff\xff\xff\xff"),
    ".h5": (b"\x89HDF\r\n\x1a\n",),
}
"""How files of a kind begin; one of records or of separated cells begins with any text."""

_KNOWN = (
    (b"version https://git-lfs", "a git-lfs pointer", "fetch the file itself with git lfs pull"),
    (b"<!doctype", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
    (b"<?xml", "XML", "download the file itself"),
    (b"\x93NUMPY", "a .npy", "name it so"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, save the sheet as CSV, or name numpy's arrays .npz"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet", "save it as CSV"),
    (b"PAR1\x15", "parquet", "name it .parquet"),
    (b"ARROW1", "arrow", "name embeddings .arrow, write text as parquet"),
    (b"\x89HDF", "HDF5", "name embeddings .h5, write text as parquet"),
    (b"\x28\xb5\x2f\xfd", "packed with zstandard", "unpack it"),
    *((b"BZh%d1AY&SY" % level, "packed with bzip2", "unpack it") for level in range(1, 10)),
    (b"\xfd7zXZ", "packed with xz", "unpack it"),
    (b"SQLite format 3", "a database", "write its rows to a .parquet"),
    (b"%PDF", "a PDF", "give what is written in it as text or rows"),
)
"""How files begin that are often taken for another kind: what each is, and what to do."""

_GZIP = (b"\x1f\x8b", "packed with gzip", "unpack it")  # which text is read through
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


def refuse_other_contents(path: Path, suffix: str) -> None:
    """Refuse a file that begins as no file of this suffix does, and say what it is, where that is known.

    Raises GeoscopeError too where the file cannot be opened or is empty.
    """
    refuse_irregular(path, "embeddings")
    try:
        with path.open("rb") as stream:
            head = stream.read(_LOOKED_AT)
    except OSError as error:
        raise GeoscopeError(
            f"expected embeddings in {path}, got a file that cannot be opened: {error.strerror or error}; check it"
        ) from error
    if not head:
        raise GeoscopeError(f"expected embeddings in {path}, got an empty file; write it again")
    expected = _HEADS.get(suffix)
    if expected is not None and head.startswith(expected):
        return
    if suffix == ".safetensors" and head[8:9] == b"{":
        return
    text = expected is None and suffix != ".safetensors"
    found = _told(head)
    if found is not None or not text:
        what, to_do = found or ("something else", f"write it again as {suffix}, or give it the name it should have")
        raise GeoscopeError(
            f"expected embeddings as {suffix}, got {path}, which is {what}: it begins with {head[:_SHOWN]!r}; {to_do}"
        )


def _told(head: bytes) -> tuple[str, str] | None:
    """What a file of rows that begins so is, and what to do; None where that is not known."""
    if head.startswith(_PICKLES):
        return "a pickle, which can run code and is not read", "save its rows as .npy or .safetensors"
    return _GZIP[1:] if head.startswith(_GZIP[0]) else known_head(head)


def known_head(head: bytes) -> tuple[str, str] | None:
    """What a file that begins so is, and what to do; None where that is not known, as of any text."""
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next(
        ((what, to_do) for start, what, to_do in _KNOWN if head.startswith(start) or plain.startswith(start)), None
    )
