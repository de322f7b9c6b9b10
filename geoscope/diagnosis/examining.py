"""Examining: every known answer asked for, every library's version and import, and what the machine has."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from geoscope.diagnosis.diagnosis import Diagnosis, Finding
from geoscope.diagnosis.known_answers import Answer, known_answers
from geoscope.diagnosis.surroundings import SURROUNDINGS
from geoscope.errors import first_line
from geoscope.progress import Progress, in_parts
from geoscope.requirements import REQUIREMENTS, Requirement


def examine(progress: Progress | None = None) -> Diagnosis:
    """The diagnosis of this installation; a library that fails is a finding of it, not an error."""
    libraries = [_library(each) for each in in_parts(REQUIREMENTS, progress, "packages")]
    answers = [_answer(each) for each in in_parts(list(known_answers()), progress, "known answers")]
    machine = [_told(name, find) for name, find in SURROUNDINGS.items()]
    return Diagnosis(findings=[*answers, *libraries, *machine])


def _answer(answer: Answer) -> Finding:
    finding = Finding(
        group="answers", name=answer.name, outcome="right", expected=answer.expected, source=answer.source
    )
    if answer.absent is not None:
        return finding.model_copy(update={"outcome": "skipped", "reason": answer.absent})
    try:
        found = answer.find()
    except Exception as error:  # whatever a broken library raises
        return finding.model_copy(update={"outcome": "wrong", "reason": _why(error)})
    told: dict[str, Any] = {"found": found}
    if not answer.holds(found):
        told |= {"outcome": "wrong", "reason": "another number than is known; install geoscope and its libraries anew"}
    return finding.model_copy(update=told)


def _library(required: Requirement) -> Finding:
    installed, fault = required.installed(), required.fault()
    finding = Finding(
        group="libraries", name=required.name if installed is None else installed[0], outcome="right",
        found=None if installed is None else installed[1], expected=f"{required.least} or above",
    )  # fmt: skip
    if find_spec(required.module) is None:
        what = required.name if required.extra is None else f"geoscope[{required.extra}]"
        outcome = "wrong" if required.extra is None else "skipped"
        return finding.model_copy(update={"outcome": outcome, "reason": f"not installed; pip install '{what}'"})
    if fault is not None:
        return finding.model_copy(update={"outcome": "wrong", "reason": str(fault)})
    try:
        if required.extra is None:  # the others are asked for by few commands, and some take seconds
            import_module(required.module)
    except Exception as error:  # whatever a broken library raises
        return finding.model_copy(update={"outcome": "wrong", "reason": f"cannot be imported: {_why(error)}"})
    return finding


def _told(name: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(group="machine", name=name, outcome="told", found=find())
    except Exception as error:  # whatever a broken library raises
        return Finding(group="machine", name=name, outcome="told", reason=f"cannot be told: {_why(error)}")


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)}"
