"""How evenly a learnt quantizer's cells are filled, and how well it describes the rows.

Comparable only at equal quantizer, settings, n and d: cells learnt from noise are not evenly filled either.
Marbut et al. 2024, arXiv 2406.12159.
"""

from __future__ import annotations

import numpy as np

from geoscope.codebooks import Codes
from geoscope.errors import Undefined
from geoscope.measures.formula import measure
from geoscope.rows import IntArray


@measure
def patchiness(codes: Codes) -> float:
    """Lloyd's index 1 + V/m^2 - 1/m of the counts of a codebook's K cells (V with K - 1), mean over codebooks.

    0 to K + 1; 1 in expectation if every cell were equally likely. Lloyd 1967, J. Anim. Ecol. 36:1-30.
    """
    return float(np.mean([lloyd_index(counts) for counts in codes.counts]))


@measure
def patchiness_paper(codes: Codes) -> float:
    """The published script's number: all M K counts pooled, V with M K, and m = M n/K (M times a cell's mean).

    For parity with published values only: it squeezes Lloyd's index by M^2.
    """
    return paper_index(codes.counts)


@measure
def patchiness_heldout(heldout_codes: Codes) -> float:
    """`patchiness` of one half of the sequences in cells learnt from the other half."""
    return patchiness.formula(heldout_codes)


@measure
def reconstruction_error(codes: Codes) -> float:
    """sum |x - x^|^2 / sum |x|^2 over the rows the codebooks were learnt from. Moves with the mean."""
    return _share(codes.error, codes.energy)


@measure
def reconstruction_error_centered(codes: Codes) -> float:
    """sum |x - x^|^2 / sum |x - mean|^2: the same error, freed of the mean's energy."""
    return _share(codes.error, codes.centered_energy)


@measure
def reconstruction_error_heldout(heldout_codes: Codes) -> float:
    """`reconstruction_error` of one half of the sequences with codebooks learnt from the other half."""
    return _share(heldout_codes.error, heldout_codes.energy)


def lloyd_index(counts: IntArray, ddof: int = 1) -> float:
    """Lloyd's index of patchiness of cell counts (K,): mean crowding over mean density."""
    mean = counts.mean()
    if not mean > 0:
        raise Undefined("no row was counted")
    return float(1.0 + counts.var(ddof=ddof) / mean**2 - 1.0 / mean)


def paper_index(counts: IntArray) -> float:
    """The published script's index of counts (M, K)."""
    mean = counts.sum() / counts.shape[1]
    if not mean > 0:
        raise Undefined("no row was counted")
    return float(1.0 + counts.var() / mean**2 - 1.0 / mean)


def _share(error: float, energy: float) -> float:
    if not energy > 0:
        raise Undefined("the rows have no energy to explain")
    return error / energy
