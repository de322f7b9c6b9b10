"""Intrinsic dimension by scikit-dimension's own estimators, each with its defaults, on rows freed of duplicates.

All are blind to shift, rotation and scale. On one cloud they differ by 2 to 5 times: each is compared with itself only.
They take at most 2,000 of the distinct rows, drawn by the seed. scikit-dimension comes with the extra `oracles`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.making import enough_distinct
from geoscope.requirements import require
from geoscope.rows import Float64

_FEW = "too few rows differ for the estimator"
_LEAST = 5  # rows: no estimator says anything of fewer


def load_skdim() -> Any:
    """scikit-dimension's estimators; GeoscopeError where it is not installed, or too old."""
    require("scikit-dimension")
    try:
        import skdim.id
    except ImportError as error:
        raise GeoscopeError(
            "expected scikit-dimension for the measures of the family skdim, got none installed; "
            "pip install 'geoscope[oracles]'"
        ) from error
    return skdim.id


@measure(undefined=_FEW, unit="dimensions")
def skdim_mle(distinct_sample: Float64) -> float:
    """skdim.id.MLE: the mean over rows of how their nearest rows' distances grow, by maximum likelihood.

    Levina and Bickel 2004, NeurIPS.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(skdim_mle(rows), 6)
    11.575166
    """
    return _dimension("MLE", distinct_sample)


@measure(undefined=_FEW, unit="dimensions")
def skdim_mom(distinct_sample: Float64) -> float:
    """skdim.id.MOM: from the mean distance of a row's nearest rows over that of the last of them, averaged over rows.

    Amsaleg et al. 2018, Data Min. Knowl. Discov. 32:1768.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(skdim_mom(rows), 6)
    8.893273
    """
    return _dimension("MOM", distinct_sample)


@measure(undefined=_FEW, unit="dimensions")
def skdim_corrint(distinct_sample: Float64) -> float:
    """skdim.id.CorrInt: slope of ln of the share of pairs within a radius on ln radius, between two radii.

    The radii are distances of pairs; rounding decides whether these count, which of few rows moves it by some percent.
    Grassberger and Procaccia 1983, Physica D 9:189.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(skdim_corrint(rows), 6)
    9.734515
    """
    return _dimension("CorrInt", distinct_sample)


@measure(undefined=_FEW, unit="dimensions")
def skdim_mada(distinct_sample: Float64) -> float:
    """skdim.id.MADA: ln 2 over ln of the distance of a row's k-th nearest over that of its k/2-th, averaged over rows.

    Farahmand et al. 2007, ICML.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(skdim_mada(rows), 6)
    11.561749
    """
    return _dimension("MADA", distinct_sample)


@measure(undefined=_FEW, unit="dimensions")
def skdim_tle(distinct_sample: Float64) -> float:
    """skdim.id.TLE: maximum likelihood in small neighbourhoods, from the distances of all their pairs.

    Amsaleg et al. 2019, SIAM Data Mining.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(skdim_tle(rows), 6)
    11.574485
    """
    return _dimension("TLE", distinct_sample)


@measure(undefined=_FEW, unit="dimensions")
def skdim_lpca(distinct_sample: Float64) -> float:
    """skdim.id.lPCA: how many eigenvalues of the covariance are above 5 % of the largest; a whole number.

    Fukunaga and Olsen 1971, IEEE Trans. Comput. C-20:176. Blind to all but the spectrum.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> skdim_lpca(rows)
    18.0
    """
    return _dimension("lPCA", distinct_sample)


@measure(undefined=f"{_FEW}, or every row can be told from all others by a plane", unit="dimensions")
def skdim_fishers(distinct_sample: Float64) -> float:
    """skdim.id.FisherS: of whitened rows on the sphere, how seldom a plane fails to tell one from the others.

    Albergante et al. 2019, IJCNN.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(skdim_fishers(rows), 6)
    8.995273
    """
    return _dimension("FisherS", distinct_sample)


def _dimension(name: str, rows: Float64) -> float:
    """What an estimator of that name makes of rows (n, d), with its defaults."""
    enough_distinct(len(rows))
    if len(rows) < _LEAST:
        raise Undefined(f"expected at least {_LEAST} distinct points, got {len(rows)}")
    estimator = getattr(load_skdim(), name)()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of divisions by 0, whose outcome is not finite
        try:
            found = float(estimator.fit(rows).dimension_)
        except (ValueError, ArithmeticError, IndexError, np.linalg.LinAlgError) as error:
            told = (str(error).splitlines() or [type(error).__name__])[0]
            raise Undefined(f"scikit-dimension's {name} stops on these points: {told}") from error
    if not np.isfinite(found):
        raise Undefined(f"scikit-dimension's {name} gives no finite number on these points")
    return found
