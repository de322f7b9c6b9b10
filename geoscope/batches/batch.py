"""A batch: many subjects measured in the same way, one report each, kept as they come."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from geoscope.batches.kept_reports import KeptReports
from geoscope.batches.running import run_tasks
from geoscope.batches.subjects_in_order import in_step_order
from geoscope.errors import GeoscopeError, telling_what_is_kept
from geoscope.files import path_from_home
from geoscope.measuring import measure
from geoscope.plans import plan_of
from geoscope.progress import Progress
from geoscope.protocols import resolved
from geoscope.report import Report, Sample, Subject
from geoscope.run_folders import only_writer
from geoscope.settings.measuring import BatchKeywords, Groups, MeasureOptions, ReadingOptions
from geoscope.settings.option import completed, fields_of, part, takes
from geoscope.subjects.embeddings.embedding_files import open_embeddings
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.subjects.text_subjects import open_text_subject

_COUNTED = ("rows", "points")  # of what was measured, not of what was drawn

Identity = tuple[dict[str, Any], dict[str, Any]]
"""A report's words on its subject and on the text it was drawn from."""


@dataclass(frozen=True)
class SubjectTask:
    """One subject to be measured; held: what its kept report, made with the same options, was made from."""

    subject: str
    options: dict[str, Any]
    held: Identity | None = None


@dataclass(frozen=True)
class MeasuredSubject:
    """A task's report, None where the one that is held still stands, and the seconds it took."""

    report: Report | None
    seconds: float


@dataclass(frozen=True)
class ReportBatch:
    """The finished reports in the subjects' order, and why the other subjects have none."""

    reports: tuple[Report, ...]
    mistakes: dict[str, GeoscopeError]

    @property
    def only(self) -> Report:
        """The report of the one subject there is; raises why it has none."""
        for mistake in self.mistakes.values():
            raise mistake
        return self.reports[0]


_TOLD = 3
"""So many that could not be measured are told when it happens; all are at the end."""


@takes(BatchKeywords)
def measure_many(subjects: Sequence[str], **given: Unpack[BatchKeywords]) -> ReportBatch:
    """Measure subjects (a run's checkpoints in step order) with the options of `measure`.

    output: a folder that gets each report when it is finished; those it has of unchanged checkpoints and files are not
    made again (a folder written by extract always is). ray: auto or a cluster's address. A subject that cannot be used
    stops no other. Raises GeoscopeError for a folder of something else or of other settings.
    """
    ordered = in_step_order(subjects)
    asked = completed(BatchKeywords, given)
    output, announce = asked["output"], asked["announce"]
    options: dict[str, Any] = resolved(part(MeasureOptions, given))
    saved = None if output is None else f"finished reports are kept in {output}"
    with only_writer(output, "-o"), telling_what_is_kept(saved):
        kept = None if output is None else KeptReports(path_from_home(output), ordered, options)
        held = {subject: None if kept is None else kept.read(subject) for subject in ordered}
        tasks = [SubjectTask(subject, options, _made_from(held[subject])) for subject in ordered]
        here = partial(measure_subject, progress=asked["progress"], announce=announce)
        results = run_tasks(
            measure_subject, tasks, ray=asked["ray"], here=here, device=asked["device"], progress=asked["progress"],
            what="subjects",
        )  # fmt: skip
        reports: dict[str, Report] = {}
        mistakes: dict[str, GeoscopeError] = {}
        for finished, (place, result) in enumerate(results, 1):
            subject = ordered[place]
            if isinstance(result, GeoscopeError):
                mistakes[subject] = result
                told = "not measured"
            else:
                reports[subject], told = _settled(subject, result, held[subject], kept)
            if announce is not None and (subject in reports or len(mistakes) <= _TOLD):
                announce(f"{finished} of {len(tasks)}: {subject}, {told}")
        return ReportBatch(tuple(reports[subject] for subject in ordered if subject in reports), mistakes)


def _settled(
    subject: str, result: MeasuredSubject, held: Report | None, kept: KeptReports | None
) -> tuple[Report, str]:
    """The subject's report, now kept, and how it came about."""
    if result.report is None:
        if held is None:
            raise RuntimeError(f"the task of {subject} kept a report that is not there")
        return held, "read back"
    if kept is not None:
        kept.keep(subject, result.report)
    return result.report, f"{result.seconds:.1f} s"


def measure_subject(
    task: SubjectTask, *, progress: Progress | None = None, announce: Callable[[str], None] | None = None
) -> MeasuredSubject:
    """Measure one subject, unless the report that is held was made from the same weights and text."""
    began = time.perf_counter()
    subject: Any = task.subject
    kind = kind_of(subject)
    of_file = any(task.options.get(name) is not None for name in fields_of(Groups))
    if of_file or (Path(subject).is_dir() and kind is Kind.ROWS):
        kind = Kind.HELD  # always measured
    if kind is Kind.ROWS:
        if task.held is not None:
            subject = open_embeddings(Path(subject))
            if task.held[0]["fingerprint"] == subject.fingerprint:
                return MeasuredSubject(None, time.perf_counter() - began)
    elif kind is Kind.TEXT:
        planned = plan_of(task.options)
        subject = open_text_subject(task.subject, planned, progress=progress, **part(ReadingOptions, task.options))
        if task.held == _identity(subject.about, subject.sample):
            return MeasuredSubject(None, time.perf_counter() - began)
        for warning in subject.extraction.warnings:
            warnings.warn(warning, stacklevel=2)
    report = measure(subject, progress=progress, announce=announce, **task.options)
    return MeasuredSubject(report, time.perf_counter() - began)


def _made_from(report: Report | None) -> Identity | None:
    return None if report is None else _identity(report.subject.model_dump(), report.sample.model_dump())


def _identity(subject: dict[str, Any], sample: dict[str, Any]) -> Identity:
    """The subject and the drawn text, without what only measuring finds."""
    drawn = {name: value for name, value in sample.items() if name != "dropped"} | dict.fromkeys(_COUNTED, 0)
    return Subject.model_validate(subject).model_dump(), Sample.model_validate(drawn).model_dump()
