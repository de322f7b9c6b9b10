"""The noise floor: how far measures move when nothing has changed, and the limits that this allows.

Over draws (one subject): its sequences are dealt into K disjoint parts, and each part is measured. With s the
standard deviation of the K values,

    noise = s sqrt(n / N)    n rows a part, N rows the whole: what another draw as large as the whole varies by
    limit = t sqrt(2) noise  the change of one such draw to the next that comes by chance once in 370 times

where t is Student's quantile of K - 1 degrees at that chance (0.27 %, the 3 sigma of a known noise): 6.6 for K = 5,
4.1 for K = 10. The quantized measures keep noise = s, because training anew varies however many rows there are.

Over trainings (several subjects): each is measured on the same sequences and noise = s, what training anew with
another seed varies by; the limit follows as above.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from math import ceil, floor, log10, sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from geoscope import __version__
from geoscope.catalogue import QUANTIZED
from geoscope.comparisons.comparability import check_comparable
from geoscope.comparisons.comparing import is_report, reads_text
from geoscope.comparisons.matching import why_size_forbids
from geoscope.comparisons.quantiles import critical
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.forms.json_text import json_text
from geoscope.report import Report

if TYPE_CHECKING:
    from geoscope.report import Measurement
    from geoscope.subjects.embeddings import Embeddings

DRAWS = 5
CHANCE = 0.0027
"""How often a limit is passed by chance, either way: as often as three standard deviations of a known noise."""

_FEWEST = 3  # values that a limit is taken from
_OF_READING = (
    "corpora", "split", "words", "sequences", "max_length", "pooling", "tokens", "layers", "seed", "device", "dtype",
    "batch_tokens", "revision", "trust_remote_code", "allow_pickle", "progress",
)  # fmt: skip
_OF_DRAWING = (
    "corpora",
    "words",
    "sequences",
    "max_length",
    "pooling",
    "groups",
    "batch_tokens",
    "revision",
    "trust_remote_code",
    "allow_pickle",
)


class Floor(BaseModel):
    """How far one measure of one layer moves when nothing has changed."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    layer: int | None
    measure: str
    mean: float | None = Field(description="over draws or trainings; of draws at their number of rows, not the whole's")
    standard_deviation: float | None = Field(description="over draws or trainings, ddof 1")
    relative: float | None = Field(default=None, description="the standard deviation over the mean's absolute value")
    n: int = Field(description="rows each value is from, on average")
    whole_n: int = Field(description="rows the noise is scaled to")
    noise: float | None = Field(default=None, description="the standard deviation at whole_n rows")
    limit: float | None = Field(default=None, description="change that chance passes in 0.27 % of comparisons")
    amount: str | None = Field(default=None, description="the limit as the project's configuration takes it")
    values: list[float | None] = Field(description="one a draw or training")
    reason: str | None = Field(default=None, description="why there is no mean, or no limit")


class NoiseFloor(BaseModel):
    """The floors of one subject over draws, or of several trainings."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    schema_version: Literal["1"] = "1"
    geoscope_version: str = __version__
    over: Literal["draws", "trainings"]
    count: int = Field(description="how many draws or trainings")
    quantile: float | None = Field(description="Student's t that limits are from; null for fewer than three values")
    subjects: list[dict[str, Any]]
    sample: dict[str, Any] = Field(description="the whole sample; over draws with each part's sizes in `draws`")
    settings: dict[str, Any]
    floors: list[Floor] = Field(description="by layer, then in the order of the measures")
    limits: dict[str, str] = Field(description="for [tool.geoscope.limits]")
    environment: dict[str, Any]

    def floor(self, measure: str, layer: int | None = None) -> Floor:
        """One row; the layer may be left out where there is one."""
        rows = [row for row in self.floors if row.measure == measure and layer in (None, row.layer)]
        if len(rows) != 1:
            held = ", ".join(dict.fromkeys(row.measure for row in self.floors)) or "nothing"
            raise GeoscopeError(f"expected one row of {measure}, got {len(rows)}; the noise floor holds {held}")
        return rows[0]

    def to_toml(self) -> str:
        """The limits as lines for pyproject.toml."""
        return "[tool.geoscope.limits]\n" + "".join(f'"{key}" = "{amount}"\n' for key, amount in self.limits.items())

    def to_json(self) -> str:
        """The noise floor's JSON: two-space indent, a newline at the end."""
        return json_text(self.model_dump(mode="json"))


