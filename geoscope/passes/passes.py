"""The shared work over one cloud of rows: each pass is made once, when the first measure asks for it by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from geoscope.catalogue import Sees
from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.cautions import DUPLICATE_TOLERANCE, clumped, few_rows, few_rows_of_half, mostly_copies
from geoscope.passes.moments import Moments, Units, moments_of, safe_scale
from geoscope.passes.pairs import (
    MEMORY,
    SMALL,
    Cloud,
    LongerLists,
    Neighbours,
    Pairs,
    Skeleton,
    neighbours_across,
    rms_radius,
    skeleton_of,
    sweep,
)
from geoscope.passes.pairs.components import components
from geoscope.passes.principal_components import Components, components_of
from geoscope.passes.quantizers.codebooks import (
    Codes,
    QuantizerSettings,
    quantize,
    quantize_heldout,
    split_groups,
)
from geoscope.passes.rounding import check_spread, step_of
from geoscope.progress import Progress
from geoscope.rows import BoolArray, Float64, FloatArray, IntArray
from geoscope.settings.measuring import CodebookOptions, Seed
from geoscope.settings.option import default_of, fields_of
from geoscope.subjects.row_files.groups import grouped

NEIGHBOURS = 16
"""How long the neighbour lists are: two suffice for TwoNN, the rest lets sequences be left out without a new search."""


@dataclass(frozen=True)
class PassSettings:
    """What the passes need to know beside the rows."""

    quantizer: QuantizerSettings = field(default_factory=QuantizerSettings)
    device: str = "cpu"
    memory: int | None = None
    progress: Progress | None = None

    @property
    def block_bytes(self) -> int:
        """Bytes that blocks of pairs may take."""
        return MEMORY if self.memory is None else self.memory


@dataclass
class Passes:
    """One cloud: moments over every row, and the sampled points (p, d) with the sequence each is of (p,)."""

    moments_or_reason: Moments | Undefined
    points: FloatArray
    groups: IntArray
    settings: PassSettings = field(default_factory=PassSettings)
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def over(
        cls,
        rows: FloatArray,
        *,
        groups: npt.ArrayLike | None = None,
        positions: npt.ArrayLike | None = None,
        quantizer: str = default_of(CodebookOptions, "quantizer"),
        codebooks: int = default_of(CodebookOptions, "codebooks"),
        bits: int = default_of(CodebookOptions, "bits"),
        seed: int = 0,
        device: str = "cpu",
        memory: int | None = None,
    ) -> Passes:
        """The passes of an (n, d) array held in memory, every row a point; `groups` (n,) says whose sequence."""
        for name, ids in (("groups", groups), ("positions", positions)):
            if ids is not None and np.shape(ids) != (len(rows),):
                raise GeoscopeError(f"expected {name} for each of {len(rows)} rows, got shape {np.shape(ids)}")
        places = None if positions is None else np.asarray(positions)
        if places is not None and places.dtype.kind not in "iu":
            raise GeoscopeError(f"expected positions as integers, 0 for the first token, got {places.dtype}")
        sequences = None if groups is None else grouped(np.asarray(groups), len(rows), "groups").sequences
        settings = PassSettings(
            QuantizerSettings(kind=quantizer, codebooks=codebooks, bits=bits, seed=seed),
            device,
            memory,
        )
        moments: Moments | Undefined
        try:
            moments = moments_of(rows, places, sequences)
        except Undefined as reason:
            moments = reason
        own = np.arange(len(rows), dtype=np.int64) if sequences is None else sequences
        return cls(moments, rows, own, settings)

    def get(self, name: str) -> Any:
        """The pass of that name, made on first use; raises Undefined (again) where it has no value."""
        if name not in self._made:
            try:
                self._made[name] = PASSES[name].make(self)
            except Undefined as reason:
                self._made[name] = reason.anew()
        made = self._made[name]
        if isinstance(made, Undefined):
            raise made.anew()
        return made

    def count(self, name: str) -> int:
        """How many rows the pass of that name is made from; of all it was offered where it has no value."""
        try:
            return PASSES[name].count(self)
        except Undefined:
            every = self.moments_or_reason
            sees_all = PASSES[name].sees == "rows"
            return every.count if sees_all and isinstance(every, Moments) else len(self.points)

    def caution(self, name: str) -> str | None:
        """Why what is made from the pass of that name says less than it seems to; None where nothing speaks against it.

        The pass must have a value.
        """
        told = PASSES[name].caution
        return None if told is None else told(self)

    @property
    def duplicates(self) -> int:
        """Points that are the same as another to within DUPLICATE_TOLERANCE; 0 if nobody has looked."""
        pairs = self._made.get("pairs")
        return len(self.points) - len(pairs.distinct) if isinstance(pairs, Pairs) else 0


@dataclass(frozen=True)
class Pass:
    """How to make one, how many rows it is from, and what keeps it from saying what it seems to.

    sees: what it is made of, as the catalogue has it. heeds: the keywords of `Passes.over` that move it or its cost.
    told: what a formula that asks for it is given, in words; of the others, which only make passes, nothing.
    """

    make: Callable[[Passes], Any]
    count: Callable[[Passes], int]
    sees: Sees
    caution: Callable[[Passes], str | None] | None = None
    heeds: tuple[str, ...] = ()
    told: str = ""


def _moments(passes: Passes) -> Moments:
    if isinstance(passes.moments_or_reason, Undefined):
        raise passes.moments_or_reason.anew()
    return passes.moments_or_reason


def _units(passes: Passes) -> Units:
    return _moments(passes).units


def _radius(passes: Passes) -> float:
    """Root mean square distance of the points from their mean; Undefined where that is rounding."""
    points = passes.points
    if len(points) < 2:
        raise Undefined("there is only one row" if len(points) else "there are no rows")
    scale = safe_scale(points)
    radius = rms_radius(points, 1.0 / scale) * scale
    mean = points.mean(axis=0, dtype=np.float64) if scale == 1.0 else (points * scale).mean(axis=0)
    check_spread(radius, float(np.linalg.norm(mean)), step_of(points.dtype))
    return radius / scale


def _components(passes: Passes) -> Components:
    passes.get("radius")
    return components_of(passes.points)


def _pairs(passes: Passes) -> Pairs:
    passes.get("radius")
    chosen = passes.settings
    scale = safe_scale(passes.points)  # every measure of pairs is blind to scale
    found = sweep(
        passes.points if scale == 1.0 else passes.points.astype(np.float64) * scale,
        neighbours=NEIGHBOURS,
        tolerance_of_rms=DUPLICATE_TOLERANCE,
        memory=chosen.memory,
        device=chosen.device,
        progress=chosen.progress,
    )
    close = clumped(found, passes.points)
    if 2 * close > len(passes.points):
        raise Undefined(
            f"{close:,} of {len(passes.points):,} points lie within {DUPLICATE_TOLERANCE:g} of the cloud's radius of "
            "another without being equal: clumps so far apart that the distances inside them are lost; measure each by "
            "itself"
        )
    return found


def _bars(passes: Passes) -> Float64:
    pairs: Pairs = passes.get("pairs")
    if pairs.tree is None:
        raise ValueError("the bars were asked of a sweep without a tree")
    lengths = np.asarray(pairs.tree.lengths, dtype=np.float64)
    bars = lengths[(lengths >= pairs.tolerance) & (lengths > 0)]
    if len(bars) == 0:
        raise Undefined("all points are the same")
    return bars


def _owners(passes: Passes) -> IntArray:
    """(p,) which distinct point each sampled point is a copy of (itself, for most)."""
    pairs: Pairs = passes.get("pairs")
    if pairs.tree is None:
        raise ValueError("duplicates were asked of a sweep without a tree")
    same = (pairs.tree.lengths < pairs.tolerance) | (pairs.tree.lengths == 0)
    edges = pairs.tree.edges[same]
    _, label = components(len(passes.points), edges[:, 0], edges[:, 1])
    place = np.empty(int(label.max()) + 1, dtype=np.int64)
    place[label[pairs.distinct]] = np.arange(len(pairs.distinct))
    return np.asarray(place[label], dtype=np.int64)


def _distinct_cloud(passes: Passes) -> Cloud:
    """The distinct points, ready for distances: the searches of all parts of the sequences share it."""
    points = passes.points[passes.get("pairs").distinct]
    scale = safe_scale(points)
    scaled: FloatArray = points if scale == 1.0 else points.astype(np.float64) * scale
    small = len(scaled) ** 2 * scaled.shape[1] < SMALL
    return Cloud(scaled, device=passes.settings.device, double=small)


def _distinct_sequences(passes: Passes) -> IntArray:
    sequences: IntArray = passes.groups[passes.get("pairs").distinct]
    return sequences


def _skeleton(passes: Passes) -> Skeleton:
    """Tree and neighbour lists of the distinct points, ready for leaving some out."""
    pairs: Pairs = passes.get("pairs")
    owners = passes.get("owners")
    if pairs.tree is None:
        raise ValueError("the skeleton was asked of a sweep without a tree")
    edges = owners[pairs.tree.edges]
    apart = edges[:, 0] != edges[:, 1]
    return skeleton_of(pairs.neighbours, edges[apart], pairs.tree.lengths[apart])


def _nearest(passes: Passes) -> Float64:
    pairs: Pairs = passes.get("pairs")
    enough_distinct(len(pairs.distinct))
    return np.asarray(pairs.neighbours.distances[:, :2], dtype=np.float64)


def _longer_lists(passes: Passes) -> LongerLists:
    return LongerLists(passes.get("distinct_cloud"), memory=passes.settings.block_bytes)


def _longer_lists_across(passes: Passes) -> LongerLists:
    sequences, memory = passes.get("distinct_sequences"), passes.settings.block_bytes
    return LongerLists(passes.get("distinct_cloud"), sequences, memory=memory)


def _neighbours_across(passes: Passes) -> Neighbours:
    pairs: Pairs = passes.get("pairs")
    enough_distinct(len(pairs.distinct))
    found = len(np.unique(passes.get("distinct_sequences")))
    if found < 3:
        raise Undefined(f"expected rows of at least three sequences, got {found}")
    return neighbours_across(pairs.neighbours, passes.get("longer_lists_across"))


def _nearest_across(passes: Passes) -> Float64:
    return finite_rows(passes.get("neighbours_across").distances[:, :2])


def enough_distinct(count: int) -> None:
    """Two neighbours take three points."""
    if count < 3:
        raise Undefined(f"expected at least three distinct points, got {count}")


def finite_rows(nearest: FloatArray) -> Float64:
    """The rows that have two neighbours: one may share all but one other row's sequence."""
    kept = np.isfinite(nearest).all(axis=1)
    return np.asarray(nearest[kept], dtype=np.float64)


