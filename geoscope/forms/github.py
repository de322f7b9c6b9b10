"""GitHub Actions: annotations on standard output, and the job's summary page.

An error for each limit that failed, a warning for each one that was passed within its noise, and one notice with the
outcome. GitHub shows ten of a kind and drops the rest, so that the tenth of many says how many more there are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from geoscope.document import Document, GateCase
from geoscope.errors import GeoscopeError
from geoscope.wording import printable

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
SUMMARY_BYTES = 1024 * 1024
_SHOWN = 10
_CUT = "\n\n(cut: a job's summary holds 1 MiB)\n"


def text(document: Document) -> str:
    """One line an annotation."""
    told = [case for case in document.cases or () if case.sentence]
    lines = _limited("error", "limit failed", [case for case in told if case.outcome == "failed"])
    lines += _limited("warning", "limit passed within noise", [case for case in told if case.outcome != "failed"])
    return "".join(f"{line}\n" for line in [*lines, _annotation("notice", "geoscope", document.outcome or "")])


def _limited(kind: str, title: str, cases: Sequence[GateCase]) -> list[str]:
    first = cases if len(cases) <= _SHOWN else cases[: _SHOWN - 1]
    lines = [_annotation(kind, f"geoscope: {title}", case.sentence or "") for case in first]
    if len(first) < len(cases):
        lines.append(_annotation(kind, f"geoscope: {title}", f"and {len(cases) - len(first)} more"))
    return lines


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
