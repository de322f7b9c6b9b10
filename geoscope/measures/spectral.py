"""How evenly variance is spread over directions: measures of the covariance's eigenvalues.

All are blind to the mean (but `anisotropy_uncentered`) and to rotation and common scale.
S is the covariance of the rows, n - 1 in the denominator; lambda its eigenvalues, largest first.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.moments import Moments
from geoscope.passes.principal_components import Components
from geoscope.rows import Float64, FloatArray

_EQUAL = "fewer than two rows differ"
_EQUAL_OR_FLAT = f"{_EQUAL}, or rows have one dimension"
_TOO_FEW = f"{_EQUAL}, they are of fewer than four sequences, or the estimate of tr S^2 is not positive"


@measure(undefined=_EQUAL)
def anisotropy(moments: Moments) -> float:
    """lambda_1 / sum lambda of the centred rows, lambda the eigenvalues of their covariance, largest first.

    1/min(n-1, d) is even, 1 one direction. Its floor falls with n, so compare at equal n.

    >>> rows = [[2, 0], [-2, 0], [0, 1], [0, -1]]  # variances 4 to 1
    >>> round(anisotropy(rows), 10)
    0.8
    """
    return float(moments.spectrum[0] / moments.spectrum.sum())


@measure(undefined="all rows are zero")
def anisotropy_uncentered(moments: Moments) -> float:
    """sigma_1^2 / sum sigma^2 of the rows as they are, sigma their singular values, largest first.

    >>> rows = [[12, 0], [8, 0], [10, 1], [10, -1]]  # variances 4 to 1, and 10 from the origin
    >>> round(anisotropy_uncentered(rows), 10)  # 408 of 410
    0.9951219512
    """
    return moments.raw_largest / moments.raw_energy


@measure(undefined=_EQUAL, unit="dimensions")
def participation_ratio(moments: Moments) -> float:
    """(tr S)^2 / tr S^2, S the covariance of the rows: how many dimensions carry the variance.

    1 is one direction, min(n-1, d) even.

    >>> rows = [[2, 0], [-2, 0], [0, 1], [0, -1]]  # variances 4 to 1
    >>> round(participation_ratio(rows), 10)  # 25/17
    1.4705882353
    """
    return _participation(moments.covariance / (moments.energy / (moments.count - 1)))


@measure(undefined=_EQUAL_OR_FLAT)
def isoscore(moments: Moments) -> float:
    """(participation ratio - 1)/(d - 1): 0 is one direction, 1 a covariance proportional to the identity.

    At most (min(n-1, d) - 1)/(d - 1), so low at small n on any cloud.
    Equal to the published algorithm without its eigendecomposition.

    >>> rows = [[0, 0], [1, 0], [0, 2], [3, 1]]
    >>> round(isoscore(rows), 10)
    0.7575322812
    """
    return isoscore_star.formula(moments)


@measure(undefined=_EQUAL_OR_FLAT)
def isoscore_star(moments: Moments, isoscore_zeta: float = 0.0, isoscore_reference: FloatArray | None = None) -> float:
    """IsoScore of (1 - zeta) S + zeta C0, S the covariance of the rows; zeta 0 (the default) is `isoscore`.

    C0 is symmetric and positive semi-definite.

    >>> import numpy as np
    >>> rows = [[0, 0], [1, 0], [0, 2], [3, 1]]
    >>> round(isoscore_star(rows, isoscore_zeta=0.5, isoscore_reference=np.eye(2)), 10)
    0.9073972603
    """
    d = moments.dimension
    if d < 2:
        raise Undefined("rows of one dimension have no isotropy")
    if not 0.0 <= isoscore_zeta <= 1.0:
        raise GeoscopeError(f"expected an IsoScore* zeta between 0 and 1, got {isoscore_zeta}")
    unit = moments.energy / (moments.count - 1)  # tr S; dividing by it first keeps squares in range
    shrunk = moments.covariance / unit
    if isoscore_zeta > 0.0:
        reference = _checked_reference(isoscore_reference, d, unit / moments.scale**2)
        shrunk = (1.0 - isoscore_zeta) * shrunk + isoscore_zeta * reference
    return (_participation(shrunk) - 1.0) / (d - 1.0)


def _checked_reference(reference: FloatArray | None, d: int, unit: float) -> Float64:
    """The reference covariance in units of tr S, or a GeoscopeError that says what is wrong with it."""
    if reference is None:
        return np.eye(d) / d
    matrix = np.asarray(reference, dtype=np.float64)
    if matrix.shape != (d, d):
        raise GeoscopeError(
            f"expected an IsoScore* reference covariance of shape ({d}, {d}), got {matrix.shape}; give "
            "that of rows of as many dimensions, or none"
        )
    size = float(np.max(np.abs(matrix)))
    if not np.isfinite(size) or size == 0.0 or not np.allclose(matrix, matrix.T, rtol=0.0, atol=1e-6 * size):
        raise GeoscopeError(
            "expected a symmetric, finite, nonzero IsoScore* reference covariance, got another; make it anew, or "
            "give none"
        )
    if np.linalg.eigvalsh(matrix)[0] < -1e-6 * size * d:
        raise GeoscopeError(
            "expected a positive semi-definite IsoScore* reference covariance, got one with a negative eigenvalue; "
            "make it anew, or give none"
        )
    return matrix / unit


def _participation(matrix: Float64) -> float:
    return float(np.trace(matrix) ** 2 / np.vdot(matrix, matrix))


@measure(undefined=_EQUAL, unit="dimensions")
def effective_rank(moments: Moments) -> float:
    """exp(-sum p ln p), p the singular values of the centred rows over their sum.

    Singular values under rounding (sqrt(d eps) of the largest) count as 0.

    >>> rows = [[2, 0], [-2, 0], [0, 1], [0, -1]]  # variances 4 to 1
    >>> round(effective_rank(rows), 10)  # p = 2/3, 1/3: 3 / 4^(1/3)
    1.8898815748
    """
    return rank_of(moments.spectrum)


def rank_of(spectrum: Float64) -> float:
    """The effective rank of rows whose scatter has these eigenvalues."""
    values = np.sqrt(spectrum)
    share = values / values.sum()
    share = share[share > 0]
    return float(np.exp(-np.sum(share * np.log(share))))


@measure(undefined=_EQUAL_OR_FLAT)
def eigenvalue_early_enrichment(moments: Moments) -> float:
    """Area between the cumulative spectrum and its diagonal, k = min(n, d) components, over k sum(lambda)/2.

    0 is equal eigenvalues, (1 - 1/k)^2 one nonzero.

    >>> rows = [[2, 0], [-2, 0], [0, 1], [0, -1]]  # variances 4 to 1
    >>> round(eigenvalue_early_enrichment(rows), 10)
    0.15
    """
    k = len(moments.spectrum)
    if moments.dimension < 2:
        raise Undefined("rows of one dimension have no early or late eigenvalues")
    total = moments.spectrum.sum()
    lead = np.cumsum(moments.spectrum) - np.arange(1, k + 1) * total / k
    return float(np.trapezoid(lead) / (k * total / 2.0))


@measure(undefined=_EQUAL)
def vasicek_ratio_mse(components: Components) -> float:
    """Mean over d of (1 - r)^2, r the entropy power (Vasicek 1976) of a principal component over a unit Gaussian's.

    Components are scaled so that their variances sum to d (the published script divides by a random number
    near d); one without variance has r = 0. 0 for a standard Gaussian; can pass 1.

    >>> import numpy as np
    >>> i, j = np.arange(60)[:, None], np.arange(4)
    >>> waves = np.sin(0.7 * i * (j + 1) + 0.3 * j) + 0.1 * j * np.cos(0.05 * i)
    >>> round(vasicek_ratio_mse(waves), 8)
    0.1069996
    """
    d = components.dimension
    scaled = components.entropies + 0.5 * np.log(d / components.variances.sum())
    ratios = np.exp(scaled - 0.5 * np.log(2 * np.pi * np.e))
    return float((np.sum((1.0 - ratios) ** 2) + d - len(ratios)) / d)


@measure(undefined=f"rows have one dimension, {_TOO_FEW}", heeds=("groups",))
def isoscore_corrected(moments: Moments) -> float:
    """(corrected participation ratio - 1)/(d - 1): its mean is the population's `isoscore`, at any n.

    Unclipped: by chance it may pass 1 (at truth 1 half of all draws do) or fall below 0.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((200, 10))  # of a population of isoscore 1
    >>> round(isoscore_corrected(rows), 3)
    0.987
    """
    if moments.dimension < 2:
        raise Undefined("rows of one dimension have no isotropy")
    return (participation_ratio_corrected.formula(moments) - 1.0) / (moments.dimension - 1.0)


@measure(undefined=_TOO_FEW, unit="dimensions", heeds=("groups",))
def participation_ratio_corrected(moments: Moments) -> float:
    """Unbiased estimates of (tr S)^2 over tr S^2, each a mean over rows of distinct sequences.

    Not capped by n. Chen, Zhang and Zhong 2010, J. Am. Stat. Assoc. 105:810-819, with sequences in the place of rows.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((200, 10))  # of a population that uses 10 dimensions
    >>> round(participation_ratio_corrected(rows), 2)
    9.88
    """
    moments.energy  # noqa: B018  # constant rows have no covariance to estimate
    if not moments.traces.trace_of_square > 0:
        raise Undefined("the unbiased estimate of tr S^2 is not positive")
    return moments.traces.squared_trace / moments.traces.trace_of_square
