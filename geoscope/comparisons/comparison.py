"""A comparison: reports -> differences with their noise, verdicts, and limits held. Loads no torch and no numpy.

How to read one. Each row is candidate minus base. Its standard error is over sequences and, where both reports saw
the same drawn sequences, taken in pairs, so that what the sample does to both cancels. *changed* says that the whole
95 % interval lies beyond the margin, and that there is a difference also after allowing for the number of rows
(Benjamini-Hochberg); *same*, that the whole interval lies inside the margin; *inconclusive*, that the sample is too
small to say either; *unknown*, that there is no difference to judge, for the reason given. None of them says better or
worse: geometry has no good direction by itself. A limit says what you would call bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from geoscope.catalogue import test_of
from geoscope.comparisons.checks import HeldLimit, hold_collapse, hold_limits
from geoscope.comparisons.collapse import Collapse
from geoscope.comparisons.comparability import check_comparable, check_populations, measures_of, transforms_of
from geoscope.comparisons.difference_errors import Noise, contrast
from geoscope.comparisons.limits import Limit
from geoscope.comparisons.matching import Match, match_layers, matches_of, share_of, why_no_difference
from geoscope.comparisons.verdicts import Verdict, interval, judge, margin_scale, two_sided
from geoscope.errors import GeoscopeError, Undefined
from geoscope.files import is_none
from geoscope.report import Report
from geoscope.result import TOLD, Interval, Part, Result, Told, shaped
from geoscope.settings.judging import Judging
from geoscope.settings.option import default_of
from geoscope.statistics import benjamini_hochberg
from geoscope.wording import numbered

MARGIN: float = default_of(Judging, "margin")
"""A change of up to this share of the base's value is no news; of its deficit, where only that can move."""


ROUNDING = 1e-4
"""A change of up to this share is rounding: one model's numbers differ by up to a fifth of it where batches differ."""


class Difference(Part):
    """One measure of one layer, in two reports."""

    layer: int | None = Field(description="of the base")
    measure: str
    candidate: str = Field(description="its label among the candidates")
    candidate_layer: int | None = Field(description="the candidate's layer it is held against")
    base_value: float | None
    candidate_value: float | None
    base_n: int
    candidate_n: int
    difference: float | None = Field(description="candidate - base; null where there is none")
    relative: float | None = Field(default=None, description="the difference over the base's absolute value")
    standard_error: float | None = Field(default=None, description="of the difference, over sequences")
    z: float | None = Field(default=None, description="difference / standard error; null where that is 0")
    p: float | None = Field(default=None, description="of no difference, two-sided")
    p_adjusted: float | None = Field(
        default=None, description="Benjamini-Hochberg over this candidate's rows, one number counted once"
    )
    interval: Interval | None = Field(default=None, description="95 %, of the difference")
    paired: bool | None = Field(default=None, description="whether the error was taken over the same sequences")
    verdict: Verdict = "unknown"
    reason: str | None = Field(default=None, description="why there is no difference, or no error")
    caution: str | None = Field(
        default=None, exclude_if=is_none, description="why the values say less than they seem to, in either report"
    )


class Unmatched(Part):
    """What only one of two reports has, and the comparison leaves out."""

    candidate: str
    only_in: Literal["base", "candidate"]
    layers: list[int | None]
    measures: list[str]


class _Labelled(Told):
    label: str


class _Settings(TypedDict):
    margin: float
    transforms: NotRequired[dict[str, list[str]]]


class _Similarity(TypedDict):
    measure: str
    value: float | None
    null: NotRequired[float | None]
    layer_base: NotRequired[int | None]
    layer_candidate: NotRequired[int | None]


class Comparison(Result):
    """What two or more reports differ in, and which limits that breaks."""

    noun = "comparison"
    made_by = "geoscope compare BASE CANDIDATE -o comparison.json"

    kind: Literal["comparison"] = "comparison"
    base: Annotated[dict[str, Any], TOLD] = Field(description="the base's subject")
    candidates: list[Annotated[dict[str, Any], shaped(_Labelled)]] = Field(
        description="the candidates' subjects, each with its label"
    )
    settings: Annotated[dict[str, Any], shaped(_Settings)]
    differences: list[Difference] = Field(description="by candidate, then as in the base's report")
    limits: list[HeldLimit]
    similarity: list[Annotated[dict[str, Any], shaped(_Similarity)]] = Field(
        default=[], description="of the two spaces, where embeddings were at hand"
    )
    unmatched: list[Unmatched] = Field(default=[])

    @model_validator(mode="after")
    def _of_its_candidates(self) -> Comparison:
        labels = {each["label"] for each in self.candidates}
        other = next((row.candidate for row in self.differences if row.candidate not in labels), None)
        if other is not None:
            raise ValueError(f"a difference of {other!r}, which is none of the candidates")
        return self

    @property
    def failed(self) -> list[HeldLimit]:
        """The limits that did not hold."""
        return [limit for limit in self.limits if not limit.held]

    def difference(self, measure: str, layer: int | None = None, candidate: str | None = None) -> Difference:
        """One row; the layer and the candidate may be left out where one row has the measure."""
        rows = [
            row
            for row in self.differences
            if row.measure == measure and layer in (None, row.layer) and candidate in (None, row.candidate)
        ]
        if len(rows) != 1:
            held = ", ".join(dict.fromkeys(row.measure for row in self.differences)) or "nothing"
            raise GeoscopeError(f"expected one row of {measure}, got {len(rows)}; the comparison holds {held}")
        return rows[0]


