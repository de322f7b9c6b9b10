"""How evenly a learnt quantizer's cells are filled, and how well it describes the rows.

Comparable only at equal quantizer, settings, n and d: cells learnt from noise are not evenly filled either.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.quantizers.codebooks import Codes
from geoscope.rows import IntArray

_UNTRAINED = (
    "there are fewer rows than a codebook's 2^bits cells, a product quantizer's codebooks do not divide d, or float32 "
    "cannot hold the rows' squared lengths"
)
_UNTRAINED_HALF = f"rows are of one sequence, or in half of the sequences {_UNTRAINED}"


@measure(undefined=_UNTRAINED)
def patchiness(codes: Codes) -> float:
    """Lloyd's index 1 + V/m^2 - 1/m of the counts of a codebook's K cells (V with K - 1), mean over codebooks.

    m and V are the mean and the variance of the counts. 1 in expectation if every cell were equally likely.
    Lloyd 1967, J. Anim. Ecol. 36:1-30.

    >>> rows = [[0.0], [1.0], [2.0], [50.0]]
    >>> patchiness(rows, quantizer="kmeans", bits=1)  # cells of 3 rows and 1: 1 + 2/4 - 1/2
    1.0
    """
    return float(np.mean([lloyd_index(counts) for counts in codes.counts]))


@measure(undefined=_UNTRAINED)
def patchiness_paper(codes: Codes) -> float:
    """1 + V/m^2 - 1/m with all M K counts pooled, V with M K, and m = M n/K (M times a cell's mean).

    The published script's number, for parity with published values only: it squeezes Lloyd's index by M^2.

    >>> rows = [[0.0], [1.0], [2.0], [50.0]]
    >>> patchiness_paper(rows, quantizer="kmeans", bits=1)  # cells of 3 rows and 1: 1 + 1/4 - 1/2
    0.75
    """
    return paper_index(codes.counts)


@measure(undefined=_UNTRAINED_HALF)
def patchiness_heldout(heldout_codes: Codes) -> float:
    """`patchiness` of one half of the sequences in cells learnt from the other half.

    >>> rows = [[0.0], [9.0]] * 4
    >>> sequences = [0, 0, 1, 1, 2, 2, 3, 3]
    >>> patchiness_heldout(rows, groups=sequences, quantizer="kmeans", bits=1)  # two cells of 2 rows: 1 - 1/2
    0.5
    """
    return patchiness.formula(heldout_codes)


@measure(undefined=_UNTRAINED)
def reconstruction_error(codes: Codes) -> float:
    """sum |x - x^|^2 / sum |x|^2 over the rows the codebooks were learnt from, x^ the quantizer's reconstruction.

    >>> rows = [[0.0], [2.0], [10.0], [12.0]]
    >>> round(reconstruction_error(rows, quantizer="kmeans", bits=1), 10)  # 4 of 248
    0.0161290323
    """
    return _share(codes.error, codes.energy)


@measure(undefined=f"all rows are equal, {_UNTRAINED}")
def reconstruction_error_centered(codes: Codes) -> float:
    """sum |x - x^|^2 / sum |x - mean|^2: reconstruction_error freed of the mean's energy.

    >>> rows = [[0.0], [2.0], [10.0], [12.0]]
    >>> round(reconstruction_error_centered(rows, quantizer="kmeans", bits=1), 10)  # 4 of 104
    0.0384615385
    """
    return _share(codes.error, codes.centered_energy)


@measure(undefined=_UNTRAINED_HALF)
def reconstruction_error_heldout(heldout_codes: Codes) -> float:
    """`reconstruction_error` of one half of the sequences with codebooks learnt from the other half.

    >>> rows = [[0.0], [9.0]] * 4
    >>> sequences = [0, 0, 1, 1, 2, 2, 3, 3]
    >>> reconstruction_error_heldout(rows, groups=sequences, quantizer="kmeans", bits=1)  # all seen in training
    0.0
    """
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
