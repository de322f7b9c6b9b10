"""How each pass is made from a cloud; `passes.py` lists them with what else is known of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geoscope.errors import Undefined
from geoscope.passes.asked_sums import AskedSums
from geoscope.passes.cautions import DUPLICATE_TOLERANCE, clumped
from geoscope.passes.moments import Moments, Units, safe_scale
from geoscope.passes.pairs import (
    SMALL,
    AcrossGroups,
    Cloud,
    LongerLists,
    Neighbours,
    Pairs,
    Skeleton,
    lengths_within,
    nearest_within,
    neighbours_across,
    rms_radius,
    skeleton_of,
    sweep,
)
from geoscope.passes.pairs.components import components
from geoscope.passes.principal_components import Components, components_of
from geoscope.passes.quantizers.codebooks import (
    Codes,
    quantize_heldout_together,
    quantize_together,
    split_groups,
)
from geoscope.passes.rounding import check_spread, step_of
from geoscope.rows import BoolArray, Float64, FloatArray, IntArray

if TYPE_CHECKING:
    from geoscope.passes.passes import Passes

NEIGHBOURS = 16
"""How long the neighbour lists are: two suffice for TwoNN, the rest lets sequences be left out without a new search."""
SCALES = (1, 2, 4, 8)
"""Of each k a row's k-th and 2k-th nearest are compared, as far as the lists go."""
LINKED_WITH = {1: 2, 2: 4, 4: 4, 8: 4}
"""With how many of a row's nearest its ratio at each scale is linked, in standard errors.

Found on simulated clouds and disjoint draws of two layers of text, where errors without links at scale 8 are .7 to .8
of the spread, and with these .9 to 1.25. Links with all of a list's rows say up to three times the error where a few
rows are on most lists.
"""
EQUALLY_FAR = 1e-9
"""ln of a ratio of distances: below, rounding tells them apart."""
CHOSEN = 10
"""How many of its nearest a row chooses, where it counts how often each row is chosen."""
TREE_HALVES = 20
"""From how many halves of the points it is taken how a tree grows with them."""

LIBRARY_ROWS = 2000
"""Rows that other libraries' estimators are given at most: some of them take time or memory with their square."""


def make_moments(passes: Passes) -> Moments:
    if isinstance(passes.moments_or_reason, Undefined):
        raise passes.moments_or_reason.anew()
    return passes.moments_or_reason


def make_units(passes: Passes) -> Units:
    return make_moments(passes).units


def make_taken(passes: Passes, name: str) -> AskedSums:
    return make_moments(passes).taken(name)


@dataclass(frozen=True)
class Activations:
    """Sizes of coordinates: the largest of every row, and the median of the sampled points'."""

    largest: float
    median: float