def _nearest_is_own(passes: Passes) -> BoolArray:
    pairs: Pairs = passes.get("pairs")
    groups = passes.get("distinct_sequences")
    if len(np.unique(groups)) == len(groups):
        raise Undefined("no sequence has more than one row")
    own: BoolArray = groups[pairs.neighbours.indices[:, 0]] == groups
    return own


def _codes(passes: Passes) -> Codes:
    passes.get("radius")
    return quantize(passes.points, passes.settings.quantizer, progress=passes.settings.progress)


def _heldout_codes(passes: Passes) -> Codes:
    passes.get("radius")
    chosen = passes.settings
    return quantize_heldout(passes.points, passes.groups, chosen.quantizer, progress=chosen.progress)


def _heldout_rows(passes: Passes) -> BoolArray:
    """(p,) which points the held-out codebooks are counted on."""
    return ~split_groups(passes.groups, passes.settings.quantizer.seed)


def _counted(name: str) -> Callable[[Passes], int]:
    def count(passes: Passes) -> int:
        return int(passes.get(name).counts[0].sum())

    return count


def _points(passes: Passes) -> int:
    return len(passes.points)


def _distinct(passes: Passes) -> int:
    return len(passes.get("pairs").distinct)


_SEARCHED = ("device", "memory")
_TRAINED = (*fields_of(CodebookOptions), *fields_of(Seed))

