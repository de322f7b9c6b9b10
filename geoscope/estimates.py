"""One measure of one cloud with all that goes with it: value, rows, standard error, replicates, null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from geoscope import measures as formulas
from geoscope import nulls
from geoscope.codebooks import Codes, QuantizerSettings, quantize, quantize_heldout
from geoscope.errors import Undefined
from geoscope.gathering import GROUPS
from geoscope.measures.energy import TOP_DIMENSIONS
from geoscope.measures.formula import Measured, finite
from geoscope.moments import Moments, Units
from geoscope.partial import PartialPasses, SharedPasses
from geoscope.passes import Passes
from geoscope.rows import BoolArray, Float64
from geoscope.uncertainty import (
    HALVES,
    finite_corpus_factor,
    group_masks,
    half_sample_error,
    half_samples,
    jackknife_error,
    split_error,
    squared_mean_error,
)

TRAININGS = 3
"""How many seeds the quantized measures' spread over trainings is taken from."""

NULLS = ("auto", "closed", "matched", "none")
"""Where nulls come from: formulas, and a matched Gaussian cloud for the pairwise measures (auto) or all (matched)."""

_QUANTIZED = {"codes", "heldout_codes"}
_WITHOUT_ERROR = {"prominent_bars": "it counts a few bars, and the jumps of a count are no error of an estimate"}


@dataclass(frozen=True)
class Estimate:
    """What a report says of one measure of one cloud; reason: why there is no value, or else no error though asked."""

    value: float | None
    n: int
    reason: str | None = None
    standard_error: float | None = None
    null: float | None = None
    replicates: list[float] | None = None
    halves: list[float] | None = None
    training_spread: float | None = None
    caution: str | None = None


