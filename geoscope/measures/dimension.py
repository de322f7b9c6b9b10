"""Intrinsic dimension from nearest neighbours and from the spanning tree, on rows freed of duplicates.

All are blind to shift, rotation and scale. Rows closer than 1e-5 of the cloud's RMS radius are one row.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures.calling.formula import Influences, measure
from geoscope.passes.making import EQUALLY_FAR, SCALES
from geoscope.rows import BoolArray, Float64

DISCARD = 0.1  # the share of largest ratios left out of the fit, as scikit-dimension has it
_STEPS = 100  # Newton's; from where it starts it takes fewer than ten
_UNFITTED = "fewer than three rows differ, too few are left to fit, or both neighbours are equally far from every row"


@measure(undefined=_UNFITTED, unit="dimensions")
def two_nn(nearest: Float64, two_nn_discard: float = DISCARD) -> float:
    """Slope through the origin of -ln(1 - F) on ln mu, mu = r2/r1 sorted, F = i/n, the largest ratios left out.

    r1 and r2 are each row's distances to its two nearest rows. As scikit-dimension 0.5 computes it, on rows freed of
    duplicates. Grows with n on noise; on text it also reads how densely sentences were sampled (see two_nn_across).

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 10))
    >>> round(two_nn(rows), 8)
    9.53217388
    """
    log_mu, n = _kept_log_ratios(nearest, two_nn_discard)
    if two_nn_discard == 0:
        raise GeoscopeError("expected a discarded share above 0 for the linear fit, got 0; use two_nn_mle")
    rise = -np.log1p(-np.arange(1, len(log_mu) + 1) / n)
    return float(log_mu @ rise / (log_mu @ log_mu))


@measure(undefined=_UNFITTED, unit="dimensions")
def two_nn_mle(nearest: Float64, two_nn_discard: float = DISCARD) -> float:
    """(k - 1) / (sum ln mu + (n - k) ln mu_k): censored maximum likelihood, the k smallest of n ratios mu kept.

    mu is the ratio of a row's distances to its two nearest rows, as in two_nn.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 10))
    >>> round(two_nn_mle(rows, two_nn_discard=0.0), 8)
    9.67688554
    """
    log_mu, n = _kept_log_ratios(nearest, two_nn_discard)
    k = len(log_mu)
    return float((k - 1) / (log_mu.sum() + (n - k) * log_mu[-1]))


@measure(undefined=f"rows are of fewer than three sequences, {_UNFITTED}", unit="dimensions")
def two_nn_across(nearest_across: Float64, two_nn_discard: float = DISCARD) -> float:
    """two_nn on the two nearest rows of other sequences: free of how densely sentences were sampled.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 10))
    >>> round(two_nn_across(rows), 8)  # each row a sequence of its own: two_nn
    9.53217388
    >>> round(two_nn_across(rows, groups=np.arange(500) // 2), 8)  # two rows a sequence
    9.53095094
    """
    return two_nn.formula(nearest_across, two_nn_discard)


@measure(undefined="no sequence has more than one row, or fewer than two rows differ")
def same_sequence_neighbours(nearest_is_own: BoolArray) -> float:
    """Share of rows whose nearest neighbour is of their own sequence, duplicates removed first.

    >>> rows = [[0.0], [1.0], [10.0], [11.0]]
    >>> same_sequence_neighbours(rows, groups=["a", "a", "b", "b"])
    1.0
    >>> same_sequence_neighbours(rows, groups=["a", "b", "a", "b"])
    0.0
    """
    return float(np.mean(nearest_is_own))


def _kept_log_ratios(nearest: Float64, discard: float) -> tuple[Float64, int]:
    """ln(r2/r1), smallest first, without the largest `discard` share; and how many there were."""
    if not 0 <= discard < 1:
        raise GeoscopeError(f"expected a discarded share of ratios from 0 to below 1, got {discard}")
    n = len(nearest)
    keep = int(n * (1 - discard))
    if keep < 2:
        raise Undefined("fewer than two distinct points are left to fit")
    log_mu = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))[:keep]
    if not log_mu[-1] > EQUALLY_FAR:
        raise Undefined("every point's two nearest neighbours are equally far, so the ratios say nothing")
    return log_mu, n


# Gride: the same from any two neighbours, a scale for each. Denti, Doimo, Laio and Mira 2022.


def _unscaled(k: int, across: bool = False) -> str:
    few = "rows are of fewer than three sequences, " if across else ""
    return (
        f"{few}fewer than {2 * k + 1} rows differ, or neighbours {k} and {2 * k} are equally far from all rows but one"
    )


def _influences(k: int) -> Influences:
    return lambda **passes: tuple(_influence(log_ratios, k) for log_ratios in passes.values())


def _influences_on_slope(log_ratios_1_across: Float64, log_ratios_8_across: Float64) -> tuple[Float64, Float64]:
    least, most = SCALES[0], SCALES[-1]
    span = np.log(most / least)
    near, far = _influence(log_ratios_1_across, least), _influence(log_ratios_8_across, most)
    return -near / (_gride(log_ratios_1_across, least) * span), far / (_gride(log_ratios_8_across, most) * span)


@measure(undefined=_unscaled(1), unit="dimensions", influences=_influences(1))
def gride_1(log_ratios_1: Float64) -> float:
    """The dimension d that makes the ratios mu = r_2k/r_k likeliest, r_j a row's distance to its j-th nearest; k = 1.

    mu has density d (mu^d - 1)^(k-1) / (mu^((2k-1)d+1) B(k, k)) where rows lie evenly as far as neighbour 2k; n - 1
    stands for n in the likelihood's equation, as in the authors' DADApy: (n - 1)/sum ln mu for k = 1, without bias.
    Rows whose two neighbours are equally far are left out. Larger k sees a larger scale; the curve over k has a plateau
    where rows lie on something of one dimension. On text it also reads how densely sentences were sampled (see
    gride_across_1).

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_1(rows), 8)
    14.50686216
    """
    return _gride(log_ratios_1, 1)


@measure(undefined=_unscaled(2), unit="dimensions", influences=_influences(2))
def gride_2(log_ratios_2: Float64) -> float:
    """gride_1's estimate by each row's second and fourth nearest: k = 2.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_2(rows), 8)
    14.23899546
    """
    return _gride(log_ratios_2, 2)


@measure(undefined=_unscaled(4), unit="dimensions", influences=_influences(4))
def gride_4(log_ratios_4: Float64) -> float:
    """gride_1's estimate by each row's fourth and eighth nearest: k = 4.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_4(rows), 8)
    12.05723712
    """
    return _gride(log_ratios_4, 4)


@measure(undefined=_unscaled(8), unit="dimensions", influences=_influences(8))
def gride_8(log_ratios_8: Float64) -> float:
    """gride_1's estimate by each row's eighth and sixteenth nearest: k = 8.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_8(rows), 8)
    11.16760128
    """
    return _gride(log_ratios_8, 8)


@measure(undefined=_unscaled(1, across=True), unit="dimensions", influences=_influences(1))
def gride_across_1(log_ratios_1_across: Float64) -> float:
    """gride_1 on the nearest rows of other sequences: rows of one sequence otherwise fill the lists up to its length.

    A row with too few rows of other sequences is left out. Only the curve across sequences has a plateau on text.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_across_1(rows, groups=np.arange(500) // 10), 8)  # ten rows a sequence
    14.59084132
    """
    return _gride(log_ratios_1_across, 1)


@measure(undefined=_unscaled(2, across=True), unit="dimensions", influences=_influences(2))
def gride_across_2(log_ratios_2_across: Float64) -> float:
    """gride_2 on the nearest rows of other sequences.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_across_2(rows, groups=np.arange(500) // 10), 8)
    14.19885052
    """
    return _gride(log_ratios_2_across, 2)


@measure(undefined=_unscaled(4, across=True), unit="dimensions", influences=_influences(4))
def gride_across_4(log_ratios_4_across: Float64) -> float:
    """gride_4 on the nearest rows of other sequences.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_across_4(rows, groups=np.arange(500) // 10), 8)
    12.07256286
    """
    return _gride(log_ratios_4_across, 4)


@measure(undefined=_unscaled(8, across=True), unit="dimensions", influences=_influences(8))
def gride_across_8(log_ratios_8_across: Float64) -> float:
    """gride_8 on the nearest rows of other sequences.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_across_8(rows, groups=np.arange(500) // 10), 8)
    11.14594034
    """
    return _gride(log_ratios_8_across, 8)


@measure(
    undefined=f"gride_across_1 or gride_across_8 has no value: {_unscaled(8, across=True)}",
    influences=_influences_on_slope,
)
def gride_scale_slope(log_ratios_1_across: Float64, log_ratios_8_across: Float64) -> float:
    """ln(d_8/d_1)/ln 8, d_k the value of gride_across_k: how fast the dimension changes with the scale.

    0 on a plateau; where it is far from that, no one number is the dimension.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(gride_scale_slope(rows, groups=np.arange(500) // 10), 6)  # ln(11.14594034/14.59084132)/ln 8
    -0.129515
    """
    least, most = SCALES[0], SCALES[-1]
    return float(np.log(_gride(log_ratios_8_across, most) / _gride(log_ratios_1_across, least)) / np.log(most / least))


def _gride(log_ratios: Float64, k: int) -> float:
    """The one root d of (n - 1)/d + (k - 1) sum L/(1 - e^(-dL)) - (2k - 1) sum L, L > 0 the logs of n ratios.

    By Newton's method: the left side falls and is convex, so that from below the root it never passes it. Below is
    where 1/d + L/2 stands for L/(1 - e^(-dL)), which is more.
    """
    n = len(log_ratios)
    if n < 2:
        raise Undefined(
            f"every point's nearest rows {k} and {2 * k} are equally far, but for {n}: the ratios say nothing"
        )
    total = float(log_ratios.sum())
    d = 2 * (k * n - 1) / ((3 * k - 1) * total)
    if k == 1:
        return d
    for _ in range(_STEPS):
        scores, falls = _scores(log_ratios, d, k)
        step = float((scores.sum() - 1 / d) / (falls.sum() - 1 / d**2))
        d += step
        if step <= 4 * np.finfo(float).eps * d:
            break
    return d


def _scores(log_ratios: Float64, d: float, k: int) -> tuple[Float64, Float64]:
    """1/d + (k - 1) L/(1 - e^(-dL)) - (2k - 1) L of each L, and by how much that falls as d grows by 1."""
    each = log_ratios / -np.expm1(-d * log_ratios)
    scores = 1 / d + (k - 1) * each - (2 * k - 1) * log_ratios
    return scores, 1 / d**2 + (k - 1) * each**2 * np.exp(-d * log_ratios)


def _influence(log_ratios: Float64, k: int) -> Float64:
    """How much each ratio moves Gride: what its score has more than the mean, over how steeply the sum falls."""
    scores, falls = _scores(log_ratios, _gride(log_ratios, k), k)
    influence: Float64 = (scores - scores.mean()) / falls.sum()
    return influence


# From the spanning tree. Schweinhart 2020; Birdal, Lou, Guibas and Simsekli 2021.


@measure(
    undefined="fewer than four rows differ, or the tree grows as fast as the number of rows, or faster",
    unit="dimensions",
)
def persistent_homology_dimension(tree_lengths: Float64) -> float:
    """1/(1 - m), m the slope of ln E on ln n, E the length of n rows' minimum spanning tree, of all and of halves.

    m = (ln E(n) - mean ln E_j)/ln(n/(n // 2)), E_j of 20 random halves of the distinct rows (of rows, not of sequences:
    a sequence's half of the tree would be as long for each row whatever the dimension). Evenly spread rows of dimension
    d have E growing as n^(1 - 1/d). On text it reads how densely sentences were sampled, as two_nn does, and a few far
    rows hold much of E.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(persistent_homology_dimension(rows), 8)
    14.79939755
    """
    (count, whole), (half, _), *_ = tree_lengths
    grown = float((np.log(whole) - np.log(tree_lengths[1:, 1]).mean()) / np.log(count / half))
    if not grown < 1 - EQUALLY_FAR:
        raise Undefined("the tree of all points is as long for each of them as that of half, or longer")
    return 1 / (1 - grown)