def noise_floor(*subjects: Any, draws: int = DRAWS, **options: Any) -> NoiseFloor:
    """The floors of one subject over disjoint draws of its sequences, or of several trainings over the same ones.

    subjects: anything `measure` takes; of several, some or all may be reports. draws: how many parts one subject's
    sequences are dealt into. options: keywords of `measure` but `errors` and `null`.
    Raises GeoscopeError for too few sequences or a lone report, NotComparable for trainings measured differently.
    """
    if not subjects:
        raise GeoscopeError("expected a subject, got none; name a checkpoint, embeddings or several trainings")
    if len(subjects) > 1:
        return _over_trainings(subjects, options)
    if draws < _FEWEST:
        raise GeoscopeError(f"expected at least {_FEWEST} draws, got {draws}; a spread over fewer says nothing")
    if is_report(subjects[0]):
        raise GeoscopeError(
            f"expected a subject with rows to draw from, got the report {subjects[0]}; "
            "give the checkpoint or embeddings, or the reports of several trainings"
        )
    return _over_draws(subjects[0], draws, options)


def _over_draws(subject: Any, draws: int, options: Mapping[str, Any]) -> NoiseFloor:
    from geoscope import measuring
    from geoscope.comparisons.parts import split_sequences
    from geoscope.subjects.consecutive_rows import warn_if_grouped
    from geoscope.subjects.layers import resolve_layers

    whole = _embeddings(subject, options)
    warn_if_grouped(whole, whole.layers[-1])
    kept = {name: value for name, value in options.items() if name not in _OF_DRAWING}
    wanted = options.get("layers", "last")
    if whole.layers == (None,):
        resolve_layers(wanted, whole.layers)
    elif wanted != "union":
        asked = "all" if reads_text(subject) else wanted  # of a checkpoint only the layers asked for were extracted
        kept["layers"] = [layer for layer in resolve_layers(asked, whole.layers) if layer is not None]
    parts = split_sequences(whole, draws, options.get("seed", 0))
    reports = [measuring.measure(part, **kept, errors=False, null="none") for part in parts]
    limit = options.get("points", 10000)
    points = None if limit in (None, "all") else int(limit)
    sizes = [
        {"sequences": len(set(part.index.sequences.tolist())), "rows": each.sample.rows, "points": each.sample.points}
        for part, each in zip(parts, reports, strict=True)
    ]
    rows = sum(size["rows"] for size in sizes)
    sample = reports[0].sample.model_dump(mode="json") | {
        "rows": rows, "points": rows if points is None else min(rows, points),
        "sequences": sum(size["sequences"] for size in sizes), "draws": sizes,
    }  # fmt: skip
    sample.pop("dropped", None)
    floors = [
        _floor([each.measurements[place] for each in reports], _whole_n(first, reports, place, points))
        for place, first in enumerate(reports[0].measurements)
    ]
    return _noise_floor("draws", reports, floors, sample)


def _embeddings(subject: Any, options: Mapping[str, Any]) -> Embeddings:
    """The subject's rows, extracted once."""
    from geoscope.subjects.embeddings import Embeddings, array_embeddings, open_embeddings

    if isinstance(subject, Embeddings):
        return subject
    if reads_text(subject):
        from geoscope.subjects.text_subjects import extract

        if options.get("groups") is not None:
            raise GeoscopeError(
                "expected --groups only with an embeddings file; a checkpoint's rows know their sequence"
            )
        return extract(str(subject), **{name: options[name] for name in _OF_READING if name in options})
    if options.get("corpora") is not None:
        raise GeoscopeError("expected --corpus only with a checkpoint; an embeddings file holds its rows already")
    if isinstance(subject, (str, os.PathLike)):
        return open_embeddings(Path(subject), groups=options.get("groups"))
    return array_embeddings(subject, groups=options.get("groups"))


