"""Bounds: the most that is read of what others made, each with its reason, and the way to a file that is read whole.

Nothing that people work with comes near them. They stop what is broken, or made to stop a machine, before memory does.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import IO

from geoscope.errors import GeoscopeError

RESULT_BYTES = 1 << 30
"""Of a saved result: over a million rows; what it is parsed into takes some ten times as much."""

DESCRIPTION_BYTES = 256 << 20
"""Of a file that describes a checkpoint, or makes its tokens: the largest tokenizers have 40 MB."""

PROJECT_BYTES = 4 << 20
"""Of a pyproject.toml: large ones have some hundred kilobytes."""

WHOLE_BYTES = 1 << 30
"""Of a file of text or records that cannot be read line by line; other forms are read at any size."""

LINE_CHARACTERS = 16 << 20
"""Of a line of text, or a row of cells: five times War and Peace. A tokenizer takes some 60 bytes for each."""

ROW_BYTES = 64 << 20
"""Of a line that holds a row of numbers: two million of them."""

ARRAY_HEADER_BYTES = 1 << 16
"""Of what a .npy says of its array, which takes a line."""

UNPACKED_BYTES = 256 << 20
"""Up to which a packed file may unpack, however small it is."""

UNPACKED_RATIO = 100
"""Beyond that, how many times its own size: text packs to a tenth, and numbers to a half."""

DISK_LEFT_BYTES = 1 << 30
"""Of the disk that text from a pipe is kept on, at least: what others need there."""

LAYERS = 2_000
"""Of a model: the deepest that was published has 1,000, and one of 20,000 takes gigabytes before its weights do."""

PARTS = 100_000
"""Of a layer, such as heads and experts, and labels of a model."""

STATES = 100_000
"""Of a study: levels times seeds, each a model to be changed and measured, which takes seconds at least."""

SEEDS = 10_000
"""Of a study, a fine-tuning or a noise floor."""

CODEBOOKS = 256
"""Of a quantizer: published ones have up to 32, and each is as large as a sample of the rows."""

TOKENS_AT_ONCE = 1 << 20
"""Read in one forward pass: more make none faster, and the hidden states of a large model take terabytes."""


_HEAD_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 20


def refuse_irregular(path: Path, what: str, *, pipes: bool = False, advice: str = "name a file") -> None:
    """Refuse a device, a socket, a folder or a pipe, which have no size to look at and may never end.

    what: it should be, as errors say. pipes: whether a pipe will do, as of a process or for standard input. What is
    not there is not refused here.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISREG(mode) or (pipes and stat.S_ISFIFO(mode)):
        return
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    got = next((name for test, name in kinds.items() if test(mode)), "a device")
    raise GeoscopeError(f"expected {what} in a file, got {path}, which is {got}; {advice}")


def refuse_unpacked(unpacked: int, path: Path, what: str, packed: int | None = None) -> None:
    """Refuse a file that holds, or whose header claims, far more bytes than it has (packed: than those of a part)."""
    packed = path.stat().st_size if packed is None else packed
    if unpacked > UNPACKED_BYTES and unpacked > UNPACKED_RATIO * packed:
        raise GeoscopeError(
            f"expected {what}, got {path}, which would unpack to {unpacked / 2**30:,.1f} GiB, "
            f"{unpacked // max(packed, 1):,} times its size, as none do; write it again without packing if it is meant"
        )


def read_whole(path: Path, what: str, most: int, *, pipes: bool = False) -> bytes:
    """A file's bytes. most: how many there may be. Raises OSError where it cannot be read, GeoscopeError where it is
    no file or a larger one."""
    refuse_irregular(path, what, pipes=pipes)
    with path.open("rb") as stream:
        return read_stream(stream, str(path), what, most)


def read_stream(stream: IO[bytes], name: str, what: str, most: int) -> bytes:
    """What is left of a stream of text, refused where it is more than so many bytes; name: what errors call it."""
    head = stream.read(_HEAD_BYTES)
    if b"\0" in head:  # a device, or whatever was piped in: seen before all of it is read
        raise GeoscopeError(f"expected {what}, which is text, got other bytes in {name}; check what it is")
    blocks, left = [head], most + 1 - len(head)
    while left > 0 and (block := stream.read(min(left, _BLOCK_BYTES))):  # a whole read takes room for all that may come
        blocks.append(block)
        left -= len(block)
    if left <= 0:
        raise GeoscopeError(
            f"expected {what} of at most {most >> 20} MB, got more in {name}; check that it is the file you mean"
        )
    return b"".join(blocks)
