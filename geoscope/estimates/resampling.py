"""Resampling: a measure taken again on parts of a cloud's sequences, and the standard errors that follow from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from geoscope.catalogue import Sees
from geoscope.errors import Undefined
from geoscope.estimates.linked_rows import linked_error, replicates_saying
from geoscope.estimates.partial import PartialPasses, SharedPasses
from geoscope.estimates.uncertainty import (
    HALVES,
    group_masks,
    half_sample_error,
    half_samples,
    jackknife_error,
    split_error,
    squared_mean_error,
)
from geoscope.measures.calling.formula import Measured
from geoscope.measures.collapse import but_the_largest
from geoscope.measures.topology import persistent_entropy_deficit
from geoscope.passes.gathering import GROUPS
from geoscope.passes.making import Linked
from geoscope.passes.moments import Moments, Units
from geoscope.passes.passes import Passes
from geoscope.rows import BoolArray, Float64, IntArray


@dataclass
class Parts:
    """The parts of a cloud's sequences: all but one of GROUPS groups, and random halves.

    without: the moments of all rows but those of one group, for each (empty: none are needed). seen: share of the
    cloud's rows that are points.
    """

    passes: Passes
    without: Callable[[], Sequence[Moments]]
    seen: float = 1.0

    @cached_property
    def why_too_few(self) -> str | None:
        """What keeps the groups from being left out in turn; None where each has sequences."""
        many, filled = len(np.unique(self.passes.groups)), len(np.unique(self.passes.groups % GROUPS))
        if filled == GROUPS:
            return None
        sequences = f"{many} sequence{'s' * (many != 1)}"
        dealt = f", which fill {filled}" if many >= GROUPS else ""
        return f"the rows are of {sequences}{dealt}, and it takes {GROUPS} groups of them"

    @cached_property
    def without_each(self) -> list[PartialPasses]:
        """The passes without each group."""
        masks = group_masks(self.passes.groups)
        moments = self.without()
        shared = SharedPasses(self.passes, masks)
        return [
            PartialPasses(self.passes, mask, moments[g] if moments else Undefined("no sums were kept"), shared, g)
            for g, mask in enumerate(masks)
        ]

    def group_sizes(self, sees: Sees) -> list[int]:
        """How many sequences each group has, of those that what a measure sees is made from."""
        if sees == "rows":  # the points may be of few of their sequences
            whole: Moments = self.passes.get("moments")
            return [whole.sequences - part.get("moments").sequences for part in self.without_each]
        sizes: list[int] = np.bincount(np.unique(self.passes.groups) % GROUPS, minlength=GROUPS).tolist()
        return sizes

    @cached_property
    def growth_of_rows(self) -> Float64:
        """(G,) by what log share as many sequences would have other rows, were their mean length that without a group.

        0 where points are sampled: then there are as many of any draw. Where every row is a point, how long the drawn
        sequences are is part of the error of what grows with rows.
        """
        groups = self.passes.groups
        if self.seen < 1:
            return np.zeros(GROUPS)
        lengths = [len(groups[mask]) / len(np.unique(groups[mask])) for mask in group_masks(groups)]
        return np.log(np.array(lengths) * len(np.unique(groups)) / len(groups))

    @cached_property
    def halves(self) -> list[PartialPasses]:
        """Random halves of the sequences."""
        return self._points_of(self._half_masks)

    @cached_property
    def both_halves(self) -> list[PartialPasses]:
        """The same halves, then those that they leave."""
        return self._points_of(self._half_masks + [~kept for kept in self._half_masks])

    @cached_property
    def _half_masks(self) -> list[BoolArray]:
        return half_samples(self.passes.groups, self.passes.settings.quantizer.seed)

    def _points_of(self, masks: list[BoolArray]) -> list[PartialPasses]:
        shared, nothing = SharedPasses(self.passes, masks), Undefined("halves are of points only")
        return [PartialPasses(self.passes, mask, nothing, shared, place) for place, mask in enumerate(masks)]


@dataclass
class Resampled:
    """One measure with its value on the whole, to be taken again on parts."""

    asked: Measured
    sees: Sees
    value: float
    parts: Parts
    take: Callable[[Measured, PartialPasses], float]
    reason: str | None = field(default=None, init=False)  # why there was no value on some part

    def over(self, parts: Iterable[PartialPasses], asked: Measured | None = None) -> list[float | None]:
        """The measure, or another, on each part; None where it has no value there."""
        found: list[float | None] = []
        for part in parts:
            try:
                found.append(self.take(asked or self.asked, part))
            except Undefined as reason:
                self.reason = str(reason)
                found.append(None)
        return found


@dataclass(frozen=True)
class SpreadOfHalves:
    """A standard error over sequences, with the measure without each group and on each half where those are kept."""

    error: float | None
    replicates: Sequence[float | None] = ()
    halves: Sequence[float | None] = ()


def _jackknife(of: Resampled) -> SpreadOfHalves:
    return _of_replicates(of, of.over(of.parts.without_each))


def _of_replicates(of: Resampled, replicates: Sequence[float | None]) -> SpreadOfHalves:
    return SpreadOfHalves(jackknife_error(replicates, of.value, of.parts.group_sizes(of.sees)), replicates)


def _jackknife_of_deficit(of: Resampled) -> SpreadOfHalves:
    """Of ln m less a deficit: as many sequences have another m only by their length."""
    deficits = of.over(of.parts.without_each, persistent_entropy_deficit)
    most = float(np.log(len(of.parts.passes.get("bars")))) + of.parts.growth_of_rows
    return _of_replicates(of, [None if less is None else at - less for at, less in zip(most, deficits, strict=True)])


def _directions(of: Resampled) -> SpreadOfHalves:
    """Of the mean cosine, which is the squared length of the mean of all directions."""
    jackknifed = _jackknife(of)
    if jackknifed.error is None:
        return jackknifed
    whole: Units = of.parts.passes.get("units")
    others: list[Units] = [part.get("units") for part in of.parts.without_each]
    counts = np.array([whole.count - other.count for other in others])
    sums = np.stack([whole.total - other.total for other in others])
    return SpreadOfHalves(squared_mean_error(sums, counts), jackknifed.replicates)


def _mean_share(of: Resampled) -> SpreadOfHalves:
    """Of the share of the energy that the mean holds."""
    return _share_of(of, slice(None))


def _mean_share_but_the_largest(of: Resampled) -> SpreadOfHalves:
    """Of that share without the dimensions of most energy, which are nearly the same whatever sequences are drawn."""
    return _share_of(of, but_the_largest(of.parts.passes.get("moments").raw_energies))


def _share_of(of: Resampled, kept: IntArray | slice) -> SpreadOfHalves:
    """The error of the share of some dimensions' energy that the mean holds, and the replicates of the share."""
    jackknifed = _jackknife(of)
    if jackknifed.error is None:
        return jackknifed
    whole: Moments = of.parts.passes.get("moments")
    others: list[Moments] = [part.get("moments") for part in of.parts.without_each]
    counts = np.array([whole.count - other.count for other in others])
    sums = np.stack([(whole.count * whole.mean - other.count * other.mean)[kept] for other in others])
    energy = float(whole.raw_energies[kept].sum())
    energies = np.array([energy - float(other.raw_energies[kept].sum()) for other in others])
    size = float(np.sqrt(energy / whole.count))  # squares of squares stay in range
    return SpreadOfHalves(squared_mean_error(sums / size, counts, energies / size**2), jackknifed.replicates)


