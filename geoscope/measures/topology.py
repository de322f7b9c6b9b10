"""Entropy of the gaps between points: measures of the finite H0 Vietoris-Rips bars.

Bars are the edge lengths of the Euclidean minimum spanning tree (full lengths, not halves; the infinite bar is
dropped). Bars shorter than 1e-5 of the cloud's RMS radius join duplicates and count as zero: they are left out.
All are blind to shift, rotation and scale. Natural logarithms.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.rows import Float64

_EQUAL = 1e-6  # bars this alike (shortest over longest, from 1) are all one length
_NO_BARS = "fewer than two rows differ"


@measure(undefined=_NO_BARS, unit="nats")
def persistent_entropy(bars: Float64) -> float:
    """-sum p ln p, p = bar / sum of bars, of the m finite H0 Vietoris-Rips bars above 0.

    Grows with m: compare only at equal numbers of points.

    >>> round(persistent_entropy([[0.0], [1.0], [3.0]]), 10)  # bars 1 and 2: p = 1/3, 2/3
    0.6365141683
    """
    return _entropy(_present(bars))


@measure(undefined="fewer than three rows differ")
def persistent_entropy_normalized(bars: Float64) -> float:
    """persistent_entropy / ln m, m the number of bars above 0: near 1 on anything of high dimension.

    >>> round(persistent_entropy_normalized([[0.0], [1.0], [3.0]]), 10)  # 0.6365141683 / ln 2
    0.9182958341
    """
    if len(_present(bars)) < 2:
        raise Undefined("one bar has no entropy to normalise")
    return _entropy(bars) / float(np.log(len(bars)))


@measure(undefined=_NO_BARS, unit="nats")
def persistent_entropy_deficit(bars: Float64) -> float:
    """ln m - persistent_entropy, m the number of bars above 0: about half their squared coefficient of variation.

    >>> round(persistent_entropy_deficit([[0.0], [1.0], [3.0]]), 10)  # ln 2 - 0.6365141683
    0.0566330123
    """
    share = _present(bars) / bars.sum()
    deficit = float(np.sum(share * np.log(share * len(bars))))
    return max(deficit, 0.0)


@measure(undefined="fewer than three rows differ, or all bars are of one length", unit="bars")
def prominent_bars(bars: Float64) -> float:
    """How many bars, longest first, stand out by the relative-entropy rule (R1), stopping at the first that fails.

    Bar i stands out when neutralising it raises the entropy by more than i/m of all that can be gained:
    (E(L'_i) - E(L'_(i-1))) / (ln m - E(L)) > i/m, with E(L'_i) = ln(i + exp E(bars without the i longest)).
    The longest counts, so k well separated groups give k - 1.

    >>> import numpy as np
    >>> within = np.linspace(0, 1, 20)
    >>> prominent_bars(np.concatenate([within, within + 30, within + 70])[:, None])  # three groups on a line
    2.0
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
