"""Output: in which form a result is written, and what a table is drawn on."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from geoscope.errors import GeoscopeError
from geoscope.files import STDOUT

Form = Literal["table", "json", "csv", "markdown", "html"]
GateForm = Literal[Form, "junit", "github"]
"""Of a result that can fail a limit."""
SCREENS = ("table", "markdown", "html")
"""What people look at; the other forms are data, which hold everything."""

FORMS: tuple[str, ...] = get_args(Form)
GATE_FORMS: tuple[str, ...] = get_args(GateForm)

SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "table",
    ".html": "html",
    ".htm": "html",
    ".xml": "junit",
}


def choose_format(
    asked: str | None, destination: str = STDOUT, forms: Collection[str] = FORMS, piped: str = "json"
) -> str:
    """The form of the output: --format, else -o's suffix, else a table on a terminal and what is `piped` without one.

    forms: what the command can write. Raises GeoscopeError for a suffix that is none of them.
    """
    if asked is not None:
        return asked
    if destination == STDOUT:
        return "table" if sys.stdout.isatty() else piped
    suffixes = {suffix: form for suffix, form in SUFFIXES.items() if form in forms}
    suffix = Path(destination).suffix.lower()
    if suffix not in suffixes:
        raise GeoscopeError(
            f"expected -o to name a file that ends in one of {' '.join(suffixes)}, got {destination}; "
            "rename it, or choose with --format"
        )
    return suffixes[suffix]


@dataclass(frozen=True)
class Page:
    """What a table is drawn on: a terminal so many columns wide, or (width None) a page of any width.

    all_measures: whether people see every row, whatever form is written.
    """

    width: int | None = None
    color: bool = False
    all_measures: bool = False

    def styled(self, text: str, style: str) -> str:
        """The text in a style, where there is color."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.color and style and text else text


_CODES = {"bold": 1, "dim": 2, "red": 31, "yellow": 33}
"""What a terminal calls the styles."""


def page_of(destination: str = STDOUT, *, all_measures: bool = False) -> Page:
    """The terminal, if that is where the output goes; in color unless NO_COLOR is set or it cannot."""
    if destination != STDOUT or not sys.stdout.isatty():
        return Page(all_measures=all_measures)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Page(shutil.get_terminal_size().columns, not plain, all_measures)
