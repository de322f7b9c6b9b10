"""What can go wrong, by who can mend it."""

from __future__ import annotations

import sys

EQUAL_UP_TO_ROUNDING = "the rows are equal up to rounding"
"""How a reason begins where nothing but rounding tells the rows apart."""


class GeoscopeError(Exception):
    """The user's mistake or unusable input: one sentence that says what was expected, what came, what to do."""


class NotComparable(GeoscopeError):
    """Two subjects were measured in ways whose numbers cannot be held against each other."""


class NonFinite(GeoscopeError):
    """A subject's rows hold NaN or infinity, so that no measure of them has a value; the message is the reason that a
    study's report gives for each."""


class Undefined(Exception):
    """A measure has no value on these rows; the message says why, in a sentence a report can print."""


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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it is for want of memory, on whatever device, that something could not be done."""
    torch = sys.modules.get("torch")  # not imported here: without it nothing of torch's can have been raised
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    # torch on a CPU raises a plain RuntimeError
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
