"""How evenly variance is spread over directions: measures of the covariance's eigenvalues.

All are blind to the mean (but `anisotropy_uncentered`) and to rotation and common scale.
S is the covariance of the rows, n - 1 in the denominator; lambda its eigenvalues, largest first.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures.formula import measure
from geoscope.moments import Moments
from geoscope.principal_components import Components
from geoscope.rows import Float64, FloatArray


@measure
def anisotropy(moments: Moments) -> float:
    """lambda_1 / sum lambda of the centred rows: 1/min(n-1, d) (even) to 1 (one direction).

    Blind to the mean and to all but the first axis; its floor falls with n, so compare at equal n.
    Razzhigaev et al. 2023, arXiv 2311.05928.
    """
    return float(moments.spectrum[0] / moments.spectrum.sum())


@measure
def anisotropy_uncentered(moments: Moments) -> float:
    """sigma_1^2 / sum sigma^2 of the rows as they are: 1/min(n, d) to 1.

    Cannot tell a far mean from a long axis. Kudriashov et al. 2025, arXiv 2501.05502.
    """
    return moments.raw_largest / moments.raw_energy


@measure
def participation_ratio(moments: Moments) -> float:
    """(tr S)^2 / tr S^2: 1 (one direction) to min(n-1, d) (even): how many dimensions carry the variance."""
    return _participation(moments.covariance / (moments.energy / (moments.count - 1)))


@measure
def isoscore(moments: Moments) -> float:
    """(participation ratio - 1)/(d - 1): 0 (one direction) to 1 (S proportional to the identity).

    At most (min(n-1, d) - 1)/(d - 1), so low at small n on any cloud. Undefined for d = 1.
    Equal to the published algorithm without its eigendecomposition. Rudman et al. 2022, arXiv 2108.07344.
    """
    return isoscore_star.formula(moments)


@measure
def isoscore_star(moments: Moments, isoscore_zeta: float = 0.0, isoscore_reference: FloatArray | None = None) -> float:
    """IsoScore of (1 - zeta) S + zeta C0: 0 to 1; zeta 0 (the default) is `isoscore`.

    isoscore_zeta in [0, 1] is the weight on the reference (the released code's convention);
    isoscore_reference is C0, a symmetric positive semi-definite (d, d) covariance on the rows' own scale,
    or None for the scaled identity (tr S / d) I. Undefined for d = 1.
    Rudman and Eickhoff 2024, arXiv 2305.19358.
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
        raise GeoscopeError(f"expected an IsoScore* reference covariance of shape ({d}, {d}), got {matrix.shape}")
    size = float(np.max(np.abs(matrix)))
    if not np.isfinite(size) or size == 0.0 or not np.allclose(matrix, matrix.T, rtol=0.0, atol=1e-6 * size):
        raise GeoscopeError("expected a symmetric, finite, nonzero IsoScore* reference covariance")
    if np.linalg.eigvalsh(matrix)[0] < -1e-6 * size * d:
        raise GeoscopeError(
            "expected a positive semi-definite IsoScore* reference covariance; it has a negative eigenvalue"
        )
    return matrix / unit


def _participation(matrix: Float64) -> float:
    return float(np.trace(matrix) ** 2 / np.vdot(matrix, matrix))


@measure
def effective_rank(moments: Moments) -> float:
    """exp(-sum p ln p), p the singular values of the centred rows over their sum: 1 to min(n-1, d).

    Singular values under rounding (sqrt(d eps) of the largest) count as 0.
    Roy and Vetterli 2007, EUSIPCO.
    """
    values = np.sqrt(moments.spectrum)
    share = values / values.sum()
    share = share[share > 0]
    return float(np.exp(-np.sum(share * np.log(share))))


@measure
def eigenvalue_early_enrichment(moments: Moments) -> float:
    """Area between the cumulative spectrum and its diagonal, k = min(n, d) components, over k sum(lambda)/2.

    0 (equal eigenvalues) to (1 - 1/k)^2 (one nonzero). Undefined for k = 1. Marbut et al. 2022, arXiv 2212.08172.
    """
    k = len(moments.spectrum)
    if moments.dimension < 2:
        raise Undefined("rows of one dimension have no early or late eigenvalues")
    total = moments.spectrum.sum()
    lead = np.cumsum(moments.spectrum) - np.arange(1, k + 1) * total / k
    return float(np.trapezoid(lead) / (k * total / 2.0))


@measure
def vasicek_ratio_mse(components: Components) -> float:
    """Mean over d of (1 - r)^2, r the entropy power (Vasicek 1976) of a principal component over a unit Gaussian's.

    Components are scaled so that their variances sum to d (the published script divides by a random number
    near d); one without variance has r = 0. 0 for a standard Gaussian; can pass 1. Needs n > 1.
    Marbut et al. 2022, arXiv 2212.08172.
    """
    d = components.dimension
    scaled = components.entropies + 0.5 * np.log(d / components.variances.sum())
    ratios = np.exp(scaled - 0.5 * np.log(2 * np.pi * np.e))
    return float((np.sum((1.0 - ratios) ** 2) + d - len(ratios)) / d)


@measure
def isoscore_corrected(moments: Moments) -> float:
    """`isoscore` from the corrected participation ratio: its mean is the population's value, at any n.

    Unclipped: by chance it may pass 1 (at truth 1 half of all draws do) or fall below 0.
    """
    if moments.dimension < 2:
        raise Undefined("rows of one dimension have no isotropy")
    return (participation_ratio_corrected.formula(moments) - 1.0) / (moments.dimension - 1.0)


@measure
def participation_ratio_corrected(moments: Moments) -> float:
    """Unbiased estimates of (tr S)^2 over tr S^2, each a mean over rows of distinct sequences.

    About 1 to d, not capped by n. Needs four sequences; undefined where the estimate of tr S^2 is not positive.
    Chen, Zhang and Zhong 2010, J. Am. Stat. Assoc. 105:810-819, with sequences in the place of rows.
    """
    moments.energy  # noqa: B018  # constant rows have no covariance to estimate
    if not moments.traces.trace_of_square > 0:
        raise Undefined("the unbiased estimate of tr S^2 is not positive")
    return moments.traces.squared_trace / moments.traces.trace_of_square