PASSES: dict[str, Pass] = {
    "moments": Pass(
        _moments, lambda p: _moments(p).count, "rows", told="`geoscope.passes.moments.Moments` of the rows",
    ),
    "units": Pass(
        _units, lambda p: _units(p).count, "rows",
        told="`geoscope.passes.moments.Units`: the sum of the rows scaled to length 1, and how many there are",
    ),
    "radius": Pass(_radius, _points, "points"),
    "components": Pass(
        _components, _points, "points", told="`geoscope.passes.principal_components.Components` of the rows",
    ),
    "pairs": Pass(_pairs, _distinct, "pairs"),
    "clumped": Pass(lambda p: clumped(p.get("pairs"), p.points), _points, "pairs"),
    "owners": Pass(_owners, _points, "pairs"),
    "distinct_cloud": Pass(_distinct_cloud, _distinct, "pairs"),
    "distinct_sequences": Pass(_distinct_sequences, _distinct, "pairs"),
    "skeleton": Pass(_skeleton, _distinct, "pairs"),
    "longer_lists": Pass(_longer_lists, _distinct, "pairs"),
    "longer_lists_across": Pass(_longer_lists_across, _distinct, "pairs"),
    "neighbours_across": Pass(_neighbours_across, _distinct, "pairs"),
    "bars": Pass(
        _bars, _distinct, "pairs", mostly_copies, _SEARCHED,
        "(m,) the lengths of the finite H0 bars above 0",
    ),
    "nearest": Pass(
        _nearest, _distinct, "pairs", mostly_copies, _SEARCHED,
        "(n, 2) the distances of each distinct row to its two nearest, the nearest first",
    ),
    "nearest_across": Pass(
        _nearest_across, lambda p: len(p.get("nearest_across")), "pairs", mostly_copies, ("groups", *_SEARCHED),
        "(n, 2) the distances of each distinct row to its two nearest of other sequences",
    ),
    "nearest_is_own": Pass(
        _nearest_is_own, _distinct, "pairs", mostly_copies, ("groups", *_SEARCHED),
        "(n,) whether each distinct row's nearest is of its own sequence",
    ),
    "codes": Pass(
        _codes, _counted("codes"), "codes", few_rows, _TRAINED,
        "`geoscope.passes.quantizers.codebooks.Codes` of the rows that the codebooks were learnt from",
    ),
    "heldout_rows": Pass(_heldout_rows, _points, "points"),
    "heldout_codes": Pass(
        _heldout_codes, _counted("heldout_codes"), "codes", few_rows_of_half, ("groups", *_TRAINED),
        "`geoscope.passes.quantizers.codebooks.Codes` of rows of other sequences than the codebooks were learnt from",
    ),
}  # fmt: skip
