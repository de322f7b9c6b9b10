"""Score numbers: a cell of a table of scores as a number, a text, or nothing."""

from __future__ import annotations

import math
import re
from typing import Any

from geoscope.errors import GeoscopeError

Cell = float | str

_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "<na>", "nat"})
_INFINITE = frozenset({"inf", "infinity"})
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")


def cell_of(cell: Any) -> Cell | None:
    """A finite number, a text, or None for an empty cell."""
    if cell is None or isinstance(cell, (list, dict)):
        return None
    if isinstance(cell, str):
        return _cell_of_text(cell.strip())
    try:
        number = float(cell)
    except OverflowError:  # an integer beyond what a float holds
        return None
    except (TypeError, ValueError):
        text = str(cell).strip()
        return None if text.lower() in _MISSING else text
    return number if math.isfinite(number) else None


def _cell_of_text(text: str) -> Cell | None:
    if text.lower() in _MISSING or text.lower().lstrip("+-") in _INFINITE | {"nan"}:
        return None
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if math.isfinite(float(text)) else None


def number_of(cell: Any, column: str, where: str) -> float | None:
    """A cell that must be a number or empty."""
    found = cell_of(cell)
    if isinstance(found, str) or isinstance(cell, bool):
        raise GeoscopeError(f"expected a number as {column}, got {cell!r} in {where}; mend it or leave it empty")
    return found


def given_number(cell: Any, column: str, where: str) -> float | None:
    """A number or, where the cell is empty, none; refused where it is beyond what a float holds."""
    number = number_of(cell, column, where)
    if number is None and not (cell is None or cell != cell or str(cell).strip().lower() in _MISSING):
        raise GeoscopeError(f"expected a finite number as {column}, got another in {where}; mend it or leave it empty")
    return number


def whole_number(cell: Any, column: str, where: str) -> int | None:
    """A whole number, exactly, or none where the cell is empty."""
    if (isinstance(cell, int) and not isinstance(cell, bool)) or (isinstance(cell, str) and _WHOLE.fullmatch(cell)):
        return int(cell)  # exact, as through a float it is not
    number = given_number(cell, column, where)
    if number is not None and number != int(number):
        raise GeoscopeError(f"expected a whole number as {column}, got {cell!r} in {where}; mend it or leave it empty")
    return None if number is None else int(number)
