"""What each measure gives on structureless points of the same n and d: by formula, or on a matched Gaussian cloud."""

from __future__ import annotations

import numpy as np

from geoscope.eigenvalues import eigenvectors
from geoscope.moments import Moments
from geoscope.principal_components import Components
from geoscope.rows import Float64, FloatArray, IntArray

_GRID = 4096


def participation_null(n: int, d: int) -> float:
    """Mean participation ratio of n isotropic Gaussian rows in d dimensions: (d m + 2)/(m + d + 1), m = n - 1."""
    m = n - 1
    return (d * m + 2) / (m + d + 1)


def shrunk_participation_null(n: int, d: int, zeta: float) -> float:
    """The same of (1 - zeta) C + zeta (tr C / d) I."""
    kept = (1.0 - zeta) ** 2
    return 1.0 / (kept / participation_null(n, d) + (1.0 - kept) / d)


def anisotropy_null(n: int, d: int) -> float:
    """Largest share of n isotropic Gaussian rows' energy along one axis: (sqrt n + sqrt d)^2 / (n d)."""
    return min(1.0, float((np.sqrt(n) + np.sqrt(d)) ** 2 / (n * d)))


def isotropic_spectrum(n: int, d: int) -> Float64:
    """The min(n - 1, d) expected covariance eigenvalues of n isotropic Gaussian rows, largest first.

    Quantiles of the Marchenko-Pastur law at the middle of each eigenvalue's share.
    """
    m = n - 1
    ratio = d / m
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    angle = (np.arange(_GRID) + 0.5) * np.pi / _GRID  # evens out the density's edges
    values = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
    weight = np.sin(angle) ** 2 / values
    count = min(m, d)
    share = np.cumsum(weight) / weight.sum()
    spectrum: Float64 = np.interp((np.arange(count) + 0.5) / count, share - weight / weight.sum() / 2, values)
    return spectrum


def isotropic_moments(n: int, d: int, like: Moments) -> Moments:
    """Moments whose spectrum is that of n isotropic Gaussian rows, for formulas that need nothing else."""
    from dataclasses import replace

    spectrum = isotropic_spectrum(n, d)
    padded = np.concatenate([spectrum, np.zeros(d - len(spectrum))]) * (n - 1)
    return replace(like, count=n, scatter=np.diag(padded), mean=np.zeros(d), resolution=0.0, step=0.0)


def isotropic_components(n: int, d: int, seed: int) -> Components:
    """Components of n isotropic Gaussian rows: Gaussian, of Marchenko-Pastur variances, with Vasicek's error at n.

    Several times over, so that the formulas' means over components are nearly expectations.
    """
    from geoscope.principal_components import vasicek_entropies

    copies = 1 + 1024 // d
    variances = np.tile(isotropic_spectrum(n, d), copies)
    repeats = int(np.clip(2_000_000 // n, 16, 512))
    normal = np.sort(np.random.default_rng([seed, n]).standard_normal((repeats, n)), axis=1)
    normal = (normal - normal.mean(axis=1, keepdims=True)) / normal.std(axis=1, ddof=1, keepdims=True)
    entropies = vasicek_entropies(normal)[np.arange(len(variances)) % repeats]
    return Components(variances, entropies + 0.5 * np.log(variances), copies * d)


def top_energy_null(n: int, d: int, top: int) -> float:
    """Expected share of the `top` largest of d independent equal variances, each from n rows."""
    from scipy.stats import norm

    place = (np.arange(1, top + 1) - 0.375) / (d + 0.25)
    return float(np.sum(1.0 + norm.isf(place) * np.sqrt(2.0 / (n - 1))) / d)


def matched_points(points: FloatArray, sequences: IntArray, seed: int) -> Float64:
    """Gaussian points (p, d) with the points' mean and their covariance between and within sequences.

    Sequence s gets b_s ~ N(0, B), each of its rows w ~ N(0, W) on top; W is pooled within sequences, B what the
    covariance of all rows has beyond it (negative directions clipped). With one row a sequence only the sum counts.
    """
    rows = np.asarray(points, dtype=np.float64)
    names, place, counts = np.unique(sequences, return_inverse=True, return_counts=True)
    mean = rows.mean(axis=0)
    centred = rows - mean
    total = centred.T @ centred / (len(rows) - 1)
    generator = np.random.default_rng([seed, 0x6E756C6C])
    if len(rows) == len(names):
        alone: Float64 = mean + _gaussian(total, len(rows), generator)
        return alone
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, place, centred)
    apart = centred - (sums / counts[:, None])[place]
    within = apart.T @ apart / (len(rows) - len(names))
    own = _gaussian(within, len(rows), generator)
    drawn: Float64 = mean + own + _gaussian(total - within, len(names), generator)[place]
    return drawn


def _gaussian(covariance: Float64, count: int, generator: np.random.Generator) -> Float64:
    values, vectors = eigenvectors(covariance)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    drawn: Float64 = generator.standard_normal((count, len(values))) @ root.T
    return drawn
