"""GitHub Actions: annotations on standard output, and the job's summary page.

An error for each limit that failed, a warning for each one that was passed within its noise, and one notice with the
outcome. GitHub shows ten of a kind and drops the rest, so that the tenth of many says how many more there are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from geoscope.errors import GeoscopeError
from geoscope.wording import key_names, layer_name, printable

if TYPE_CHECKING:
    from geoscope.comparisons.comparison import Comparison
    from geoscope.comparisons.holding import Check, HeldLimit

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
SUMMARY_BYTES = 1024 * 1024
_SHOWN = 10
_CUT = "\n\n(cut: a job's summary holds 1 MiB)\n"


def to_annotations(result: Comparison | Check, outcome: str) -> str:
    """One line an annotation; outcome: what the notice says."""
    passed = [limit for limit in result.limits if limit.held and limit.reason]
    lines = _limited("error", "limit failed", result.failed) + _limited("warning", "limit passed within noise", passed)
    return "".join(f"{line}\n" for line in [*lines, _annotation("notice", "geoscope", outcome or "no limits")])


def _limited(kind: str, title: str, limits: list[HeldLimit]) -> list[str]:
    first = limits if len(limits) <= _SHOWN else limits[: _SHOWN - 1]
    lines = [_annotation(kind, f"geoscope: {title}", sentence(limit)) for limit in first]
    if len(first) < len(limits):
        lines.append(_annotation(kind, f"geoscope: {title}", f"and {len(limits) - len(first)} more"))
    return lines


def sentence(limit: HeldLimit) -> str:
    """A limit and what came of it, in a line."""
    place = ", ".join(filter(None, [layer_name(limit), key_names(limit.keys)]))
    where = f" at {place}" if place else ""
    who = "" if limit.candidate is None else f" of {limit.candidate}"
    return f"{limit.limit}{where}{who}: {limit.reason or 'held'}"


def _annotation(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Text as a workflow command takes it: percent signs and line ends escaped."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def append_summary(page: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Append a Markdown page to the job's summary, as much of it as fits; False where there is no job.

    GitHub refuses a summary of more than 1 MiB as a whole, so that a long page is cut at a line's end.
    """
    name = environment.get(SUMMARY_VARIABLE)
    if not name:
        return False
    path = Path(name)
    try:
        room = SUMMARY_BYTES - (path.stat().st_size if path.exists() else 0)
        data = _fitting(page.encode("utf-8", "backslashreplace"), room)
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise GeoscopeError(
            f"expected {SUMMARY_VARIABLE} to name a file to append to, got {name}: {error.strerror}; unset it"
        ) from error
    return True


def _fitting(data: bytes, room: int) -> bytes:
    if len(data) <= room:
        return data
    end = data.rfind(b"\n", 0, max(room - len(_CUT), 0))
    return data[: end + 1] + _CUT.encode() if end >= 0 else b""
