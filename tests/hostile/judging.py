"""Judging: what is wrong with what came of a case, in words; nothing where it is right."""

from __future__ import annotations

import fnmatch
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from hostile.case import DONE, MISTAKE, UNFINISHED, UNLIKE, Case
from hostile.running import LONGEST, Outcome

MOST_LINES = 10
MOST_CHARACTERS = 6000
"""Of stderr: a screen, whatever was given."""

_SENTENCE = re.compile(r"^geoscope: expected .+", re.MULTILINE)
_TO_DO = re.compile(r"(; \S+ \S+|did you mean|see `)")
_UNTOLD = (
    "load it unsafely",
    "traceback (most recent call last)",
    "because of a bug",
    "please report it",
    "raise exception",
)
_STEERING = {
    "\u061c",
    "\u200b",
    "\u200c",
    "\u200d",
    "\u200e",
    "\u200f",
    "\u2028",
    "\u2029",
    "\u2060",
    "\ufeff",
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
}
_ENDS = {".html": b"</html>", ".xml": b">"}


def judged(case: Case, outcomes: Sequence[Outcome]) -> list[str]:
    """What is wrong, in words."""
    wrong = [fault for outcome in outcomes for fault in _faults(case, outcome)]
    if case.twice and all(outcome.code != DONE for outcome in outcomes):
        wrong.append("none of two ended with 0")
    return list(dict.fromkeys(wrong))


def _faults(case: Case, outcome: Outcome) -> Iterator[str]:
    if outcome.wall > LONGEST:
        yield f"it hung: killed after {LONGEST:.0f} s"
    if outcome.code not in case.codes:
        yield f"exit code {outcome.code}, not {' or '.join(map(str, case.codes))}"
    said = f"{outcome.stdout}\n{outcome.stderr}"
    yield from (f"{told!r} is said" for told in _UNTOLD if told in said.lower())
    seen = said + "".join(_decoded(content) for content in outcome.contents.values())
    yield from (f"not said: {each}" for each in case.words if not re.search(each, seen, re.IGNORECASE | re.DOTALL))
    yield from (f"said: {each}" for each in case.absent if re.search(each, seen, re.IGNORECASE))
    yield from _of_stderr(case, outcome)
    if case.line and outcome.code in (MISTAKE, UNFINISHED, UNLIKE) and outcome.stdout.strip():  # else help
        yield f"on stdout, though nothing was done: {outcome.stdout[:60]!r}"
    yield from _of_files(case, outcome)
    if outcome.seconds > case.most_seconds:
        yield f"{outcome.seconds:.1f} s of CPU, more than {case.most_seconds:.0f}"
    if outcome.megabytes > case.most_megabytes:
        yield f"{outcome.megabytes:.0f} MB, more than {case.most_megabytes:.0f}"


def _of_stderr(case: Case, outcome: Outcome) -> Iterator[str]:
    lines = [line for line in outcome.stderr.splitlines() if line.strip()]
    if len(lines) > MOST_LINES:
        yield f"{len(lines)} lines on stderr"
    if len(outcome.stderr) > MOST_CHARACTERS:
        yield f"{len(outcome.stderr)} characters on stderr"
    for name, told in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
        found = sorted({f"U+{ord(each):04X}" for each in told if steers(each)})
        if found:
            yield f"{', '.join(found[:4])} on {name}"
    if case.stderr or not case.line or outcome.code not in (MISTAKE, UNFINISHED, UNLIKE):
        return
    if not lines:
        yield "nothing is said on stderr"
    elif outcome.code in (MISTAKE, UNLIKE) and not _SENTENCE.search(outcome.stderr):
        yield f"no sentence 'expected ..., got ...': {lines[-1][:120]!r}"
    elif outcome.code == MISTAKE and not any(_TO_DO.search(line) for line in lines):
        yield f"what to do is not said: {lines[-1][-120:]!r}"


def steers(character: str) -> bool:
    """Whether a character could steer a terminal, or turn what is read."""
    return character in _STEERING or (unicodedata.category(character) == "Cc" and character not in "\n\t")


def _of_files(case: Case, outcome: Outcome) -> Iterator[str]:
    if case.gone:
        return
    named = set(outcome.before) | set(outcome.after)
    for name in sorted(named):
        old, new = outcome.before.get(name), outcome.after.get(name)
        if old == new or any(fnmatch.fnmatch(name, each) for each in (*case.made, *case.must)):
            continue
        yield f"{name} {'is left behind' if old is None else 'is gone' if new is None else 'was changed'}"
    lacking = [each for each in case.must if not fnmatch.filter(outcome.after, each)]
    if outcome.code in case.codes:
        yield from (f"{each} is not there" for each in lacking)
    for name, content in outcome.contents.items():
        if name in outcome.after and (told := _half(name, content)):
            yield f"{name} {told}"
    told = [name for name in outcome.left if PurePath(name).name not in outcome.stderr]
    if told:
        yield f"left among temporary files: {', '.join(told[:3])}"


def _half(name: str, content: bytes) -> str:
    """What is wrong with a file that was written."""
    suffix = PurePath(name).suffix
    if suffix == ".json":
        try:
            json.loads(content)
        except ValueError as error:
            return f"is no JSON: {error}"
    if suffix in _ENDS and not content.rstrip().endswith(_ENDS[suffix]):
        return "is half a file"
    return "is a temporary file" if suffix == ".tmp" else ""


def _decoded(content: bytes) -> str:
    return content[:1_000_000].decode("utf-8", "replace")
