"""`geoscope.compare`: subjects and reports -> a comparison, measuring what has not been measured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from geoscope import measuring
from geoscope.comparisons.comparison import Comparison, compare_reports, labels_of
from geoscope.comparisons.difference_errors import share_of_corpora
from geoscope.comparisons.limits import Limit, parse_limit
from geoscope.errors import GeoscopeError
from geoscope.protocols import resolved
from geoscope.report import Report, Sample
from geoscope.rows import Batch, IntArray, Layer, RowIndex, Source, hash_rows, smallest
from geoscope.settings.judging import CompareKeywords, Judging
from geoscope.settings.measuring import MeasureKeywords
from geoscope.settings.option import completed, names, part, takes, without
from geoscope.settings.texts import points_of, share_of
from geoscope.settings.told import drawn_sequences, options_told
from geoscope.subjects.embeddings.embedding_folders import write_embeddings
from geoscope.subjects.embeddings.embeddings import Embeddings
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.subjects.layers import resolve_layers
from geoscope.subjects.opening import embeddings_of, opened
from geoscope.subjects.row_files.array_files import matrix
from geoscope.subjects.selections import corpus_of

_DRAWN = names(MeasureKeywords, lambda option: option.drawn)


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
    limits = [limit if isinstance(limit, Limit) else parse_limit(limit) for limit in judging["limits"]]
    subjects: list[Any] = [base, *candidates]
    kinds = [kind_of(subject) for subject in subjects]
    options = resolved(part(MeasureKeywords, given))
    each = [options] * len(subjects)
    if judging["similarity"]:
        subjects, each = _read_rows(subjects, kinds, options)
        options = without(options, [*_DRAWN, "layers"])
    reports = _reports(subjects, each)
    if judging["align"]:
        from geoscope.comparing import aligned

        reports = aligned(subjects, reports, options)
    alike = _similarity(subjects, labels_of(reports[1:]), options) if judging["similarity"] else []
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
    reports = []
    for subject, report, given in zip(subjects, read, options, strict=True):
        reports.append(_measured(subject, model, given) if report is None else report)
        model = reports[0] if model is None else model
    return reports


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


def _similarity(subjects: Sequence[Any], labels: Sequence[str], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows on how alike each candidate's space and the base's are."""
    from geoscope.measuring import torch_device
    from geoscope.spaces.similarity import similarity

    base, *candidates = subjects
    chosen = completed(MeasureKeywords, options)
    return [
        {"candidate": label, **row}
        for label, candidate in zip(labels, candidates, strict=True)
        for row in similarity(
            base, candidate, points=points_of(chosen["points"]) or len(base), seed=chosen["seed"],
            device=torch_device(chosen["device"]), progress=chosen["progress"],
        )
    ]  # fmt: skip


def _read(subject: Any) -> Report:
    return subject if isinstance(subject, Report) else Report.read(subject)


def _measured(subject: Any, model: Report | None, options: Mapping[str, Any]) -> Report:
    from geoscope.measuring import measure

    if model is None:
        return measure(subject, **options)
    return measure(subject, **options_told(model, options, text=kind_of(subject) is Kind.TEXT))


_DRAWN = names(MeasureKeywords, lambda option: option.drawn)


class Thinned:
    """Some rows of a source, as a source."""

    def __init__(self, source: Source, kept: IntArray) -> None:
        """kept: which of the source's rows, increasing. Sequences are numbered anew where some have none left."""
        self._source = source
        self._kept = kept
        index = source.index.take(kept)
        whole = len(np.unique(source.index.sequences))
        names, place = np.unique(index.sequences, return_inverse=True)
        self.index = index if len(names) == whole else replace(index, sequences=place.astype(np.int64))

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self._source.layers

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """The kept rows of every asked layer, numbered anew."""
        for batch in self._source.batches(layers):
            place = np.searchsorted(self._kept, batch.offsets)
            hit = self._kept[np.minimum(place, len(self._kept) - 1)] == batch.offsets
            if hit.any():
                rows = {layer: block[hit] for layer, block in batch.rows.items()}
                yield Batch(place[hit].astype(np.int64), rows)


@dataclass(frozen=True)
class _Reopened:
    """A subject that can be read again: its rows, how it was described, and the keywords it is measured with."""

    source: Source
    report: Report
    sample: dict[str, Any]
    options: dict[str, Any]

    @property
    def clouds(self) -> int:
        """How many layers' rows are measured as one."""
        return len(self.source.layers) if self.report.settings.get("layers") == "union" else 1

    @property
    def rows(self) -> int:
        return len(self.source.index) * self.clouds