def compare_reports(
    base: Report,
    candidates: Sequence[Report],
    *,
    margin: float = MARGIN,
    limits: Iterable[Limit | Collapse] = (),
    strict: bool = False,
    similarity: Iterable[Mapping[str, Any]] = (),
) -> Comparison:
    """Hold reports against a base.

    margin: the share up to which a change is no news, of how far the base's value is from where the part of the measure
    that can move starts (from 0, for most; the catalogue's offset). limits: what may not move further;
    strict: let noise excuse no breach. similarity: rows on how alike the two spaces are, passed through; candidates
    in them go by their `labels_of`.
    Raises NotComparable where the reports were not measured the same way, GeoscopeError where they share no layer
    or lack what a limit is about.
    """
    if not 0 <= margin < float("inf"):
        raise GeoscopeError(f"expected a margin of 0 or more, got {margin}; 0.05 is 5 % of the base's value")
    chosen = tuple(limits)
    differences: list[Difference] = []
    matches: list[Match] = []
    unmatched: list[Unmatched] = []
    labels = labels_of(candidates)
    for label, candidate in zip(labels, candidates, strict=True):
        check_comparable(base, candidate)
        check_populations(base, candidate)
        mine = matches_of(base, candidate, label)
        unmatched += _unmatched(base, candidate, label)
        differences += _adjusted([_difference(match, margin) for match in mine], margin)
        matches += mine
    return Comparison(
        base=base.subject.model_dump(mode="json"),
        candidates=[
            each.subject.model_dump(mode="json") | {"label": label}
            for label, each in zip(labels, candidates, strict=True)
        ],
        settings={
            "margin": margin,
            "strict": strict,
            "limits": [str(limit) for limit in chosen],
            "population": "corpus" if any(match.draws.finite for match in matches) else "endless",
            **_transforms(base, candidates, labels),
        },
        differences=differences,
        limits=_held(chosen, base, dict(zip(labels, candidates, strict=True)), matches, strict=strict),
        similarity=[dict(row) for row in similarity],
        unmatched=unmatched,
    )


def _held(
    limits: Sequence[Limit | Collapse],
    base: Report,
    candidates: Mapping[str, Report],
    matches: Sequence[Match],
    *,
    strict: bool,
) -> list[HeldLimit]:
    """What came of every limit: of those on changes first, then of the signs of collapse."""
    changes = [limit for limit in limits if isinstance(limit, Limit)]
    collapses = [limit for limit in limits if isinstance(limit, Collapse)]
    held = hold_limits(changes, base, candidates, matches, strict=strict)
    for named in collapses:
        for label, candidate in candidates.items():
            held += hold_collapse(named, base, candidate, label)
    return held


def _transforms(base: Report, candidates: Sequence[Report], labels: Sequence[str]) -> dict[str, Any]:
    """What was done to whose rows before they were measured; nothing where all are as they were."""
    made = {"base": transforms_of(base), **dict(zip(labels, map(transforms_of, candidates), strict=True))}
    return {"transforms": made} if any(made.values()) else {}


def labels_of(candidates: Sequence[Report]) -> list[str]:
    """The candidates' names; those that share one are numbered."""
    return numbered([candidate.subject.name for candidate in candidates])


def _unmatched(base: Report, candidate: Report, label: str) -> list[Unmatched]:
    pairs = match_layers(base, candidate)
    found = []
    for side, report, other, place in (("base", base, candidate, 0), ("candidate", candidate, base, 1)):
        paired = {pair[place] for pair in pairs}
        layers = [layer for layer in report.layers if layer not in paired]
        missing = measures_of(report) - measures_of(other)
        measures = [key for key in dict.fromkeys(row.measure for row in report.measurements) if key in missing]
        if layers or measures:
            only_in: Literal["base", "candidate"] = "base" if side == "base" else "candidate"
            found.append(Unmatched(candidate=label, only_in=only_in, layers=layers, measures=measures))
    return found


def _difference(match: Match, margin: float) -> Difference:
    """One row, its verdict still without the adjustment for the number of rows."""
    base, candidate = match.base, match.candidate
    row = Difference(
        layer=base.layer,
        measure=base.measure,
        candidate=match.label,
        candidate_layer=candidate.layer,
        base_value=base.value,
        candidate_value=candidate.value,
        base_n=base.n,
        candidate_n=candidate.n,
        difference=None,
        caution=base.caution or candidate.caution,
    )
    missing = why_no_difference(match)
    if missing is not None or base.value is None or candidate.value is None:
        return row.model_copy(update={"reason": missing})
    change = candidate.value - base.value
    found: dict[str, Any] = {"difference": change, "relative": share_of(change, base.value)}
    try:
        noise = contrast(base, candidate, match.draws)
    except Undefined as reason:
        return row.model_copy(update=found | {"reason": f"not judged: {reason}"})
    return row.model_copy(update=found | _noise_columns(change, noise))


def _noise_columns(change: float, noise: Noise) -> dict[str, Any]:
    return {
        "standard_error": noise.standard_error,
        "z": change / noise.standard_error if noise.standard_error else None,
        "p": two_sided(change, noise),
        "interval": interval(change, noise),
        "paired": noise.paired,
    }


def _adjusted(rows: list[Difference], margin: float) -> list[Difference]:
    """One candidate's rows with p adjusted for their number, and the verdicts that follow."""
    judged = []
    tests = [(row.layer, row.candidate_layer, test_of(row.measure, row.p)) for row in rows]
    for row, p in zip(rows, benjamini_hochberg([row.p for row in rows], tests), strict=True):
        if p is None or row.difference is None or row.interval is None or row.base_value is None:
            judged.append(row)
            continue
        scale = margin_scale(row.measure, row.base_value, row.base_n)
        verdict = judge(row.interval, p, max(margin, ROUNDING) * scale)
        judged.append(row.model_copy(update={"p_adjusted": p, "verdict": verdict}))
    return judged
