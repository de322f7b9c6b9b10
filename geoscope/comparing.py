"""`geoscope.compare`: subjects and reports -> a comparison, measuring what has not been measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from geoscope.comparisons.collapse import parse_change
from geoscope.comparisons.comparison import Comparison, compare_reports, labels_of
from geoscope.errors import GeoscopeError
from geoscope.progress import in_parts
from geoscope.protocols import resolved
from geoscope.report import Report
from geoscope.settings.judging import CompareKeywords, Judging
from geoscope.settings.measuring import MeasureKeywords, Permuting
from geoscope.settings.option import completed, names, part, takes, without
from geoscope.settings.texts import points_of, share_of
from geoscope.settings.told import options_told
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.transforms import steps_of

_DRAWN = names(MeasureKeywords, lambda option: option.drawn)
_LAYERS = names(MeasureKeywords, lambda option: option.told == "settings.layers")


@takes(CompareKeywords)
def compare(base: Any, *candidates: Any, **given: Unpack[CompareKeywords]) -> Comparison:
    """Hold one or more candidates against a base.

    What is no report is measured first, with the options below; those that are left out are taken from the base's
    report, or else from the first candidate's, so that all see the same sample.

    Parameters
    ----------
    base, *candidates : Report, path, or anything that `measure` takes
        What to hold against what.

    Returns
    -------
    Comparison
        A difference, candidate minus base, for each candidate, layer and measure, with its standard error and verdict
        (changed, same, inconclusive, unknown); ``.failed`` lists the limits that did not hold.

    Raises
    ------
    NotComparable
        Where the reports were not measured the same way.
    GeoscopeError
        For any other mistake.

    Examples
    --------
    >>> import geoscope, numpy
    >>> draw = numpy.random.default_rng(0)
    >>> base, other = draw.standard_normal((1000, 16)), draw.standard_normal((1000, 16)) * numpy.linspace(0.1, 2, 16)
    >>> told = geoscope.compare(base, other, measures="isoscore", limits=["isoscore:-10%"])
    >>> told.difference("isoscore").verdict
    'changed'
    >>> [limit.limit for limit in told.failed]
    ['isoscore:-10%']
    """
    if not candidates:
        raise GeoscopeError("expected a candidate to hold against the base, got none; name one or more after it")
    judging = completed(Judging, given)
    limits = [parse_change(limit) if isinstance(limit, str) else limit for limit in judging["limits"]]
    subjects: list[Any] = [base, *candidates]
    kinds = [kind_of(subject) for subject in subjects]
    options = without(resolved(part(MeasureKeywords, given)), names(Permuting, lambda _: True))
    permutations = completed(Permuting, part(Permuting, given))["permutations"]
    if permutations and not judging["similarity"]:
        raise GeoscopeError("expected --similarity for --permutations, got none; give both or neither")
    each = [options] * len(subjects)
    if judging["similarity"]:
        if steps_of(options.get("transform")):
            raise GeoscopeError(
                "expected --similarity of rows as they are, got it with --transform; leave one out, or compare folders "
                "that extract has transformed"
            )
        subjects, each = _read_rows(subjects, kinds, options)
        options = without(options, _DRAWN | _LAYERS)
    reports = _reports(subjects, each)
    if judging["align"]:
        from geoscope.alignment import aligned

        reports = aligned(subjects, reports, options)
    alike = _similarity(subjects, labels_of(reports[1:]), options, permutations) if judging["similarity"] else []
    return compare_reports(
        reports[0],
        reports[1:],
        margin=share_of(judging["margin"]),
        limits=limits,
        strict=judging["strict"],
        similarity=alike,
    )


def _reports(subjects: Sequence[Any], options: Sequence[Mapping[str, Any]]) -> list[Report]:
    """Reports are read before anything is measured, so that what is wrong with them shows at once."""
    read = reports_read(subjects)
    model = next((report for report in read if report is not None), None)
    found = {place: report for place, report in enumerate(read) if report is not None}
    missing = [place for place in range(len(subjects)) if place not in found]
    for place in in_parts(missing, options[0].get("progress"), "subjects"):
        found[place] = _measured(subjects[place], model, options[place])
        model = found[place] if model is None else model
    return [found[place] for place in range(len(subjects))]


def reports_read(subjects: Sequence[Any]) -> list[Report | None]:
    """The reports among some subjects, None in the place of any other; at most one is on standard input."""
    if sum(1 for subject in subjects if str(subject) == "-") > 1:
        raise GeoscopeError("expected at most one report on standard input, got several -; save the others to files")
    return [_read(subject) if kind_of(subject) is Kind.REPORT else None for subject in subjects]


def _read_rows(
    subjects: Sequence[Any], kinds: Sequence[Kind], options: Mapping[str, Any]
) -> tuple[list[Any], list[dict[str, Any]]]:
    """The subjects as embeddings: checkpoints read their text once, for the measures and the similarity both.

    And what is left of the options to be asked of the rows of each.
    """
    from geoscope.subjects.opening import embeddings_of, wanted_layers

    if Kind.REPORT in kinds:
        raise GeoscopeError(
            "expected subjects that can be read for --similarity, got the report "
            f"{subjects[kinds.index(Kind.REPORT)]}; give what it is of"
        )
    rows = [embeddings_of(subject, options) for subject in subjects]
    layers = [wanted_layers(held, options, extracted=kind is Kind.TEXT) for held, kind in zip(rows, kinds, strict=True)]
    return list(rows), [{**without(options, _DRAWN), "layers": wanted} for wanted in layers]


def _similarity(
    subjects: Sequence[Any], labels: Sequence[str], options: Mapping[str, Any], permutations: int
) -> list[dict[str, Any]]:
    """Rows on how alike each candidate's space and the base's are."""
    from geoscope.spaces.similarity import similarity
    from geoscope.torch_state import torch_device

    base, *candidates = subjects
    chosen = completed(MeasureKeywords, options)
    return [
        {"candidate": label, **row}
        for label, candidate in zip(labels, candidates, strict=True)
        for row in similarity(
            base, candidate, points=points_of(chosen["points"]) or len(base), permutations=permutations,
            seed=chosen["seed"], device=torch_device(chosen["device"]), progress=chosen["progress"],
        )
    ]  # fmt: skip


def _read(subject: Any) -> Report:
    return subject if isinstance(subject, Report) else Report.read(subject)


def _measured(subject: Any, model: Report | None, options: Mapping[str, Any]) -> Report:
    from geoscope.measuring import measure

    if model is None:
        return measure(subject, **options)
    return measure(subject, **options_told(model, options, text=kind_of(subject) is Kind.TEXT))
