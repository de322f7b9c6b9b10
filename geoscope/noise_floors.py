"""The noise floor: how far measures move when nothing has changed, and the limits that this allows.

Over draws (one subject): its sequences are dealt into K disjoint parts, and each part is measured. With s the
standard deviation of the K values,

    noise = s sqrt(n / N)    n rows a part, N rows the whole: what another draw as large as the whole varies by
    limit = t sqrt(2) noise  the change of one such draw to the next that comes by chance once in 370 times

where t is Student's quantile of K - 1 degrees at that chance (0.27 %, the 3 sigma of a known noise): 6.6 for K = 5,
4.1 for K = 10. That is right of measures whose expectation is the same at any size of sample. A measure that moves with
the numbers of rows or sequences varies otherwise at n than at N: its noise is the standard error of its value on the
whole (trainings included), and t has that error's 19 degrees (3.5).

Over trainings (several subjects): each is measured on the same sequences and noise = s, what training anew with
another seed varies by; the limit follows as above.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from math import ceil, floor, log10, sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal, Unpack

from geoscope.catalogue import TRAITS, select
from geoscope.comparing import reports_read
from geoscope.comparisons.comparability import check_comparable, transforms_of
from geoscope.comparisons.difference_errors import degrees_of
from geoscope.comparisons.matching import why_size_forbids
from geoscope.comparisons.noise_floor import CHANCE, Floor, NoiseFloor
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.progress import in_parts
from geoscope.protocols import resolved
from geoscope.report import Report
from geoscope.settings.judging import DrawOptions, FloorKeywords
from geoscope.settings.measuring import MeasureKeywords
from geoscope.settings.option import completed, names, part, takes, without
from geoscope.settings.texts import points_of
from geoscope.statistics import critical
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.transforms import in_words

if TYPE_CHECKING:
    from geoscope.report import Measurement

_FEWEST = 3  # values that a limit is taken from
_DRAWN = names(MeasureKeywords, lambda option: option.drawn)


@takes(FloorKeywords)
def noise_floor(*subjects: Any, **given: Unpack[FloorKeywords]) -> NoiseFloor:
    """How far measures move by themselves: over disjoint draws of one subject's sequences, or over several trainings.

    `errors` and `null` are set here and cannot be asked for.

    Parameters
    ----------
    *subjects : anything that `measure` takes
        One, whose sequences are dealt into `draws` parts; or several trainings measured on the same sequences, of which
        some or all may be reports.

    Returns
    -------
    NoiseFloor
        A floor for each layer and measure, with the limit that it allows; ``.to_toml()`` are the limits for a project.

    Raises
    ------
    NotComparable
        For trainings that were not measured the same way.
    GeoscopeError
        For too few sequences, a lone report, or any other mistake.

    Examples
    --------
    >>> import geoscope, numpy
    >>> rows = numpy.random.default_rng(0).standard_normal((1000, 16))
    >>> floor = geoscope.noise_floor(rows, measures="average_cosine_similarity", draws=5)
    >>> floor.count, abs(floor.floor("average_cosine_similarity").mean) < 0.01
    (5, True)
    """
    if not subjects:
        raise GeoscopeError("expected a subject, got none; name a checkpoint, embeddings or several trainings")
    options = resolved(part(MeasureKeywords, given))
    if len(subjects) > 1:
        return _over_trainings(subjects, options)
    if kind_of(subjects[0]) is Kind.REPORT:
        raise GeoscopeError(
            f"expected a subject with rows to draw from, got the report {subjects[0]}; "
            "give the checkpoint or embeddings, or the reports of several trainings"
        )
    return _over_draws(subjects[0], completed(DrawOptions, given)["draws"], options)


def _over_draws(subject: Any, draws: int, options: Mapping[str, Any]) -> NoiseFloor:
    from geoscope import measuring
    from geoscope.subjects.disjoint_draws import split_sequences
    from geoscope.subjects.opening import embeddings_of, wanted_layers

    whole = embeddings_of(subject, options)
    kept = without(options, _DRAWN)
    kept["layers"] = wanted_layers(whole, options, extracted=kind_of(subject) is Kind.TEXT)
    asked = completed(MeasureKeywords, options)
    points = points_of(asked["points"])
    parts = split_sequences(whole, draws, asked["seed"])
    keys = select(kept.pop("measures", None))
    report = measuring.measure(whole, **kept, measures=keys, null="none")
    steady = [key for key in keys if not TRAITS[key].moves_with]
    again = [
        measuring.measure(dealt, **kept, measures=steady, errors=False, null="none")
        for dealt in in_parts(parts if steady else [], asked["progress"], "draws")
    ]
    clouds = report.sample.rows // len(whole.index)
    sizes = []
    for dealt in parts:
        rows = clouds * len(dealt.index)
        sequences = len(set(dealt.index.sequences.tolist()))
        sizes.append({"sequences": sequences, "rows": rows, "points": rows if points is None else min(rows, points)})
    sample = report.sample.model_dump(mode="json") | {"draws": sizes}
    sample.pop("dropped", None)
    drawn = [{(row.layer, row.measure): row for row in each.measurements} for each in again]
    floors = [
        _floor([each[row.layer, row.measure] for each in drawn], "draws", row.n)
        if row.measure in steady
        else _floor_of_whole(row)
        for row in report.measurements
    ]
    return _noise_floor("draws", [report], floors, sample, draws, options)


def _floor_of_whole(row: Measurement) -> Floor:
    """One measure of one layer whose noise is its standard error on the whole."""
    found: dict[str, Any] = {
        "layer": row.layer, "measure": row.measure, "noise_from": "whole", "n": row.n, "whole_n": row.n,
        "values": [row.value], "mean": row.value, "standard_deviation": row.standard_error,
    }  # fmt: skip
    if row.value is None or row.standard_error is None:
        return Floor(**found, reason=f"undefined: {row.reason}" if row.value is None else row.reason)
    return _limited(found, row.value, row.standard_error, degrees_of(row))


def _over_trainings(subjects: Sequence[Any], options: Mapping[str, Any]) -> NoiseFloor:
    read = reports_read(subjects)
    missing = [place for place, report in enumerate(read) if report is None]
    told = in_parts(missing, completed(MeasureKeywords, options)["progress"], "subjects")
    measured = {place: _measured(subjects[place], options) for place in told}
    reports = [report or measured[place] for place, report in enumerate(read)]
    base = reports[0]
    for report in reports[1:]:
        check_comparable(base, report)
        if transforms_of(report) != transforms_of(base):
            raise NotComparable(
                f"expected trainings whose rows were transformed alike, got {base.subject.name} with "
                f"{in_words(transforms_of(base))} and {report.subject.name} with {in_words(transforms_of(report))}; "
                "measure them with the same --transform"
            )
        if report.sample.fingerprint != base.sample.fingerprint:
            raise NotComparable(
                f"expected trainings measured on the same sequences, got {base.subject.name} and {report.subject.name} "
                "with different ones; measure them with the same --sequences and --seed"
            )
    weights = [report.subject.fingerprint for report in reports if report.subject.fingerprint is not None]
    if len(set(weights)) < len(weights):
        warnings.warn("some subjects have the same weights, so the spread over trainings is too small", stacklevel=3)
    found = [{(row.layer, row.measure): row for row in report.measurements} for report in reports]
    common = [row for row in base.measurements if all((row.layer, row.measure) in rows for rows in found)]
    if not common:
        raise GeoscopeError(
            "expected trainings with a measure of a layer in common, got none; measure the same --measures and --layers"
        )
    floors = []
    for row in common:
        rows = [held[row.layer, row.measure] for held in found]
        forbidden = next((why for each in rows if (why := why_size_forbids(row, each))), None)
        floors.append(_floor(rows, "trainings", None, forbidden))
    sample = base.sample.model_dump(mode="json")
    sample.pop("dropped", None)
    return _noise_floor("trainings", reports, floors, sample, len(reports), options)


def _measured(subject: Any, options: Mapping[str, Any]) -> Report:
    from geoscope import measuring

    return measuring.measure(subject, **options, errors=False, null="none")


def _floor(
    rows: Sequence[Measurement],
    noise_from: Literal["draws", "trainings"],
    whole_n: int | None,
    forbidden: str | None = None,
) -> Floor:
    """One measure of one layer from its values in every draw or training.

    whole_n: rows to scale the noise to (None: as they are). forbidden: why the values cannot be held together.
    """
    values = [row.value for row in rows]
    held = [value for value in values if value is not None]
    n = round(fmean(row.n for row in rows))
    whole = n if whole_n is None else max(n, whole_n)
    found: dict[str, Any] = {
        "layer": rows[0].layer, "measure": rows[0].measure, "noise_from": noise_from, "n": n, "whole_n": whole,
        "values": values, "mean": None, "standard_deviation": None,
    }  # fmt: skip
    if len(held) < len(rows):
        why = next(row.reason for row in rows if row.value is None)
        return Floor(**found, reason=f"undefined in {len(rows) - len(held)} of {len(rows)}: {why}")
    if forbidden is not None:
        return Floor(**found, reason=forbidden.partition("; given")[0])
    mean, deviation = fmean(held), stdev(held)
    found |= {"mean": mean, "standard_deviation": deviation}
    return _limited(found, mean, deviation * sqrt(n / whole), len(held) - 1)


def _limited(found: dict[str, Any], value: float, noise: float, degrees: float) -> Floor:
    """A floor with its noise, and the limit that the noise allows a value like this one."""
    found |= {"noise": noise, "relative": found["standard_deviation"] / abs(value) if value else None}
    if degrees < _FEWEST - 1:
        return Floor(**found, reason=f"a limit needs at least {_FEWEST} values")
    if noise == 0:
        return Floor(**found, reason="it is the same in all, which bounds no noise")
    limit = critical(CHANCE / 2, degrees) * sqrt(2) * noise
    return Floor(**found, limit=limit, amount=_amount(limit, value))


def _amount(limit: float, mean: float) -> str:
    """Two digits, rounded up; a share of the value where that is less than all of it."""
    if limit < abs(mean):
        return f"{_rounded_up(100 * limit / abs(mean)):.12g}%"
    return f"{_rounded_up(limit):.12g}"


def _rounded_up(number: float) -> float:
    unit = 10.0 ** (floor(log10(number)) - 1)
    return ceil(number / unit - 1e-9) * unit


def _noise_floor(
    over: Literal["draws", "trainings"],
    reports: Sequence[Report],
    floors: list[Floor],
    sample: dict[str, Any],
    count: int,
    options: Mapping[str, Any],
) -> NoiseFloor:
    several = len({row.layer for row in floors}) > 1
    protocol = options.get("protocol")
    return NoiseFloor(
        over=over,
        count=count,
        quantile=critical(CHANCE / 2, count - 1) if count >= _FEWEST else None,
        subjects=[report.subject.model_dump(mode="json") for report in reports],
        sample=sample,
        settings=reports[0].settings | ({} if protocol is None else {"protocol": protocol}),
        floors=floors,
        limits={
            f"{row.measure}@{row.layer}" if several else row.measure: row.amount
            for row in floors
            if row.amount is not None
        },
        environment=reports[0].environment,
    )