def make_activations(passes: Passes) -> Activations:
    sizes = np.abs(passes.points).ravel()
    if len(sizes) == 0:
        raise Undefined("there are no rows")
    places = [(len(sizes) - 1) // 2, len(sizes) // 2]
    middle = np.partition(sizes, places)[places].astype(np.float64)
    return Activations(make_moments(passes).size, float(middle[0] / 2 + middle[1] / 2))


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
    return components_of(passes.points, passes.settings.device)


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


def make_neighbours_across(passes: Passes, least: int = 2) -> Neighbours:
    pairs: Pairs = passes.get("pairs")
    enough_distinct(len(pairs.distinct))
    found = len(np.unique(passes.get("distinct_sequences")))
    if found < 3:
        raise Undefined(f"expected rows of at least three sequences, got {found}")
    return neighbours_across(pairs.neighbours, passes.get("longer_lists_across"), least)


def make_nearest_across(passes: Passes) -> Float64:
    return finite_rows(passes.get("neighbours_across").distances[:, :2])


def enough_distinct(count: int, neighbours: int = 2) -> None:
    """Two neighbours take three points."""
    if count <= neighbours:
        least = "three" if neighbours == 2 else neighbours + 1
        raise Undefined(f"expected at least {least} distinct points, got {count}")


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
    return _codes_of_seeds(passes, [passes.settings.quantizer.seed])[0]


def _codes_of_seeds(passes: Passes, seeds: Sequence[int]) -> list[Codes]:
    passes.get("radius")
    chosen = passes.settings
    return quantize_together(passes.points, chosen.quantizer, seeds, device=chosen.device, progress=chosen.progress)


def make_heldout_codes(passes: Passes) -> Codes:
    return _heldout_codes_of_seeds(passes, [passes.settings.quantizer.seed])[0]


def _heldout_codes_of_seeds(passes: Passes, seeds: Sequence[int]) -> list[Codes]:
    passes.get("radius")
    chosen = passes.settings
    return quantize_heldout_together(
        passes.points, passes.groups, chosen.quantizer, seeds, device=chosen.device, progress=chosen.progress
    )


OF_SEEDS: dict[str, Callable[[Passes, Sequence[int]], list[Codes]]] = {
    "codes": _codes_of_seeds,
    "heldout_codes": _heldout_codes_of_seeds,
}
"""How to make those passes at a time that differ in the quantizer's seed alone."""


def make_heldout_rows(passes: Passes) -> BoolArray:
    """(p,) which points the held-out codebooks are counted on."""
    return ~split_groups(passes.groups, passes.settings.quantizer.seed)


# Of pairs, for the measures of scales, of hubs and of the tree's growth


@dataclass(frozen=True)
class Linked:
    """Which distinct rows the entries of a pass are of, and which other rows each of all is linked with.

    places: (m,). nearest: (n, k), where the row itself stands for none.
    """

    places: IntArray
    nearest: IntArray


def make_log_ratios(passes: Passes, k: int, lists: str) -> Float64:
    """ln(r_2k / r_k) of the whole lists of that name: of rows that have 2k, and the two not equally far."""
    return _scale(passes, k, lists)[1]


def make_rows_of_log_ratios(passes: Passes, k: int, lists: str) -> Linked:
    return Linked(_scale(passes, k, lists)[0], _or_itself(passes.get(lists))[:, : LINKED_WITH[k]])


def _scale(passes: Passes, k: int, lists: str) -> tuple[IntArray, Float64]:
    enough_distinct(len(passes.get("pairs").distinct), 2 * k)
    distances = passes.get(lists).distances
    near, far = distances[:, k - 1], distances[:, 2 * k - 1]
    there = np.flatnonzero(np.isfinite(far))
    ratios = np.log(far[there] / near[there])
    apart = ratios > EQUALLY_FAR
    return there[apart], np.asarray(ratios[apart], dtype=np.float64)


def _or_itself(lists: Neighbours) -> IntArray:
    own = np.arange(len(lists.indices))[:, None]
    return np.where(np.isfinite(lists.distances), lists.indices, own)


def make_chosen(passes: Passes, lists: str) -> Neighbours:
    """Each distinct row's CHOSEN nearest, from the whole lists of that name."""
    count = len(passes.get("pairs").distinct)
    enough_distinct(count, CHOSEN)
    every, longer = np.ones(count, dtype=bool), passes.get(f"longer_{lists}")
    return next(nearest_within(passes.get(lists), [every], longer, CHOSEN, by_index=True))


def make_occurrences(passes: Passes, chosen: str) -> IntArray:
    """(n,) how often each row is among the CHOSEN nearest of a row: of those that have so many."""
    found: Neighbours = passes.get(chosen)
    choosing = np.isfinite(found.distances[:, -1])
    if not choosing.any():
        raise Undefined(f"no row has {CHOSEN} rows of other sequences to choose from")
    return np.bincount(found.indices[choosing].ravel(), minlength=len(choosing)).astype(np.int64)


def make_tree_lengths(passes: Passes) -> Float64:
    """(1 + TREE_HALVES, 2): how many points, and how long their tree is: of the distinct ones, then of random halves.

    Halves of points and not of sequences: a sequence keeps how densely it lies, and its half of the tree.
    """
    count = len(passes.get("pairs").distinct)
    enough_distinct(count, 3)
    cloud, skeleton, memory = passes.get("distinct_cloud"), passes.get("skeleton"), passes.settings.block_bytes
    generator = np.random.default_rng(passes.settings.quantizer.seed)
    across, sequences = None, passes.get("distinct_sequences")
    if 3 <= len(np.unique(sequences)) < count:
        across = AcrossGroups(np.unique(sequences, return_inverse=True)[1], lambda: passes.get("lists_across"))
    found = [(count, float(skeleton.lengths.sum()))]
    for _ in range(TREE_HALVES):
        kept = np.zeros(count, dtype=bool)
        kept[generator.permutation(count)[: count // 2]] = True
        found.append((count // 2, float(lengths_within(cloud, skeleton, kept, across=across, memory=memory).sum())))
    return np.array(found)
