"""Sums over every row that few measures are of, and that are taken only where one of these is asked for."""

from geoscope.passes.asked_sums.dimension_tails import DimensionTails
from geoscope.passes.asked_sums.sequence_means import SpectralEntropies, Turns
from geoscope.passes.asked_sums.sums import AskedSums, Block

__all__ = ["ASKED", "OF_SEQUENCES", "AskedSums", "Block", "DimensionTails", "SpectralEntropies", "Turns"]

ASKED: dict[str, type[AskedSums]] = {
    "tails": DimensionTails,
    "turns": Turns,
    "entropies": SpectralEntropies,
}
"""By the names of the passes that are made of them."""

OF_SEQUENCES = frozenset({"turns", "entropies"})
"""Those of them that see rows in their sequences."""
