"""What each measure gives on structureless points of the same n and d: by formula, or on a matched Gaussian cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.collapse import left_out
from geoscope.measures.decay import rank_me_of
from geoscope.measures.energy import TOP_DIMENSIONS
from geoscope.measures.spectral import effective_rank
from geoscope.passes.asked_sums import Block, SpectralEntropies
from geoscope.passes.eigenvalues import eigenvectors
from geoscope.passes.moments import Moments, safe_scale
from geoscope.passes.passes import Passes
from geoscope.passes.principal_components import Components, vasicek_entropies
from geoscope.passes.row_products import sent
from geoscope.rows import Float64, FloatArray, IntArray
from geoscope.torch_state import runs_compiled

_GRID = 4096
_TRACY_WIDOM_MEAN = -1.2065335745820  # of the law's real case
_TOO_SMALL = 80  # for the limit of the largest eigenvalue
_SIMULATED = 128  # eigenvalues that are drawn, at most; of more, their limit's quantiles are within 1 % of simulation
_MATCHED_SEQUENCES = 64  # whose mean is within a few thousandths of what many give
_NULL_SALT = 0x6E756C6C
_KEPT = 256  # sizes of clouds that nulls are remembered of: every layer of a model has the same


def participation_null(n: int, d: int) -> float:
    """Mean participation ratio of n isotropic Gaussian rows in d dimensions: (d m + 2)/(m + d + 1), m = n - 1."""
    m = n - 1
    return (d * m + 2) / (m + d + 1)


def shrunk_participation_null(n: int, d: int, zeta: float) -> float:
    """The same of (1 - zeta) C + zeta (tr C / d) I."""
    kept = (1.0 - zeta) ** 2
    return 1.0 / (kept / participation_null(n, d) + (1.0 - kept) / d)


def anisotropy_null(n: int, d: int, *, centred: bool = True) -> float:
    """Largest share of n isotropic Gaussian rows' energy along one axis, on average.

    (mu - 1.2065 sigma)/(m d), m = n - 1 (n if not centred): the mean of the Tracy-Widom law that the largest eigenvalue
    of a Wishart matrix tends to, with r = sqrt(m - 1/2), s = sqrt(d - 1/2), mu = (r + s)^2 and
    sigma = (r + s)(1/r + 1/s)^(1/3). Within 2 % of simulation; where m d < 80 it is up to 30 % too low, and drawn.
    Johnstone 2001, Ann. Stat. 29:295-327; the halves are Ma's 2012, Bernoulli 18:322-359.
    """
    m = n - 1 if centred else n
    if m * d < _TOO_SMALL:
        drawn = _drawn_spectra(min(m, d), max(m, d))
        return float(np.mean(drawn[:, 0] / drawn.sum(axis=1)))
    r, s = np.sqrt(m - 0.5), np.sqrt(d - 0.5)
    largest = (r + s) ** 2 + _TRACY_WIDOM_MEAN * (r + s) * (1 / r + 1 / s) ** (1 / 3)
    return float(np.clip(largest / (m * d), 1 / min(m, d), 1.0))


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of a covariance in the place of moments, for formulas that read nothing else of them."""

    spectrum: Float64
    dimension: int


@lru_cache(_KEPT)
def spectral_null(formula: Callable[..., float], n: int, d: int, settings: tuple[tuple[str, Any], ...] = ()) -> float:
    """What a formula over the spectrum gives on average for n isotropic Gaussian rows."""
    return float(np.mean([formula(Spectrum(values, d), **dict(settings)) for values in isotropic_spectra(n, d)]))


