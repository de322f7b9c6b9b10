"""The size curve: every measure at growing samples of one subject, so that one sees how much text a number needs.

Samples are nested: the fewer sequences (or rows) are among the more, each corpus keeping its share. At every size all
is made anew: points, quantizers, errors, nulls, and what a transform is fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack

import numpy as np

from geoscope import measuring
from geoscope.comparisons.size_curve import Size, SizeCurve, SizePoint, enough_of
from geoscope.errors import GeoscopeError
from geoscope.progress import in_parts
from geoscope.protocols import resolved
from geoscope.report import Report
from geoscope.settings.judging import CurveKeywords, CurveSizes
from geoscope.settings.measuring import MeasureKeywords
from geoscope.settings.option import completed, names, part, takes, without
from geoscope.settings.texts import counts_of
from geoscope.subjects.kinds import Kind, expect, kind_of
from geoscope.subjects.nested_draws import some_rows, some_sequences
from geoscope.subjects.opening import embeddings_of, wanted_layers

_DRAWN = names(MeasureKeywords, lambda option: option.drawn)

_HALVINGS = 7
"""Of the full sample, where no sizes are asked for."""

_LEAST = 25
"""Sequences below which halving stops: errors take 20."""


@takes(CurveKeywords)
def size_curve(subject: Any, **given: Unpack[CurveKeywords]) -> SizeCurve:
    """Measure growing samples of one subject: how much text a number needs.

    Without `rows` or `sequence_counts` the sample's sequences are halved again and again.

    Parameters
    ----------
    subject : anything that `measure` takes
        A report is none: its rows are needed.

    Returns
    -------
    SizeCurve
        Every measure's value, error and null at every size, the full sample last; ``.enough`` says from which size on
        each stays within its error of its value there.

    Raises
    ------
    GeoscopeError
        For a size above the sample's, or any other mistake.

    Examples
    --------
    >>> import geoscope, numpy
    >>> rows = numpy.random.default_rng(0).standard_normal((4000, 16))
    >>> found = geoscope.size_curve(rows, rows=[50, 500], measures=["participation_ratio_corrected"])
    >>> [point.n for point in found.points], [round(point.value) for point in found.points]
    ([50, 500, 4000], [15, 16, 16])
    >>> found.enough[0].from_size
    50
    """
    expect(subject, (Kind.TEXT, Kind.ROWS, Kind.HELD), "a subject with rows to draw from")
    options, asked = resolved(part(MeasureKeywords, given)), completed(CurveSizes, given)
    over, wanted = _asked(asked)
    whole = embeddings_of(subject, options)
    kept: dict[str, Any] = without(options, _DRAWN)
    kept["layers"] = wanted_layers(whole, options, extracted=kind_of(subject) is Kind.TEXT)
    filled = completed(MeasureKeywords, options)
    every = len(whole.index) if over == "rows" else len(np.unique(whole.index.sequences))
    sizes = _sizes(over, wanted, every, whole.name)
    draw = some_rows if over == "rows" else some_sequences
    reports = []
    for size in in_parts(sizes, filled["progress"], "sizes", sizes):
        rows = whole if size == every else draw(whole, size, filled["seed"])
        heard = kept if size == every else without(kept, ["announce"])  # of the memory that most takes
        reports.append(measuring.measure(rows, **heard))
    return _curve(over, sizes, reports)


def _asked(asked: CurveSizes) -> tuple[Literal["sequences", "rows"], Sequence[int] | None]:
    """What the curve is over, and at which sizes, if anybody says."""
    rows, sequences = asked["rows"], asked["sequence_counts"]
    if rows is not None and sequences is not None:
        raise GeoscopeError("expected --rows or --sequence-counts, got both; a curve is over one of them")
    wanted = sequences if rows is None else rows
    counts = None if wanted is None else counts_of(",".join(map(str, wanted)))
    return "sequences" if rows is None else "rows", counts


def _sizes(over: str, wanted: Sequence[int] | None, every: int, name: str) -> list[int]:
    """The sizes, increasing, each once, and the full sample."""
    if wanted is None:
        halved = [every // 2**times for times in range(_HALVINGS + 1)]
        return sorted({every, *(size for size in halved if size >= _LEAST)})
    if max(wanted) > every:
        flag = "--rows" if over == "rows" else "--sequence-counts"
        raise GeoscopeError(
            f"expected {flag} of at most {every:,}, what there is of {name}, got {max(wanted):,}; ask for fewer, or "
            "give more --sequences"
        )
    return sorted({every, *wanted})


def _curve(over: Literal["sequences", "rows"], sizes: Sequence[int], reports: Sequence[Report]) -> SizeCurve:
    whole = reports[-1]
    held = [{(row.layer, row.measure): row for row in report.measurements} for report in reports]
    points = [
        [SizePoint(size=size, **_told(rows[row.layer, row.measure])) for size, rows in zip(sizes, held, strict=True)]
        for row in whole.measurements
    ]
    sample = whole.sample.model_dump(mode="json")
    sample.pop("dropped", None)
    return SizeCurve(
        over=over,
        sizes=[
            Size(size=size, sequences=each.sample.sequences or 0, rows=each.sample.rows, points=each.sample.points)
            for size, each in zip(sizes, reports, strict=True)
        ],
        subject=whole.subject.model_dump(mode="json"),
        sample=sample,
        settings=whole.settings,
        points=[point for curve in points for point in curve],
        enough=[enough_of(curve) for curve in points],
        environment=whole.environment,
    )


def _told(row: Any) -> Mapping[str, Any]:
    """What a point takes over of a measurement."""
    return {name: getattr(row, name) for name in SizePoint.model_fields if name != "size"}