def _half_samples(of: Resampled) -> SpreadOfHalves:
    replicates = of.over(of.parts.without_each)  # a difference of two draws of the same sequences is taken over these
    return SpreadOfHalves(half_sample_error(of.over(of.parts.halves)), replicates)


def _paired_half_samples(of: Resampled) -> SpreadOfHalves:
    """Where axes that swap when a group goes make leaving groups out say too much: differences too are over halves."""
    halves = of.over(of.parts.halves)
    return SpreadOfHalves(half_sample_error(halves), halves=halves)


def _split_halves(of: Resampled) -> SpreadOfHalves:
    """Where halves alone would say up to 1.5 times the spread."""
    replicates = of.over(of.parts.without_each)
    found = of.over(of.parts.both_halves)
    return SpreadOfHalves(split_error(list(zip(found[:HALVES], found[HALVES:], strict=True))), replicates)


def _linked_rows(of: Resampled) -> SpreadOfHalves:
    """Without a measurement of parts: of what each row adds to the whole's."""
    passes, names, influences = of.parts.passes, of.asked.passes, of.asked.influences
    if influences is None:
        raise TypeError(f"expected {of.asked.__name__} to tell how much each row moves it")
    sequences: IntArray = passes.get("distinct_sequences")
    influence, lists = np.zeros(len(sequences)), []
    for name, part in zip(names, influences(**{name: passes.get(name) for name in names}), strict=True):
        rows: Linked = passes.get(f"rows_of_{name}")
        influence[rows.places] += part
        lists.append(rows.nearest)
    error = linked_error(influence, sequences, lists)
    return SpreadOfHalves(error, replicates_saying(error, of.value, influence, sequences))


ERRORS: dict[str, Callable[[Resampled], SpreadOfHalves]] = {
    "jackknife": _jackknife,
    "jackknife-of-deficit": _jackknife_of_deficit,
    "directions": _directions,
    "mean-share": _mean_share,
    "mean-share-but-the-largest": _mean_share_but_the_largest,
    "half-samples": _half_samples,
    "paired-half-samples": _paired_half_samples,
    "split-halves": _split_halves,
    "linked-rows": _linked_rows,
}
"""The ways that a standard error of an endless corpus's draw is taken, by the catalogue's names."""
