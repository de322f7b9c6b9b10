"""Text columns: whether a column that nobody named holds texts, or what rows are known by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from geoscope.errors import GeoscopeError

_NAMES = frozenset({
    "id", "_id", "idx", "index", "ids", "uid", "guid", "uuid", "doc_id", "docid", "document_id", "url", "urls", "uri",
    "link", "href", "date", "datetime", "time", "timestamp", "created", "created_at", "updated_at", "path", "filepath",
    "file_path", "file", "filename", "file_name", "hash", "sha", "sha1", "sha256", "md5", "doi", "pmid", "email",
    "lang", "language", "split", "license", "__index_level_0__",
})  # fmt: skip
"""Columns that tell of a text and are none."""

_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*|\S+@\S+\.\S+")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = re.compile(
    rf"((mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?(\d{{1,2}} {_MONTH},? \d{{4}}|{_MONTH} \d{{1,2}},? \d{{4}})"
    r"( \d{1,2}:.*)?",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2}.*)?")
_TOKEN = re.compile(r"[!-~]+")  # of ASCII alone: other scripts write sentences without spaces
_STOPS = (".", "!", "?")
_LONGEST = 40
_WORDS = 2


def refuse_no_text(name: str, cells: Iterable[Any], got: str, advice: str) -> None:
    """Refuse a column, the only one of strings, that is called or filled as what rows are known by. got: where it is,
    for the sentence."""
    if name.strip().lower() not in _NAMES:
        given = (cell.strip() for cell in cells if isinstance(cell, str) and cell.strip())
        first = next(given, None)
        if first is None or _is_text(first) or any(map(_is_text, given)):
            return
    raise GeoscopeError(
        f"expected a column of texts, got {name!r} as the only one of strings, which are names, links or times in "
        f"{got}; {advice}"
    )


def refuse_no_name(name: str, origin: str, *, alone: bool) -> None:
    """Refuse the first row of a table as the name of a column that it reads like a text of. alone: it is the only
    column."""
    words = len(name.split())
    if words > (1 if alone else _WORDS) or len(name) > _LONGEST or name.endswith(_STOPS):
        raise GeoscopeError(
            f"expected the column's name in the first row of {origin}, got {name[:_LONGEST]!r}, which reads like a "
            "text; write a name there (text), call a file without one .txt, or say --text-column if it is the name"
        )


def _is_text(cell: str) -> bool:
    """Whether a cell is more than one word, link or time."""
    return not any(kind.fullmatch(cell) for kind in (_TOKEN, _LINK, _TIME, _DAY))
