"""File heads: what a file begins with, so that one that is not what its name says is refused in words of its own."""

from __future__ import annotations

from pathlib import Path

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

_OTHERS = (
    (b"version https://git-lfs", "a git-lfs pointer", "fetch the file itself with git lfs pull"),
    (b"<!doctype", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
    (b"<?xml", "XML", "download the file itself"),
    (b"\x93NUMPY", "a .npy", "name it so"),
    (b"PK\x03\x04", "a zip archive", "name it .npz if its arrays are numpy's, else unpack it"),
    (b"PAR1", "parquet", "name it .parquet"),
    (b"ARROW1", "arrow", "name it .arrow"),
    (b"\x89HDF", "HDF5", "name it .h5"),
    (b"\x1f\x8b", "gzip", "unpack it"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unpack it"),
    (b"BZh", "bzip2", "unpack it"),
    (b"\xfd7zXZ", "xz", "unpack it"),
    (b"SQLite format 3", "a database", "write its rows to a .parquet"),
    (b"%PDF", "a PDF", "name a file of embeddings"),
)
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


def refuse_other_contents(path: Path, suffix: str) -> None:
    """Refuse a file that begins as no file of this suffix does, and say what it is, where that is known.

    Raises GeoscopeError too where the file cannot be opened or is empty.
    """
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
    """What a file that begins so is, and what to do; None where that is not known."""
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, what, to_do in _OTHERS:
        if head.startswith(start) or plain.startswith(start):
            return what, to_do
    if head.startswith(_PICKLES):
        return "a pickle, which can run code and is not read", "save its rows as .npy or .safetensors"
    return None
