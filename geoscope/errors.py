"""What can go wrong, by who can mend it."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST = 1000
_LONGEST_WORD = 300
"""So many characters of a sentence, and of what has no space in it, are shown."""

_MEMORY = (
    "DefaultCPUAllocator",  # torch on a CPU, which raises a plain RuntimeError
    "CUDA error: out of memory",  # as it does where CUDA itself has none: for pinned memory, for a kernel
    "_STATUS_ALLOC_FAILED",  # and for what cuBLAS, cuSOLVER and cuDNN need beside
    "std::bad_alloc",
    "Cannot allocate memory",
    "cannot allocate memory",
    "failed to map segment",  # a library that the loader has no room for
    "can't start new thread",
)
"""What libraries say in errors of every type for want of memory, or of room for a thread."""

_DISK = {
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the disk quota is used up", "make room"),
    errno.EFBIG: ("a file would be larger than is allowed here", "raise the bound (`ulimit -f`)"),
    errno.EROFS: ("the file system is read-only", "name another place"),
    errno.EIO: ("the disk failed to read or write", "look at the disk"),
    errno.EMFILE: ("too many files are open", "raise the bound (`ulimit -n`)"),
    errno.ENFILE: ("too many files are open on this machine", "close some"),
}
"""What the system says where neither the user nor the code is at fault, and what to do."""

EQUAL_UP_TO_ROUNDING = "the rows are equal up to rounding"
"""How a reason begins where nothing but rounding tells the rows apart."""


class GeoscopeError(Exception):
    """The user's mistake or unusable input: one sentence that says what was expected, what came, what to do.

    What is too long in it is cut, here and so for all: a value may be a megabyte.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(shortened(sentence))


class NotComparable(GeoscopeError):
    """Two subjects were measured in ways whose numbers cannot be held against each other."""


class NonFinite(GeoscopeError):
    """A subject's rows hold NaN or infinity, so that no measure of them has a value; the message is the reason that a
    study's report gives for each."""


class Undefined(Exception):
    """A measure has no value on these rows; the message says why, in a sentence a report can print."""

    def anew(self) -> Undefined:
        """The same without where it was raised: one that is kept would keep all that was at work there."""
        return Undefined(*self.args)


_MOST = 300
"""Characters of a library's message, which may hold all that it could not read."""


def first_line(error: BaseException) -> str:
    """The first line of a library's message, less its full stop, to end a sentence with; its type if it is empty.

    A line that is a heading, which ends with a colon, brings the next one with it.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    end = 2 if lines[0].endswith(":") else 1
    text = " ".join(lines[:end])
    return text.rstrip(".") if len(text) <= _MOST else f"{text[:_MOST]}..."


class TooLittleMemory(MemoryError):
    """What is allowed to this process is too little to begin with; the message says how much is needed."""


class Kept(str):
    """A note on whatever ended a run: what of it is kept, and how to go on."""


@contextmanager
def telling_what_is_kept(what: str | None) -> Iterator[None]:
    """Have whatever ends this run say what of it is kept, if anything, and that the same line goes on from there.

    An interrupt and an error stay what they are; the words are a note of theirs, which Python shows as well. A mistake
    is left alone: the same line would come to it again.
    """
    try:
        yield
    except GeoscopeError:
        raise
    except BaseException as error:
        if what is not None:
            error.add_note(Kept(f"{what}: run the same line again to go on from there"))
        raise


def shortened(text: str) -> str:
    """The text, with what is too long in it cut in the middle and its length told."""
    return _cut(re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", lambda word: _cut(word[0], _LONGEST_WORD), text), _LONGEST)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}[... {len(text):,} characters ...]{text[-most // 4 :]}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it is for want of memory, on whatever device, that something could not be done."""
    torch = sys.modules.get("torch")  # not imported here: without it nothing of torch's can have been raised
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno == errno.ENOMEM
    return isinstance(error, (RuntimeError, ImportError, OSError)) and any(said in str(error) for said in _MEMORY)


def system_trouble(error: BaseException) -> tuple[str, str] | None:
    """What of the disk or the system stopped a run, and what to do; None where it was something else.

    Looks at what an error was raised from, too, and into the words of libraries that are not written in Python.
    """
    each: BaseException | None = error
    while each is not None:
        number = each.errno if isinstance(each, OSError) and each.errno else _spoken(str(each))
        if number in _DISK:
            what, advice = _DISK[number]
            place = getattr(each, "filename", None)
            return (f"{what} for {place}" if place else what), advice
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    if isinstance(error, FileNotFoundError) and error.filename is None:  # of os.getcwd()
        return "the folder that it runs in is gone", "go to one that is there"
    if isinstance(error, OSError) and error.errno and error.filename:
        return f"{os.strerror(error.errno).lower()} ({error.filename})", "put that right"
    return None


def _spoken(text: str) -> int | None:
    """The number of the system's error that a library's words end with or quote."""
    told = re.search(r"\(os error (\d+)\)", text)
    if told:
        return int(told[1])
    return next((number for number in _DISK if os.strerror(number) in text), None)
