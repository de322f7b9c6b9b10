"""How each pass is made from a cloud; `passes.py` lists them with what else is known of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geoscope.errors import Undefined
from geoscope.passes.cautions import DUPLICATE_TOLERANCE, clumped
from geoscope.passes.moments import Moments, Units, safe_scale
from geoscope.passes.pairs import (
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
from geoscope.passes.quantizers.codebooks import Codes, quantize, quantize_heldout, split_groups
from geoscope.passes.rounding import check_spread, step_of
from geoscope.rows import BoolArray, Float64, FloatArray, IntArray

if TYPE_CHECKING:
    from geoscope.passes.passes import Passes

NEIGHBOURS = 16
"""How long the neighbour lists are: two suffice for TwoNN, the rest lets sequences be left out without a new search."""

LIBRARY_ROWS = 2000
"""Rows that other libraries' estimators are given at most: some of them take time or memory with their square."""


def make_moments(passes: Passes) -> Moments:
    if isinstance(passes.moments_or_reason, Undefined):
        raise passes.moments_or_reason.anew()
    return passes.moments_or_reason


def make_units(passes: Passes) -> Units:
    return make_moments(passes).units


def make_radius(passes: Passes) -> float:
    """Root mean square distance of the points from their mean; Undefined where that is rounding."""
    points = passes.points
    if len(points) < 2:
        raise Undefined("there is only one row" if len(points) else "there are no rows")
    scale = safe_scale(points)
    radius = rms_radius(points, 1.0 / scale) * scale
    mean = points.mean(axis=0, dtype=np.float64) if scale == 1.0 else (points * scale).mean(axis=0)
    check_spread(radius, float(np.linalg.norm(mean)), step_of(points.dtype))
    return radius / scale


def make_components(passes: Passes) -> Components:
    passes.get("radius")
    return components_of(passes.points)


def make_pairs(passes: Passes) -> Pairs:
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


def make_bars(passes: Passes) -> Float64:
    pairs: Pairs = passes.get("pairs")
    if pairs.tree is None:
        raise ValueError("the bars were asked of a sweep without a tree")
    lengths = np.asarray(pairs.tree.lengths, dtype=np.float64)
    bars = lengths[(lengths >= pairs.tolerance) & (lengths > 0)]
    if len(bars) == 0:
        raise Undefined("all points are the same")
    return bars


def make_owners(passes: Passes) -> IntArray:
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


def make_distinct_cloud(passes: Passes) -> Cloud:
    """The distinct points, ready for distances: the searches of all parts of the sequences share it."""
    points = passes.points[passes.get("pairs").distinct]
    scale = safe_scale(points)
    scaled: FloatArray = points if scale == 1.0 else points.astype(np.float64) * scale
    small = len(scaled) ** 2 * scaled.shape[1] < SMALL
    return Cloud(scaled, device=passes.settings.device, double=small)


def make_distinct_sequences(passes: Passes) -> IntArray:
    sequences: IntArray = passes.groups[passes.get("pairs").distinct]
    return sequences


def make_distinct_sample(passes: Passes) -> Float64:
    """(m, d) distinct points, at most LIBRARY_ROWS of them drawn by the seed, about their mean and of RMS radius 1."""
    distinct = passes.get("pairs").distinct
    if len(distinct) > LIBRARY_ROWS:
        generator = np.random.default_rng([passes.settings.quantizer.seed, 0x736B64])
        distinct = np.sort(generator.permutation(distinct)[:LIBRARY_ROWS])
    points = passes.points[distinct]
    rows: Float64 = points.astype(np.float64) * safe_scale(points)
    rows -= rows.mean(axis=0)
    radius = float(np.sqrt(np.mean(np.sum(rows * rows, axis=1))))
    if radius == 0.0:
        raise Undefined("all points are the same")
    return rows / radius


def make_skeleton(passes: Passes) -> Skeleton:
    """Tree and neighbour lists of the distinct points, ready for leaving some out."""
    pairs: Pairs = passes.get("pairs")
    owners = passes.get("owners")
    if pairs.tree is None:
        raise ValueError("the skeleton was asked of a sweep without a tree")
    edges = owners[pairs.tree.edges]
    apart = edges[:, 0] != edges[:, 1]
    return skeleton_of(pairs.neighbours, edges[apart], pairs.tree.lengths[apart])


def make_nearest(passes: Passes) -> Float64:
    pairs: Pairs = passes.get("pairs")
    enough_distinct(len(pairs.distinct))
    return np.asarray(pairs.neighbours.distances[:, :2], dtype=np.float64)


def make_longer_lists(passes: Passes) -> LongerLists:
    return LongerLists(passes.get("distinct_cloud"), memory=passes.settings.block_bytes)


def make_longer_lists_across(passes: Passes) -> LongerLists:
    sequences, memory = passes.get("distinct_sequences"), passes.settings.block_bytes
    return LongerLists(passes.get("distinct_cloud"), sequences, memory=memory)


def make_neighbours_across(passes: Passes) -> Neighbours:
    pairs: Pairs = passes.get("pairs")
    enough_distinct(len(pairs.distinct))
    found = len(np.unique(passes.get("distinct_sequences")))
    if found < 3:
        raise Undefined(f"expected rows of at least three sequences, got {found}")
    return neighbours_across(pairs.neighbours, passes.get("longer_lists_across"))


def make_nearest_across(passes: Passes) -> Float64:
    return finite_rows(passes.get("neighbours_across").distances[:, :2])


def enough_distinct(count: int) -> None:
    """Two neighbours take three points."""
    if count < 3:
        raise Undefined(f"expected at least three distinct points, got {count}")


def finite_rows(nearest: FloatArray) -> Float64:
    """The rows that have two neighbours: one may share all but one other row's sequence."""
    kept = np.isfinite(nearest).all(axis=1)
    return np.asarray(nearest[kept], dtype=np.float64)


def make_nearest_is_own(passes: Passes) -> BoolArray:
    pairs: Pairs = passes.get("pairs")
    groups = passes.get("distinct_sequences")
    if len(np.unique(groups)) == len(groups):
        raise Undefined("no sequence has more than one row")
    own: BoolArray = groups[pairs.neighbours.indices[:, 0]] == groups
    return own


def make_codes(passes: Passes) -> Codes:
    passes.get("radius")
    return quantize(passes.points, passes.settings.quantizer, progress=passes.settings.progress)


def make_heldout_codes(passes: Passes) -> Codes:
    passes.get("radius")
    chosen = passes.settings
    return quantize_heldout(passes.points, passes.groups, chosen.quantizer, progress=chosen.progress)


def make_heldout_rows(passes: Passes) -> BoolArray:
    """(p,) which points the held-out codebooks are counted on."""
    return ~split_groups(passes.groups, passes.settings.quantizer.seed)
