"""`geoscope.compare`: subjects and reports -> a comparison, measuring what has not been measured."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoscope.comparisons.comparison import MARGIN, Comparison, compare_reports, labels_of
from geoscope.comparisons.limits import Limit, parse_limit
from geoscope.comparisons.sample_options import OF_TEXT, options_of
from geoscope.errors import GeoscopeError
from geoscope.protocols import resolved
from geoscope.report import Report


def compare(
    base: Any,
    *candidates: Any,
    margin: float = MARGIN,
    limits: Iterable[str | Limit] = (),
    strict: bool = False,
    align: bool = False,
    similarity: bool = False,
    **options: Any,
) -> Comparison:
    """Hold one or more candidates against a base: each a Report, a report's path, or anything `measure` takes.

    margin: the share of the base's value up to which a change is no news. limits: texts such as
    "isoscore_star:-10%" (see `limits.py`), which the comparison's `failed` lists where they did not hold;
    strict: let noise excuse no breach. align: where numbers of sequences, rows or points differ, measure again at the
    least of all.
    similarity: how alike the spaces are too, layer by layer; needs subjects that can be read, not reports.
    options: keywords of `measure` for what is measured here; what is left out is taken from the base's report, or
    else from the first candidate's, so that all see the same sample.
    Raises NotComparable where the reports were not measured the same way, GeoscopeError for other mistakes.
    """
    if not candidates:
        raise GeoscopeError("expected a candidate to hold against the base, got none; name one or more after it")
    held = [limit if isinstance(limit, Limit) else parse_limit(limit) for limit in limits]
    subjects = [base, *candidates]
    options = resolved(options)
    if similarity:
        subjects = _read_rows(subjects, options)
    reports = _reports(subjects, options)
    if align:
        from geoscope.comparisons.alignment import aligned

        reports = aligned(subjects, reports, options)
    alike = _similarity(subjects, labels_of(reports[1:]), options) if similarity else []
    return compare_reports(reports[0], reports[1:], margin=margin, limits=held, strict=strict, similarity=alike)


def is_report(subject: Any) -> bool:
    """Whether a subject has been measured: a Report, a `.json`, "-" for standard input, or a pipe."""
    if isinstance(subject, Report):
        return True
    if not isinstance(subject, (str, os.PathLike)):
        return False
    path = Path(subject)
    return str(subject) == "-" or path.suffix.lower() == ".json" or path.is_fifo()


def _reports(subjects: Sequence[Any], options: Mapping[str, Any]) -> list[Report]:
    """Reports are read before anything is measured, so that what is wrong with them shows at once."""
    if sum(1 for subject in subjects if str(subject) == "-") > 1:
        raise GeoscopeError("expected at most one report on standard input, got several -; save the others to files")
    read = [_read(subject) if is_report(subject) else None for subject in subjects]
    model = next((report for report in read if report is not None), None)
    reports = []
    for subject, report in zip(subjects, read, strict=True):
        reports.append(_measured(subject, model, options) if report is None else report)
        model = reports[0] if model is None else model
    return reports


def _read_rows(subjects: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
    """The subjects as embeddings: checkpoints read their text once, for the measures and the similarity both."""
    from geoscope.subjects.embeddings import Embeddings, array_embeddings, open_embeddings
    from geoscope.subjects.text_subjects import extract

    for subject in subjects:
        if is_report(subject):
            raise GeoscopeError(
                f"expected subjects that can be read for --similarity, got the report {subject}; give what it is of"
            )
    taken = set(inspect.signature(extract).parameters)
    reading = {name: value for name, value in options.items() if name in taken}
    rows: list[Any] = []
    for subject in subjects:
        if isinstance(subject, Embeddings):
            rows.append(subject)
        elif reads_text(subject):
            rows.append(extract(str(subject), **reading))
        elif isinstance(subject, (str, os.PathLike)):
            rows.append(open_embeddings(Path(subject), groups=options.get("groups")))
        else:
            rows.append(array_embeddings(subject, groups=options.get("groups")))
    return rows


def _similarity(subjects: Sequence[Any], labels: Sequence[str], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows on how alike each candidate's space and the base's are."""
    from geoscope.comparisons.similarity import similarity
    from geoscope.measuring import torch_device

    base, *candidates = subjects
    points = options.get("points", 10000)
    chosen = {
        "points": len(base) if points in (None, "all") else int(points),
        "seed": options.get("seed", 0),
        "device": torch_device(options.get("device", "auto")),
        "progress": options.get("progress"),
    }
    return [
        {"candidate": label, **row}
        for label, candidate in zip(labels, candidates, strict=True)
        for row in similarity(base, candidate, **chosen)
    ]


def _read(subject: Any) -> Report:
    return subject if isinstance(subject, Report) else Report.read(subject)


def _measured(subject: Any, model: Report | None, options: Mapping[str, Any]) -> Report:
    from geoscope import measuring
    from geoscope.subjects.embeddings import Embeddings

    if isinstance(subject, Embeddings):
        options = {name: value for name, value in options.items() if name not in OF_TEXT}
    chosen = dict(options) if model is None else measure_options(subject, model, options)
    return measuring.measure(subject, **chosen)


def measure_options(subject: Any, model: Report, options: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that measure a subject as a report was measured; those in options go first."""
    return options_of(model, options, text=reads_text(subject))


def reads_text(subject: Any) -> bool:
    """Whether a subject is a checkpoint, which reads text; embeddings have been drawn and pooled already."""
    from geoscope.subjects.array_files import ARRAY_SUFFIXES

    if not isinstance(subject, (str, os.PathLike)):
        return False
    path = Path(subject)
    return path.suffix.lower() not in ARRAY_SUFFIXES and not (path / "embeddings.json").is_file()
