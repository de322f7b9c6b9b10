"""The passes over part of the sequences: what the whole cloud's passes become when some sequences are left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from geoscope.errors import Undefined
from geoscope.passes.asked_sums import ASKED, AskedSums
from geoscope.passes.making import enough_distinct, finite_rows
from geoscope.passes.moments import Moments, Units
from geoscope.passes.pairs import Neighbours, lengths_within, nearest_within
from geoscope.passes.passes import Passes
from geoscope.passes.principal_components import Components, components_of_parts
from geoscope.passes.quantizers.codebooks import Codes
from geoscope.rows import BoolArray, Float64, FloatArray


class SharedPasses:
    """Passes over each of several parts of a cloud's points, made for all parts when the first is asked for."""

    def __init__(self, whole: Passes, masks: list[BoolArray]) -> None:
        self._whole, self._masks = whole, masks

    @cached_property
    def components(self) -> list[Components]:
        return components_of_parts(self._whole.points, self._masks, self._whole.settings.device)

    @cached_property
    def nearest(self) -> list[FloatArray]:
        lists, longer = self._whole.get("pairs").neighbours, self._whole.get("longer_lists")
        return [each.distances for each in nearest_within(lists, self.distinct, longer, 2)]

    @cached_property
    def nearest_across(self) -> list[FloatArray]:
        lists, longer = self._whole.get("neighbours_across"), self._whole.get("longer_lists_across")
        return [each.distances for each in nearest_within(lists, self.distinct, longer, 2)]

    @cached_property
    def distinct(self) -> list[BoolArray]:
        """Which of the whole's distinct points have a kept row among their duplicates, for each part."""
        owners = self._whole.get("owners")
        found = []
        for mask in self._masks:
            kept = np.zeros(len(self._whole.get("pairs").distinct), dtype=bool)
            kept[owners[mask]] = True
            found.append(kept)
        return found


@dataclass
class PartialPasses:
    """Passes by name, as `Passes` has them, over the kept points (p,) of a cloud and the moments of its kept rows.

    Nothing is trained or searched anew that the whole's passes can tell: codebooks stay, tree edges that survive
    stay, neighbours come from the lists. Of what parts share, this one's is number `place`.
    """

    whole: Passes
    kept: BoolArray
    moments: Moments | Undefined
    shared: SharedPasses
    place: int
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def get(self, name: str) -> Any:
        """The pass of that name, made on first use; raises Undefined where it has no value."""
        if name not in self._made:
            try:
                self._made[name] = PARTS[name](self)
            except Undefined as reason:
                self._made[name] = reason.anew()
        if isinstance(self._made[name], Undefined):
            raise self._made[name].anew()
        return self._made[name]

    @property
    def distinct(self) -> BoolArray:
        """Which of the whole's distinct points have a kept row among their duplicates."""
        return self.shared.distinct[self.place]


def _moments(part: PartialPasses) -> Moments:
    if isinstance(part.moments, Undefined):
        raise part.moments.anew()
    return part.moments


def _units(part: PartialPasses) -> Units:
    return _moments(part).units


def _taken(part: PartialPasses, name: str) -> AskedSums:
    return _moments(part).taken(name)


def _components(part: PartialPasses) -> Components:
    return part.shared.components[part.place]


def _bars(part: PartialPasses) -> Float64:
    memory = part.whole.settings.block_bytes
    cloud, skeleton = part.whole.get("distinct_cloud"), part.whole.get("skeleton")
    found = lengths_within(cloud, skeleton, part.distinct, memory=memory)
    bars = np.asarray(found[found > 0], dtype=np.float64)
    if len(bars) == 0:
        raise Undefined("all points are the same")
    return bars


def _nearest(part: PartialPasses) -> Float64:
    enough_distinct(int(part.distinct.sum()))
    return finite_rows(part.shared.nearest[part.place])


def _nearest_across(part: PartialPasses) -> Float64:
    enough_distinct(int(part.distinct.sum()))
    return finite_rows(part.shared.nearest_across[part.place])


def _nearest_is_own(part: PartialPasses) -> BoolArray:
    part.whole.get("nearest_is_own")  # undefined for the whole, undefined for a part
    lists: Neighbours = part.whole.get("pairs").neighbours
    sequences = part.whole.get("distinct_sequences")
    kept = part.distinct
    allowed = kept[lists.indices[kept]]
    first = lists.indices[kept][np.arange(int(kept.sum())), allowed.argmax(axis=1)]
    own: BoolArray = (sequences[first] == sequences[kept])[allowed.any(axis=1)]
    return own


def _codes(part: PartialPasses) -> Codes:
    codes: Codes = part.whole.get("codes")
    return codes.take(part.kept)


def _heldout_codes(part: PartialPasses) -> Codes:
    codes: Codes = part.whole.get("heldout_codes")
    return codes.take(part.kept[part.whole.get("heldout_rows")])


PARTS: dict[str, Callable[[PartialPasses], Any]] = {
    "moments": _moments,
    "units": _units,
    **{name: partial(_taken, name=name) for name in ASKED},
    "components": _components,
    "bars": _bars,
    "nearest": _nearest,
    "nearest_across": _nearest_across,
    "nearest_is_own": _nearest_is_own,
    "codes": _codes,
    "heldout_codes": _heldout_codes,
}
"""How to make each pass that a measure may be of over part of the points."""
