"""One measure of one cloud with all that goes with it: value, rows, standard error, replicates, null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from geoscope import measures as formulas
from geoscope.catalogue import QUANTIZED, STREAMED, TRAITS, Measure, NullKind
from geoscope.errors import Undefined
from geoscope.estimates import nulls
from geoscope.estimates.partial import PartialPasses
from geoscope.estimates.resampling import ERRORS, Parts, Resampled, SpreadOfHalves
from geoscope.estimates.uncertainty import HALVES, finite_corpus_factor
from geoscope.measures.calling.formula import Measured, finite
from geoscope.passes.asked_sums import SpectralEntropies
from geoscope.passes.gathering import GROUPS
from geoscope.passes.moments import Moments
from geoscope.passes.passes import Passes
from geoscope.passes.quantizers.codebooks import QuantizerSettings
from geoscope.settings.measuring import Beside
from geoscope.settings.option import default_of
from geoscope.torch_state import runs_compiled, with_float64

TRAININGS = 3
"""How many seeds the quantized measures' spread over trainings is taken from."""


def trainings_together(quantizer: QuantizerSettings, device: str, *, errors: bool) -> int:
    """How many trainings are made at a time: all that errors take, where torch computes and waits for each operation.

    On the CPU, and by FAISS, one: they take as long one after another, and less memory.
    """
    return TRAININGS if errors and quantizer.kind == "lsq" and not runs_compiled(with_float64(device)) else 1


@dataclass(frozen=True)
class Estimate:
    """What a report says of one measure of one cloud; reason: why there is no value, or else no error though asked."""

    value: float | None
    n: int
    reason: str | None = None
    standard_error: float | None = None
    null: float | None = None
    null_kind: NullKind | None = None
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
    null: str = default_of(Beside, "null")

    def by(self, quantizer: QuantizerSettings) -> Estimator:
        """An estimator of the quantized measures of the same points, by another quantizer."""
        settings = replace(self.passes.settings, quantizer=quantizer)
        without = None if self.without is None else list  # an empty one: errors, but no moments, which these don't use
        return replace(self, passes=replace(self.passes, settings=settings), without=without)

    def estimate(self, key: str) -> Estimate:
        """The measure with that key, with its error and null where they were asked for and exist."""
        traits, asked = TRAITS[key], measured(key)
        self._train_together(traits, asked)
        n = self.passes.count(asked.passes[0])
        try:
            value = self._value(asked, self.passes)
        except Undefined as reason:
            return Estimate(None, n, str(reason))
        spread, why = self._spread(traits, asked, value)
        error, trained = self._error(key, asked, spread)
        null = self._null(traits, asked, n)
        return Estimate(
            value,
            n,
            why,
            error,
            null,
            None if null is None else traits.null_kind,
            _every(spread.replicates, GROUPS),
            _every(spread.halves, HALVES),
            trained,
            self.passes.caution(asked.passes[0]),
        )

    def _value(self, asked: Measured, passes: Passes | PartialPasses) -> float:
        return finite(asked.formula(**{name: passes.get(name) for name in asked.passes}, **self._own(asked)))

    def _own(self, asked: Measured) -> dict[str, Any]:
        return {name: self.settings[name] for name in asked.settings if name in self.settings}

    def _spread(self, traits: Measure, asked: Measured, value: float) -> tuple[SpreadOfHalves, str | None]:
        """The spread over sequences, and why it is without an error; no reason where none was asked for."""
        if self._parts is None:
            return SpreadOfHalves(None), None
        why = self._why_no_error(traits, self._parts)
        if why is not None:
            return SpreadOfHalves(None), f"no standard error: {why}"
        of = Resampled(asked, traits.sees, value, self._parts, self._value)
        spread = ERRORS[traits.error](of)
        if spread.error is None:
            return spread, f"no standard error: on some part of the sequences there is no value ({of.reason})"
        return spread, None

    def _why_no_error(self, traits: Measure, parts: Parts) -> str | None:
        """What speaks against an error before there is a value."""
        return traits.no_error or parts.why_too_few

    def _error(self, key: str, asked: Measured, spread: SpreadOfHalves) -> tuple[float | None, float | None]:
        """The standard error of a draw from what is asked for, and the spread over trainings that is part of it."""
        if spread.error is None:
            return None, None
        error = spread.error * finite_corpus_factor(self.fraction * (1.0 if key in STREAMED else self.seen))
        if key not in QUANTIZED:
            return error, None
        trained = self._training_spread(asked)
        return float(np.hypot(error, trained)), trained

    @cached_property
    def _parts(self) -> Parts | None:
        return None if self.without is None else Parts(self.passes, self.without, self.seen)

    def _train_together(self, traits: Measure, asked: Measured) -> None:
        """Make the codes that the value and its spread over trainings are of at a time, where that is faster."""
        chosen = self.passes.settings
        if traits.key not in QUANTIZED or self._parts is None or self._why_no_error(traits, self._parts) is not None:
            return
        if trainings_together(chosen.quantizer, chosen.device, errors=True) > 1:
            for name in asked.passes:
                self.passes.make_with(self._retrained, name)

    def _training_spread(self, asked: Measured) -> float:
        values = [self._value(asked, passes) for passes in (self.passes, *self._retrained)]
        return float(np.std(values, ddof=1))

    @cached_property
    def _retrained(self) -> list[Passes]:
        """Passes over the same rows by quantizers of other seeds."""
        settings = self.passes.settings
        seeds = range(settings.quantizer.seed + 1, settings.quantizer.seed + TRAININGS)
        quantizers = [replace(settings.quantizer, seed=seed) for seed in seeds]
        return [replace(self.passes, settings=replace(settings, quantizer=each)) for each in quantizers]

    def _null(self, traits: Measure, asked: Measured, n: int) -> float | None:
        if "none" in (self.null, traits.null_by):
            return None
        try:
            if traits.null_by != "matched":
                of = nulls.Structureless(asked.formula, self._own(asked), n, self.passes)
                closed = nulls.closed_null(traits.null_by, of)
                return None if closed is None else finite(closed)
            if self.null == "closed" or (self.null == "auto" and traits.key in QUANTIZED):
                return None
            if traits.sees == "rows":
                return finite(asked.formula(self._matched_sequences, **self._own(asked)))
            return self._value(asked, self._matched)
        except Undefined:
            return None

    @cached_property
    def _matched(self) -> Passes:
        """The same passes over structureless points like these."""
        whole = self.passes
        settings = whole.settings
        points = nulls.matched_points(whole.points, whole.groups, settings.quantizer.seed, settings.device)
        return Passes(
            Undefined("a matched cloud has points only"),
            points.astype(whole.points.dtype),
            whole.groups,
            settings,
        )

    @cached_property
    def _matched_sequences(self) -> SpectralEntropies:
        """What sequences of structureless rows like these are, each by itself."""
        return nulls.matched_sequences(self.passes, self.passes.get("entropies").sizes)


def measured(key: str) -> Measured:
    """The measure of that key."""
    found: Measured = getattr(formulas, key)
    return found


def _every(values: Sequence[float | None], count: int) -> list[float] | None:
    """The values where there are so many of them, or None."""
    found = [value for value in values if value is not None]
    return found if len(found) == count else None