def aligned(subjects: Sequence[Any], reports: Sequence[Report], options: Mapping[str, Any]) -> list[Report]:
    """The reports, those of more sequences, rows or points than the least of all measured again at the least.

    Raises GeoscopeError where that takes rows that a report does not hold.
    """
    counts = [share_of_corpora(report).sequences for report in reports]  # None where each row is alone
    least = min((count for count in counts if count is not None), default=None)
    reopened: dict[int, _Reopened] = {}
    for place, (subject, report) in enumerate(zip(subjects, reports, strict=True)):
        if least is not None and (counts[place] or 0) > least:
            fewest = reports[counts.index(least)]
            again = _reopened(subject, report, options, fewest, redraw=True)
            reopened[place] = _fewer_sequences(again, fewest)
    rows = min(
        reopened[place].rows if place in reopened else report.sample.rows for place, report in enumerate(reports)
    )
    points = min(rows, *(report.sample.points for report in reports))
    found = []
    for place, (subject, report) in enumerate(zip(subjects, reports, strict=True)):
        if place not in reopened:
            if report.sample.rows <= rows and report.sample.points <= points:
                found.append(report)
                continue
            smallest_of = min(reports, key=lambda each: (each.sample.rows, each.sample.points))
            reopened[place] = _reopened(subject, report, options, smallest_of)
        found.append(_measured_again(reopened[place], rows, points))
    return found


def _reopened(
    subject: Any, report: Report, options: Mapping[str, Any], other: Report, *, redraw: bool = False
) -> _Reopened:
    """A subject ready to be read as it was; to redraw, with a checkpoint's text drawn as that of the other was."""
    kind = kind_of(subject)
    if kind is Kind.REPORT:
        raise GeoscopeError(
            f"expected subjects that can be measured again for --align, got the report of {report.subject.name} with "
            f"{_size(report)} where another has {_size(other)}; give what it was measured on"
        )
    chosen = options_told(report, options, text=kind is Kind.TEXT)
    if redraw and kind is Kind.TEXT:
        chosen["sequences"] = drawn_sequences(other)
    if kind is Kind.TEXT:
        found = opened(subject, chosen)
        return _Reopened(found.source, report, found.sample, chosen)
    rows = embeddings_of(subject, chosen)
    sample = report.sample.model_dump(mode="json", exclude={"rows", "points", "dropped"})
    layers = resolve_layers(chosen.get("layers", "last"), rows.layers)
    return _Reopened(_layers_of(rows, layers), report, sample, chosen)


def _size(report: Report) -> str:
    sample = report.sample
    of = "" if sample.sequences is None else f" of {sample.sequences:,} sequences"
    points = f", {sample.points:,} of them points" if sample.points < sample.rows else ""
    return f"{sample.rows:,} rows{of}{points}"


def _fewer_sequences(reopened: _Reopened, fewest: Report) -> _Reopened:
    """With no more sequences than another's: a seeded sample of them where the text could not be drawn anew."""
    names = np.unique(reopened.source.index.sequences)
    wanted = fewest.sample.sequences or 0
    if len(names) <= wanted:
        return reopened
    share = wanted / len(names)
    alone = RowIndex(names, np.full_like(names, -1), names)
    chosen = names[smallest(hash_rows(alone, reopened.report.sample.seed), wanted)]
    kept = np.flatnonzero(np.isin(reopened.source.index.sequences, chosen)).astype(np.int64)
    fraction = reopened.sample.get("sampling_fraction")
    sample = {
        **reopened.sample, "sequences": wanted, "fingerprint": None, "corpora": _shares(reopened.sample, chosen),
        "sampling_fraction": None if fraction is None else fraction * share,
    }  # fmt: skip
    return replace(reopened, source=Thinned(reopened.source, kept), sample=sample)


def _shares(sample: Mapping[str, Any], chosen: IntArray) -> list[dict[str, Any]]:
    """The corpora's shares of some of the drawn sequences."""
    shares = [dict(share) for share in sample.get("corpora") or []]
    origin = corpus_of(sample, chosen)
    for place, share in enumerate(shares):
        share["sequences"] = int(np.sum(origin == place))
    return shares


def _measured_again(reopened: _Reopened, rows: int, points: int) -> Report:
    """A subject's report from only so many of its rows and points, otherwise as it was measured."""
    report, index = reopened.report, reopened.source.index
    kept = {**without(reopened.options, _DRAWN), "points": points}
    chosen = smallest(hash_rows(index, report.sample.seed), round(rows / reopened.clouds))
    thinned = Thinned(reopened.source, chosen)
    if thinned.layers == (None,):
        cloud = np.concatenate([batch.rows[None] for batch in thinned.batches()])
        measured = measuring.measure(cloud, groups=thinned.index.sequences, **kept)
        told = {**reopened.sample, **measured.sample.model_dump(include={"rows", "points", "dropped", "sequences"})}
        measured = measured.model_copy(update={"sample": Sample.model_validate(told)})
    else:
        with tempfile.TemporaryDirectory(prefix="geoscope-") as folder:
            described = report.model_dump(mode="json", include={"subject", "settings"})
            write_embeddings(Path(folder) / "rows", thinned, **described, sample=reopened.sample)
            measured = measuring.measure(Path(folder) / "rows", **kept)
    return measured.model_copy(update={"subject": report.subject})


def _layers_of(embeddings: Embeddings, layers: Sequence[Layer]) -> Embeddings:
    """The embeddings of some layers only, so that no other is copied."""
    return Embeddings(
        {layer: matrix(embeddings.rows(layer), embeddings.name) for layer in layers}, embeddings.index,
        name=embeddings.name,
    )  # fmt: skip