def _whole_n(row: Measurement, reports: Sequence[Report], place: int, points: int | None) -> int:
    """The rows a measure would see of the whole: all of them, or as many as are sampled."""
    from geoscope.estimates import measured

    every = sum(report.measurements[place].n for report in reports)
    streamed = measured(row.measure).passes[0] in ("moments", "units")
    return every if streamed or points is None else min(every, points)


def _over_trainings(subjects: Sequence[Any], options: Mapping[str, Any]) -> NoiseFloor:
    if sum(1 for subject in subjects if str(subject) == "-") > 1:
        raise GeoscopeError("expected at most one report on standard input, got several -; save the others to files")
    read = {place: _read(subject) for place, subject in enumerate(subjects) if is_report(subject)}
    reports = [read.get(place) or _measured(subject, options) for place, subject in enumerate(subjects)]
    base = reports[0]
    for report in reports[1:]:
        check_comparable(base, report)
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
        floors.append(_floor(rows, None, forbidden))
    sample = base.sample.model_dump(mode="json")
    sample.pop("dropped", None)
    return _noise_floor("trainings", reports, floors, sample)


def _read(subject: Any) -> Report:
    return subject if isinstance(subject, Report) else Report.read(subject)


def _measured(subject: Any, options: Mapping[str, Any]) -> Report:
    from geoscope import measuring

    return measuring.measure(subject, **options, errors=False, null="none")


def _floor(rows: Sequence[Measurement], whole_n: int | None, forbidden: str | None = None) -> Floor:
    """One measure of one layer from its values in every draw or training.

    whole_n: rows to scale the noise to (None: as they are). forbidden: why the values cannot be held together.
    """
    values = [row.value for row in rows]
    held = [value for value in values if value is not None]
    n = round(fmean(row.n for row in rows))
    whole = n if whole_n is None else max(n, whole_n)
    found: dict[str, Any] = {
        "layer": rows[0].layer, "measure": rows[0].measure, "n": n, "whole_n": whole, "values": values,
        "mean": None, "standard_deviation": None,
    }  # fmt: skip
    if len(held) < len(rows):
        why = next(row.reason for row in rows if row.value is None)
        return Floor(**found, reason=f"undefined in {len(rows) - len(held)} of {len(rows)}: {why}")
    if forbidden is not None:
        return Floor(**found, reason=forbidden.removesuffix("; --align measures again at the common n"))
    mean, deviation = fmean(held), stdev(held)
    noise = deviation * (1.0 if rows[0].measure in QUANTIZED else sqrt(n / whole))
    found |= {"mean": mean, "standard_deviation": deviation, "noise": noise}
    found["relative"] = deviation / abs(mean) if mean else None
    if len(held) < _FEWEST:
        return Floor(**found, reason=f"a limit needs at least {_FEWEST} values")
    if deviation == 0:
        return Floor(**found, reason="it is the same in all, which bounds no noise")
    limit = critical(CHANCE / 2, len(held) - 1) * sqrt(2) * noise
    return Floor(**found, limit=limit, amount=_amount(limit, mean))


def _amount(limit: float, mean: float) -> str:
    """Two digits, rounded up; a share of the value where that is less than all of it."""
    if limit < abs(mean):
        return f"{_rounded_up(100 * limit / abs(mean)):.12g}%"
    return f"{_rounded_up(limit):.12g}"


def _rounded_up(number: float) -> float:
    unit = 10.0 ** (floor(log10(number)) - 1)
    return ceil(number / unit - 1e-9) * unit


def _noise_floor(
    over: Literal["draws", "trainings"], reports: Sequence[Report], floors: list[Floor], sample: dict[str, Any]
) -> NoiseFloor:
    several = len({row.layer for row in floors}) > 1
    shown = reports if over == "trainings" else reports[:1]
    return NoiseFloor(
        over=over,
        count=len(reports),
        quantile=critical(CHANCE / 2, len(reports) - 1) if len(reports) >= _FEWEST else None,
        subjects=[report.subject.model_dump(mode="json") for report in shown],
        sample=sample,
        settings=reports[0].settings,
        floors=floors,
        limits={
            f"{row.measure}@{row.layer}" if several else row.measure: row.amount
            for row in floors
            if row.amount is not None
        },
        environment=reports[0].environment,
    )
