"""Whether two reports can be held against each other: measured the same way, on the same text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from geoscope.catalogue import HEEDING
from geoscope.comparisons.difference_errors import population_of
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.transforms import in_words

if TYPE_CHECKING:
    from geoscope.report import Report

_SETTINGS: dict[str, frozenset[str] | None] = {"tokens": None, "before_final_norm": None, "stack": None, **HEEDING}
"""Settings that must agree, with the measures they bear on (None: all)."""


def check_comparable(base: Report, candidate: Report) -> None:
    """Raise NotComparable, naming every field that differs with both its values; GeoscopeError for a study."""
    for report in (base, candidate):
        _check_rows(report)
    differing = [
        f"{name} ({_shown(ours)} and {_shown(theirs)})"
        for name, ours, theirs in _fields(base, candidate)
        if ours != theirs
    ]
    if differing:
        raise NotComparable(
            f"expected reports measured the same way, got {base.subject.name} and {candidate.subject.name} that differ "
            f"in {', '.join(differing)}; measure one of them again with the other's options"
        )


def check_populations(base: Report, candidate: Report) -> None:
    """Raise NotComparable where one's standard errors are of an endless corpus and the other's of a finite one."""
    ours, theirs = population_of(base), population_of(candidate)
    without = any(report.settings.get("errors") is False for report in (base, candidate))
    if ours == theirs or None in (ours, theirs) or without:  # an old report, which names none, is held as the other is
        return
    raise NotComparable(
        f"expected standard errors of one population, got {base.subject.name} and {candidate.subject.name} that differ "
        f"in population ({ours} and {theirs}); measure one of them again with the other's --population"
    )


def _fields(base: Report, candidate: Report) -> Iterable[tuple[str, Any, Any]]:
    yield "schema version", base.schema_version, candidate.schema_version
    yield "pooling", base.sample.pooling, candidate.sample.pooling
    yield "max length", base.sample.max_length, candidate.sample.max_length
    ours, theirs = _corpora(base), _corpora(candidate)
    if not _same_texts(ours, theirs):
        yield from _unlike_corpora(ours, theirs)
    if not _same_rows(base, candidate):  # of the same rows, what was done to them is what is compared
        yield "transform", in_words(transforms_of(base)), in_words(transforms_of(candidate))
    common = measures_of(base) & measures_of(candidate)
    for name, measures in _SETTINGS.items():
        if measures is None or measures & common:
            one, other = _setting(base, name), _setting(candidate, name)
            if isinstance(one, dict) and isinstance(other, dict):
                for part in dict.fromkeys((*one, *other)):
                    yield f"{name} {part}", one.get(part), other.get(part)
            else:
                yield name, one, other


def transforms_of(report: Report) -> list[str]:
    """What was done to a report's rows before they were measured, in order."""
    return transforms_in(report.settings)


def transforms_in(settings: Mapping[str, Any]) -> list[str]:
    """The same of a result's settings."""
    told = settings.get("transform") or []
    return list(map(str, told if isinstance(told, list) else [told]))


def transform_of_study(report: Report) -> str | None:
    """The name of the transform whose amounts a report's rows are at; None where it is of none."""
    study = report.settings.get("perturbation")
    kind, _, name = str(study.get("kind") if isinstance(study, dict) else None).partition("=")
    return name if kind == "transform" else None


def _same_rows(base: Report, candidate: Report) -> bool:
    """Whether both are of the same weights, or the same file's rows."""
    ours, theirs = base.subject.fingerprint, candidate.subject.fingerprint
    return ours is not None and ours == theirs


def _same_texts(ours: Sequence[tuple[str, str | None]], theirs: Sequence[tuple[str, str | None]]) -> bool:
    """Whether corpora are the same texts, whatever they are called."""
    one, other = (sorted(str(text) for _, text in corpora) for corpora in (ours, theirs))
    return one == other and "None" not in one


def _unlike_corpora(
    ours: Sequence[tuple[str, str | None]], theirs: Sequence[tuple[str, str | None]]
) -> Iterable[tuple[str, Any, Any]]:
    names, others = ([name for name, _ in corpora] for corpora in (ours, theirs))
    if names != others:
        yield "corpora", names, others
        return
    for (name, one), (_, other) in zip(ours, theirs, strict=True):  # the text behind a name may differ
        yield f"corpus {name}", one, other


def measures_of(report: Report) -> set[str]:
    """The keys a report holds."""
    return {row.measure for row in report.measurements}


def _corpora(report: Report) -> list[tuple[str, str | None]]:
    return sorted((share.name, share.fingerprint) for share in report.sample.corpora)


def _setting(report: Report, name: str) -> Any:
    value = report.settings.get(name)
    if name == "quantizer" and isinstance(value, dict):  # its seed is the draw's: another draw is still comparable
        return {key: part for key, part in value.items() if key != "seed"}
    return value


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " + ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _check_rows(report: Report) -> None:
    seen: set[tuple[int | None, str]] = set()
    for row in report.measurements:
        if (row.layer, row.measure) in seen:
            raise GeoscopeError(
                f"expected one number a layer and measure, got several of {row.measure} in {report.subject.name}'s "
                "report; a study is read by `geoscope report` or `correlate`"
            )
        seen.add((row.layer, row.measure))