@dataclass
class Estimator:
    """Estimates every measure of one cloud; work that measures share is done once.

    without: the moments of all rows but those of one group of sequences, for each group (empty: no errors wanted).
    fraction: share of the finite corpus that was drawn, 0 where errors are of an endless one; seen: share of the drawn
    rows that are points.
    """

    passes: Passes
    settings: dict[str, Any]
    without: Callable[[], Sequence[Moments]] | None
    fraction: float = 0.0
    seen: float = 1.0
    null: str = "auto"
    _undefined_part: str | None = field(default=None, init=False)  # why the measure at hand has no value on some part

    def by(self, quantizer: QuantizerSettings) -> Estimator:
        """An estimator of the quantized measures of the same points, by another quantizer."""
        settings = replace(self.passes.settings, quantizer=quantizer)
        without = None if self.without is None else list  # an empty one: errors, but no moments, which these don't use
        return replace(self, passes=replace(self.passes, settings=settings), without=without)

    def estimate(self, key: str) -> Estimate:
        """The measure with that key, with its error and null where they were asked for and exist."""
        asked = measured(key)
        n = self.passes.count(asked.passes[0])
        try:
            value = self._value(asked, self.passes)
        except Undefined as reason:
            return Estimate(None, n, str(reason))
        self._undefined_part = None
        error, replicates, spread = self._error(key, asked, value)
        why = self._why_no_error(key) if error is None else None
        return Estimate(
            value, n, why, error, self._null(key, asked, n), replicates, self._kept_halves(asked), spread,
            self.passes.caution(asked.passes[0]),
        )  # fmt: skip

    def _value(self, asked: Measured, passes: Passes | PartialPasses) -> float:
        own = {name: self.settings[name] for name in asked.settings if name in self.settings}
        return finite(asked.formula(**{name: passes.get(name) for name in asked.passes}, **own))

    def _error(self, key: str, asked: Measured, value: float) -> tuple[float | None, list[float] | None, float | None]:
        """Standard error, replicates and spread over trainings."""
        if self.without is None or key in _WITHOUT_ERROR or not self._groups_filled:
            return None, None, None
        replicates = self._replicates(key, asked)
        error = self._error_over_sequences(asked, replicates, value)
        spread = None
        if error is not None:
            share = 1.0 if asked.passes[0] in ("moments", "units") else self.seen
            error *= finite_corpus_factor(self.fraction * share)
            if asked.passes[0] in _QUANTIZED:
                spread = self._training_spread(asked)
                error = float(np.hypot(error, spread))
        full = [value for value in replicates if value is not None]
        return error, full if len(full) == GROUPS else None, spread

    def _why_no_error(self, key: str) -> str | None:
        """Why a value has no standard error; None where none was asked for."""
        if self.without is None:
            return None
        if key in _WITHOUT_ERROR:
            why = _WITHOUT_ERROR[key]
        elif not self._groups_filled:
            many, filled = len(np.unique(self.passes.groups)), len(np.unique(self.passes.groups % GROUPS))
            sequences = f"{many} sequence{'s' * (many != 1)}"
            dealt = f", which fill {filled}" if many >= GROUPS else ""
            why = f"the rows are of {sequences}{dealt}, and it takes {GROUPS} groups of them"
        else:
            why = f"on some part of the sequences there is no value ({self._undefined_part})"
        return f"no standard error: {why}"

    def _group_sizes(self, made_of: str) -> list[int]:
        """How many sequences each group has, of those that the pass of that name is made from."""
        if made_of in ("moments", "units"):  # every row; the points may be of few of their sequences
            whole: Moments = self.passes.get("moments")
            return [whole.sequences - part.get("moments").sequences for part in self._leaving_out]
        sizes: list[int] = np.bincount(np.unique(self.passes.groups) % GROUPS, minlength=GROUPS).tolist()
        return sizes

    def _error_over_sequences(self, asked: Measured, replicates: Sequence[float | None], value: float) -> float | None:
        """The standard error of an endless corpus's draw, by the way that is right for what the measure is made of."""
        made_of = asked.passes[0]
        if made_of in ("nearest", "components"):
            return half_sample_error([self._or_none(asked, half) for half in self._halves])
        if made_of == "nearest_across":  # halves alone would say up to 1.5 times the spread
            found = [self._or_none(asked, half) for half in self._both_halves]
            return split_error(list(zip(found[:HALVES], found[HALVES:], strict=True)))
        error = jackknife_error(replicates, value, self._group_sizes(made_of))
        return self._direction_error() if made_of == "units" and error is not None else error

    def _replicates(self, key: str, asked: Measured) -> list[float | None]:
        if asked.passes[0] == "components":  # axes that swap when a group goes make leaving groups out say too much
            return []
        if key == "persistent_entropy":
            deficits = self._replicates("", measured("persistent_entropy_deficit"))
            most = float(np.log(len(self.passes.get("bars")))) + self._growth_of_rows
            return [None if deficit is None else at - deficit for at, deficit in zip(most, deficits, strict=True)]
        return [self._or_none(asked, part) for part in self._leaving_out]

    @cached_property
    def _growth_of_rows(self) -> Float64:
        """(G,) by what log share as many sequences would have other rows, were their mean length that without a group.

        0 where points are sampled: then there are as many of any draw. Where every row is a point, how long the drawn
        sequences are is part of the error of what grows with rows.
        """
        groups = self.passes.groups
        if self.seen < 1:
            return np.zeros(GROUPS)
        lengths = [len(groups[mask]) / len(np.unique(groups[mask])) for mask in group_masks(groups)]
        return np.log(np.array(lengths) * len(np.unique(groups)) / len(groups))

    def _kept_halves(self, asked: Measured) -> list[float] | None:
        """The measure on each half, where these and no groups left out tell how sure a difference is."""
        if asked.passes[0] != "components" or self.without is None or not self._groups_filled:
            return None
        values = [self._or_none(asked, half) for half in self._halves]
        full = [value for value in values if value is not None]
        return full if len(full) == HALVES else None

    def _or_none(self, asked: Measured, part: PartialPasses) -> float | None:
        try:
            return self._value(asked, part)
        except Undefined as reason:
            self._undefined_part = str(reason)
            return None

    @cached_property
    def _groups_filled(self) -> bool:
        return len(np.unique(self.passes.groups % GROUPS)) == GROUPS

    @cached_property
    def _leaving_out(self) -> list[PartialPasses]:
        if self.without is None:
            return []
        masks = group_masks(self.passes.groups)
        moments = self.without()
        shared = SharedPasses(self.passes, masks)
        return [
            PartialPasses(self.passes, mask, moments[g] if moments else Undefined("no sums were kept"), shared, g)
            for g, mask in enumerate(masks)
        ]

    def _direction_error(self) -> float:
        """Of the mean cosine, which is the squared length of the mean of all directions."""
        whole: Units = self.passes.get("units")
        others: list[Units] = [part.get("units") for part in self._leaving_out]
        counts = np.array([whole.count - other.count for other in others])
        return squared_mean_error(np.stack([whole.total - other.total for other in others]), counts)

    @cached_property
    def _halves(self) -> list[PartialPasses]:
        """Random halves of the sequences."""
        return self._points_of(half_samples(self.passes.groups, self.passes.settings.quantizer.seed))

    @cached_property
    def _both_halves(self) -> list[PartialPasses]:
        """The same halves, then those that they leave."""
        halves = [half.kept for half in self._halves]
        return self._points_of(halves + [~half for half in halves])

    def _points_of(self, masks: list[BoolArray]) -> list[PartialPasses]:
        shared, nothing = SharedPasses(self.passes, masks), Undefined("halves are of points only")
        return [PartialPasses(self.passes, mask, nothing, shared, place) for place, mask in enumerate(masks)]

    def _training_spread(self, asked: Measured) -> float:
        name = asked.passes[0]
        values = [asked.formula(codes) for codes in [self.passes.get(name), *self._retrained[name]]]
        return float(np.std(values, ddof=1))

    @cached_property
    def _retrained(self) -> _Retrained:
        return _Retrained(self.passes)

    def _null(self, key: str, asked: Measured, n: int) -> float | None:
        if self.null == "none":
            return None
        try:
            closed = _closed_null(key, asked, self.passes, self.settings, n)
            if closed is not None:
                return finite(closed)
            if self.null == "closed" or (self.null == "auto" and asked.passes[0] in _QUANTIZED):
                return None
            if asked.passes[0] in ("moments", "units", "components"):
                return None
            return self._value(asked, self._matched)
        except Undefined:
            return None

    @cached_property
    def _matched(self) -> Passes:
        """The same passes over structureless points like these."""
        whole = self.passes
        points = nulls.matched_points(whole.points, whole.groups, whole.settings.quantizer.seed)
        return Passes(
            Undefined("a matched cloud has points only"),
            points.astype(whole.points.dtype),
            whole.groups,
            whole.settings,
        )


