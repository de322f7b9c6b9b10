"""Pairs of rows: nearest neighbours and minimum spanning tree of a cloud, exact, from one blockwise sweep."""

from geoscope.passes.pairs.clouds import Cloud
from geoscope.passes.pairs.duplicates import duplicate_tolerance
from geoscope.passes.pairs.neighbours import Neighbours
from geoscope.passes.pairs.reduced_trees import AcrossGroups, Skeleton, lengths_within, skeleton_of
from geoscope.passes.pairs.restricted_neighbours import LongerLists, nearest_within, neighbours_across
from geoscope.passes.pairs.sweeping import MEMORY, SMALL, Pairs, rms_radius, sweep
from geoscope.passes.pairs.trees import Tree

__all__ = [
    "MEMORY",
    "SMALL",
    "AcrossGroups",
    "Cloud",
    "LongerLists",
    "Neighbours",
    "Pairs",
    "Skeleton",
    "Tree",
    "duplicate_tolerance",
    "lengths_within",
    "nearest_within",
    "neighbours_across",
    "rms_radius",
    "skeleton_of",
    "sweep",
]
