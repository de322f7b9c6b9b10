"""Entropy of the gaps between points: measures of the finite H0 Vietoris-Rips bars.

Bars are the edge lengths of the Euclidean minimum spanning tree (full lengths, not halves; the infinite bar is
dropped). Bars shorter than 1e-5 of the cloud's RMS radius join duplicates and count as zero: they are left out.
All are blind to shift, rotation and scale. Natural logarithms.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.formula import measure
from geoscope.rows import Float64

_EQUAL = 1e-6  # bars this alike (shortest over longest, from 1) are all one length


@measure
def persistent_entropy(bars: Float64) -> float:
    """-sum p ln p, p = bar / sum of bars: 0 to ln m for m positive bars. In nats.

    Grows with m: compare only at equal numbers of points. Kudriashov et al. 2025, arXiv 2501.05502.
    """
    return _entropy(_present(bars))


@measure
def persistent_entropy_normalized(bars: Float64) -> float:
    """persistent_entropy / ln m: 0 to 1; near 1 on anything of high dimension. Needs two bars."""
    if len(_present(bars)) < 2:
        raise Undefined("one bar has no entropy to normalise")
    return _entropy(bars) / float(np.log(len(bars)))


@measure
def persistent_entropy_deficit(bars: Float64) -> float:
    """ln m - persistent_entropy: 0 (equal bars) to ln m; about half the squared coefficient of variation."""
    share = _present(bars) / bars.sum()
    deficit = float(np.sum(share * np.log(share * len(bars))))
    return max(deficit, 0.0)


@measure
def prominent_bars(bars: Float64) -> float:
    """How many bars, longest first, stand out by the relative-entropy rule (R1), stopping at the first that fails.

    Bar i stands out when neutralising it raises the entropy by more than i/m of all that can be gained:
    (E(L'_i) - E(L'_(i-1))) / (ln m - E(L)) > i/m, with E(L'_i) = ln(i + exp E(bars without the i longest)).
    The longest counts, so k well separated groups give k - 1. Atienza et al. 2016, arXiv 1605.02885.
    """
    ordered = np.sort(_present(bars))[::-1]
    m = len(ordered)
    if ordered[-1] >= ordered[0] * (1.0 - _EQUAL):
        raise Undefined("all bars are of one length, so none stands out")
    neutral = _neutralised_entropies(ordered)
    gains = np.diff(neutral) / (np.log(m) - neutral[0])
    failing = np.flatnonzero(gains <= np.arange(1, m) / m)
    return float(failing[0] if len(failing) else m - 1)


def _neutralised_entropies(ordered: Float64) -> Float64:
    """E(L'_i) for i = 0 .. m-1: the i longest bars replaced by the length that disturbs the rest least."""
    lengths = ordered / ordered[0]
    sums = np.cumsum(lengths[::-1])[::-1]
    logs = np.cumsum((lengths * np.log(lengths))[::-1])[::-1]
    rest = np.log(sums) - logs / sums
    return np.asarray(np.log(np.arange(len(ordered)) + np.exp(rest)))


def _present(bars: Float64) -> Float64:
    if len(bars) == 0:
        raise Undefined("there is no bar: fewer than two distinct points")
    return bars


def _entropy(bars: Float64) -> float:
    share = bars / bars.sum()
    return max(float(-np.sum(share * np.log(share))), 0.0)