@lru_cache(_KEPT)
def components_null(formula: Callable[..., float], n: int, d: int) -> float:
    """What a formula over principal components gives on average for n isotropic Gaussian rows.

    Their variances are those of `isotropic_spectra`, and their scores Gaussian, independent of the variances. Clouds of
    one total variance stand side by side as one: a formula's mean over components is then its mean over clouds too.
    """
    spectra = isotropic_spectra(n, d)[:, : n - 1]
    entropies = _standard_entropies(n)
    repeats = -(-len(entropies) // spectra.size)
    variances = np.tile((spectra / spectra.sum(axis=1, keepdims=True)).ravel(), repeats)
    each = np.resize(entropies, len(variances)) + 0.5 * np.log(variances)
    return float(formula(Components(variances, each, len(spectra) * repeats * d)))


def isotropic_spectra(n: int, d: int) -> Float64:
    """Covariance eigenvalues (clouds, min(n, d)) of isotropic Gaussian clouds of n rows, largest first, on some scale.

    Where at most 128 of them are not 0, those of 16 to 1,024 clouds, always the same, drawn in some 20 ms; else one
    row, the quantiles of the Marchenko-Pastur law.
    """
    nonzero, more = min(n - 1, d), max(n - 1, d)
    spectra = _drawn_spectra(nonzero, more) if nonzero <= _SIMULATED else isotropic_spectrum(n, d)[None]
    return np.pad(spectra, ((0, 0), (0, min(n, d) - nonzero)))


@lru_cache(_KEPT)
def _drawn_spectra(p: int, q: int) -> Float64:
    """Eigenvalues (clouds, p) of Wishart matrices of order p and q >= p degrees of freedom, largest first.

    From their bidiagonal form: chi variables of q, ..., q - p + 1 degrees on its diagonal and p - 1, ..., 1 beside it.
    Dumitriu and Edelman 2002, J. Math. Phys. 43:5830-5847.
    """
    clouds = int(np.clip(160_000 // p**2, 16, 1024))  # functions of more eigenvalues vary less between clouds
    generator = np.random.default_rng([p, q])
    diagonal = generator.chisquare(np.arange(q, q - p, -1), (clouds, p))
    beside = generator.chisquare(np.arange(p - 1, 0, -1), (clouds, p - 1))
    at = np.arange(p)
    wishart = np.zeros((clouds, p, p))
    wishart[:, at, at] = diagonal
    wishart[:, at[1:], at[1:]] += beside
    wishart[:, at[1:], at[:-1]] = np.sqrt(diagonal[:, :-1] * beside)  # the lower triangle is all that is read
    values: Float64 = np.clip(np.linalg.eigvalsh(wishart)[:, ::-1], 0.0, None)
    return values


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


@lru_cache(_KEPT)
def _standard_entropies(n: int) -> Float64:
    """Vasicek's entropies of samples of n from a Gaussian, each about its own mean and divided by its own spread."""
    repeats = int(np.clip(600_000 // n, 16, 8192))
    normal = np.sort(np.random.default_rng(n).standard_normal((repeats, n)), axis=1)
    normal = (normal - normal.mean(axis=1, keepdims=True)) / normal.std(axis=1, ddof=1, keepdims=True)
    return vasicek_entropies(normal)


def top_energy_null(n: int, d: int, top: int) -> float:
    """Expected share of the `top` largest of d independent equal variances, each from n rows.

    E[sum of the `top` largest]/((n - 1) d) of d chi-squared variables of n - 1 degrees, by quadrature over the normal
    quantiles of one of them: it is among the largest where fewer than `top` of the others are above it.
    """
    from scipy.special import bdtr, gammainccinv, ndtr

    degrees = n - 1
    z = np.linspace(-9.0, 9.0, 1801)
    above = ndtr(-z)
    values = 2.0 * gammainccinv(degrees / 2, above)
    weight = np.exp(-0.5 * z * z) * bdtr(top - 1, d - 1, above)
    return float(np.sum(values * weight) / (np.sum(np.exp(-0.5 * z * z)) * degrees))


@lru_cache(_KEPT)
def raw_spectral_null(n: int, d: int) -> float:
    """RankMe of n isotropic Gaussian rows, on average: as many uncentred rows spread as one more about their mean."""
    return float(np.mean([rank_me_of(values[: min(n, d)]) for values in isotropic_spectra(n + 1, d)]))


def largest_ratio_null(n: int, means: Float64, variances: Float64) -> float:
    """The median of the largest absolute value of n Gaussian rows over the median of all: means, variances (d,).

    What values share is left out of account: the largest of fewer independent ones is a little smaller.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    spread = np.sqrt(np.maximum(variances, np.finfo(np.float64).tiny))
    spread = np.maximum(spread, 1e-9 * (np.abs(means).max() + spread.max()))

    def beyond(size: float) -> Float64:
        found: Float64 = ndtr((means - size) / spread) + ndtr((-means - size) / spread)
        return found

    most = float(np.max(np.abs(means) + 40.0 * spread))
    usual = brentq(lambda size: float(beyond(size).mean()) - 0.5, 0.0, most, xtol=1e-14 * most)
    largest = brentq(
        lambda size: n * float(np.log1p(-np.minimum(beyond(size), 1.0 - 1e-16)).sum()) + np.log(2.0), usual / 2, most
    )
    return float(largest / usual)


@lru_cache(_KEPT)
def largest_kurtosis_null(n: int, d: int) -> float:
    """Expected largest of d kurtoses m4 / m2^2, each of n independent Gaussian values.

    By quadrature over one kurtosis's normal score, which turns into a kurtosis by Anscombe and Glynn 1983, Biometrika
    70:227-234.
    """
    from scipy.special import log_ndtr

    mean = 3.0 * (n - 1) / (n + 1)
    variance = 24.0 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    skewness = (
        6.0 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9)) * np.sqrt(6.0 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    )
    degrees = 6.0 + 8.0 / skewness * (2.0 / skewness + np.sqrt(1.0 + 4.0 / skewness**2))
    z = np.linspace(-8.0, 8.0, 4001)
    weight = np.diff(np.exp(d * log_ndtr(z)), prepend=0.0)
    root = 1.0 - 2.0 / (9.0 * degrees) - z * np.sqrt(2.0 / (9.0 * degrees))
    score = ((1.0 - 2.0 / degrees) / root**3 - 1.0) / np.sqrt(2.0 / (degrees - 4.0))
    return float(np.sum(weight * np.clip(mean + np.sqrt(variance) * score, 1.0, n)) / weight.sum())


@dataclass(frozen=True)
class Structureless:
    """A measure's formula with the settings that are its own, and what it is of: n rows of the cloud of some passes."""

    formula: Callable[..., float]
    settings: Mapping[str, Any]
    n: int
    passes: Passes

    @property
    def d(self) -> int:
        return int(self.passes.points.shape[1])


def _position_0_share(of: Structureless) -> float:
    moments: Moments = of.passes.get("moments")
    return moments.first_count / moments.count


def _isoscore(of: Structureless) -> float | None:
    zeta = of.settings.get("isoscore_zeta", 0.0)
    if of.settings.get("isoscore_reference") is not None and zeta > 0:
        return None
    return (shrunk_participation_null(of.n, of.d, zeta) - 1.0) / (of.d - 1.0)


def _rank_share(of: Structureless) -> float | None:
    kept = of.d - left_out(of.d)
    most = min(of.n - 1, kept)
    return None if most < 2 else (spectral_null(effective_rank.formula, of.n, kept) - 1.0) / (most - 1.0)


def _largest_ratio(of: Structureless) -> float | None:
    moments: Moments = of.passes.get("moments")
    return largest_ratio_null(moments.count, moments.mean, np.diag(moments.covariance))


CLOSED: dict[str, Callable[[Structureless], float | None]] = {
    "zero": lambda of: 0.0,
    "one": lambda of: 1.0,
    "one-of-n": lambda of: 1.0 / of.n,
    "dimension": lambda of: float(of.d),
    "position-0-share": _position_0_share,
    "largest-share": lambda of: anisotropy_null(of.n, of.d),
    "largest-uncentred-share": lambda of: anisotropy_null(of.n, of.d, centred=False),
    "participation": lambda of: shrunk_participation_null(of.n, of.d, 0.0),
    "isotropic-isoscore": _isoscore,
    "spectrum": lambda of: spectral_null(of.formula, of.n, of.d, tuple(of.settings.items())),
    "rank-share": _rank_share,
    "components": lambda of: components_null(of.formula, of.n, of.d),
    "top-dimensions": lambda of: top_energy_null(of.n, of.d, TOP_DIMENSIONS),
    "raw-spectrum": lambda of: raw_spectral_null(of.n, of.d),
    "matched-values": _largest_ratio,
    "largest-kurtosis": lambda of: largest_kurtosis_null(of.n, of.d) if of.n > 3 else None,
    "any-order": lambda of: 120.0,
}
"""The nulls that a formula gives, by the catalogue's names; None where the settings leave none."""


def closed_null(name: str, of: Structureless) -> float | None:
    """The null of that name, or None where there is none."""
    return CLOSED[name](of) if of.n >= 3 else None


def matched_points(points: FloatArray, sequences: IntArray, seed: int, device: str = "cpu") -> Float64:
    """Gaussian points (p, d) with the points' mean and their covariance between and within sequences.

    At a scale whose squares stay in range: what is measured of them is blind to it.
    Sequence s gets b_s ~ N(0, B), each of its rows w ~ N(0, W) on top; W is pooled within sequences, B what the
    covariance of all rows has beyond it (negative directions clipped). With one row a sequence only the sum counts.
    device: where the covariances are made and decomposed; numbers are drawn on the CPU, the same ones.
    """
    names, place = np.unique(sequences, return_inverse=True)
    generator = np.random.default_rng([seed, _NULL_SALT])
    mean, within, between = _covariances(points, names, place, device)
    own = _gaussian(_root(within, device), len(points), generator)
    if between is None:
        alone: Float64 = mean + own
        return alone
    drawn: Float64 = mean + own + _gaussian(_root(between, device), len(names), generator)[place]
    return drawn


def matched_sequences(passes: Passes, sizes: Mapping[int, int]) -> SpectralEntropies:
    """The entropies of sequences of such points, of as many rows as some have: sizes, of each how many have it.

    Of at most _MATCHED_SEQUENCES, evenly from the shortest to the longest. Raises Undefined where no two points are of
    one sequence, whose covariance they would have.
    """
    mean, within, between = _parted_covariance(passes)
    generator = np.random.default_rng([passes.settings.quantizer.seed, _NULL_SALT])
    lengths = np.repeat(sorted(sizes), [sizes[size] for size in sorted(sizes)])
    count = min(len(lengths), _MATCHED_SEQUENCES)
    device = passes.settings.device
    roots, found = (_root(within, device), _root(between, device)), SpectralEntropies.empty(len(mean))
    for place in ((np.arange(count) + 0.5) * len(lengths) / count).astype(np.int64):
        rows = _gaussian(roots[0], lengths[place], generator) + mean + _gaussian(roots[1], 1, generator)
        found.add(Block(rows, rows, np.zeros(len(rows), dtype=np.int64), None, None, 0.0))
    return found


def _parted_covariance(passes: Passes) -> tuple[Float64, Float64, Float64]:
    """The points' mean and covariances within and between sequences; without a product where all rows are points."""
    moments: Moments = passes.get("moments")
    points, sequences = passes.points, passes.groups
    order = np.argsort(sequences, kind="stable")
    names, starts, counts = np.unique(sequences[order], return_index=True, return_counts=True)
    if len(points) == len(names):
        raise Undefined("no two points are of one sequence")
    mean, scatter = moments.mean, moments.scatter
    centred = np.asarray(points[order], dtype=np.float64) * moments.scale
    if moments.count != len(points):
        mean = centred.mean(axis=0)
    centred -= mean
    if moments.count != len(points):
        scatter = _scatter(centred, passes.settings.device)
    sums = np.add.reduceat(centred, starts, axis=0) / np.sqrt(counts)[:, None]
    within = (scatter - _scatter(sums, passes.settings.device)) / (len(points) - len(names))
    return mean, within, scatter / (len(points) - 1) - within


def _covariances(
    points: FloatArray, names: IntArray, place: IntArray, device: str
) -> tuple[Float64, Float64, Float64 | None]:
    """The points' mean and their covariances within and between sequences; one of all where each is its own sequence.

    place: (p,) which of `names` each point's sequence is.
    """
    rows = np.asarray(points, dtype=np.float64) * safe_scale(points)
    mean = rows.mean(axis=0)
    centred = rows - mean
    total = _scatter(centred, device) / (len(rows) - 1)
    if len(rows) == len(names):
        return mean, total, None
    counts = np.bincount(place)
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, place, centred)
    apart = centred - (sums / counts[:, None])[place]
    within = _scatter(apart, device) / (len(rows) - len(names))
    return mean, within, total - within


def _scatter(rows: Float64, device: str) -> Float64:
    """rows' rows of rows (n, d): (d, d)."""
    if runs_compiled(device):
        products: Float64 = rows.T @ rows
        return products
    held = sent(rows, device)
    found: Float64 = (held.T @ held).cpu().numpy()
    return found


def _root(covariance: Float64, device: str) -> Any:
    """The symmetric R (d, d) whose R R is the covariance: an array, a tensor on other devices than the CPU.

    Unlike one of eigenvectors alone it is moved by rounding no more than by rounding: these may point either way, and
    turn where eigenvalues are nearly equal, which would make another draw of the same numbers.
    """
    values, vectors = eigenvectors(covariance, device)
    half = sent(np.asarray(vectors * np.clip(values, 0.0, None) ** 0.25, dtype=np.float64), device)
    root = half @ half.T
    return root.numpy() if runs_compiled(device) else root


def _gaussian(root: Any, count: int, generator: np.random.Generator) -> Float64:
    normal = generator.standard_normal((count, len(root)))
    if isinstance(root, np.ndarray):
        drawn: Float64 = normal @ root.T
        return drawn
    found: Float64 = (sent(normal, root.device) @ root.T).cpu().numpy()
    return found