class _Retrained:
    """Codes of the same rows by quantizers of other seeds."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._made: dict[str, list[Codes]] = {}

    def __getitem__(self, name: str) -> list[Codes]:
        if name not in self._made:
            self._made[name] = [self._train(name, extra) for extra in range(1, TRAININGS)]
        return self._made[name]

    def _train(self, name: str, extra: int) -> Codes:
        passes, chosen = self._passes, self._passes.settings
        again = replace(chosen.quantizer, seed=chosen.quantizer.seed + extra)
        if name == "codes":
            return quantize(passes.points, again, progress=chosen.progress)
        return quantize_heldout(passes.points, passes.groups, again, progress=chosen.progress)


def measured(key: str) -> Measured:
    """The measure of that key."""
    found: Measured = getattr(formulas, key)
    return found


def _closed_null(key: str, asked: Measured, passes: Passes, settings: dict[str, Any], n: int) -> float | None:
    """The null that a formula gives, or None where there is none."""
    if n < 3:
        return None
    if key == "average_cosine_similarity":
        return 0.0
    if asked.passes[0] == "components":
        return nulls.components_null(asked.formula, n, passes.points.shape[1])
    if asked.passes[0] != "moments":
        return None
    moments: Moments = passes.get("moments")
    d = moments.dimension
    if key in ("anisotropy", "anisotropy_uncentered"):
        return nulls.anisotropy_null(n, d, centred=key == "anisotropy")
    if key == "first_position_energy":
        return moments.first_count / moments.count
    if key == "top_dimension_energy":
        return nulls.top_energy_null(n, d, TOP_DIMENSIONS)
    if key == "isoscore_star" and settings.get("isoscore_reference") is not None and settings["isoscore_zeta"] > 0:
        return None
    zeta = settings.get("isoscore_zeta", 0.0) if key == "isoscore_star" else 0.0
    ratio = float(d) if key.endswith("_corrected") else nulls.shrunk_participation_null(n, d, zeta)
    if key.startswith("participation_ratio"):
        return ratio
    if key.startswith("isoscore"):
        return (ratio - 1.0) / (d - 1.0)
    return nulls.spectral_null(asked.formula, n, d)
