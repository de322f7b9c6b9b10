"""Sizes in bytes, as they are typed and as they are told."""

from __future__ import annotations

import math
import re

from geoscope.errors import GeoscopeError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"^\s*(\d{1,18}(?:\.\d{1,18})?)\s*([kmgt]i?)?b?\s*$", re.IGNORECASE)


def parse_size(given: str | int, option: str = "--memory") -> int:
    """Bytes of "4GB", "500MB", "2GiB" or a plain number; K, M, G, T are powers of 1000, Ki, Mi, Gi, Ti of 1024."""
    if isinstance(given, int) and not isinstance(given, bool):
        size = given
    else:
        match = _SIZE.match(str(given))
        size = int(float(match[1]) * _UNITS[(match[2] or "").lower()]) if match else 0
    if size < 1:
        raise GeoscopeError(f"expected {option} to be a size such as 4GB, 500MB or 2GiB, got {given!r}; give one")
    return size


def size_text(size: int) -> str:
    """A size as `parse_size` reads it, rounded up to three digits or fewer."""
    unit = 10**9 if size >= 10**9 else 10**6
    digits = 1 if size < 10 * 10**9 and unit == 10**9 else 0
    count = math.ceil(size / unit * 10**digits) / 10**digits
    return f"{count:.{digits}f}{'GB' if unit == 10**9 else 'MB'}"
