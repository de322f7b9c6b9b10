"""The measures that scikit-dimension computes: one literal row each, measured where they are asked for."""

from __future__ import annotations

from geoscope.catalogue.traits import MATCHED, TEXT, Measure

_LEVINA = "Levina and Bickel 2004, NeurIPS"
_AMSALEG18 = "Amsaleg et al. 2018, doi 10.1007/s10618-018-0578-6"
_GRASSBERGER = "Grassberger and Procaccia 1983, doi 10.1016/0167-2789(83)90298-1"
_FARAHMAND = "Farahmand et al. 2007, ICML"
_AMSALEG19 = "Amsaleg et al. 2019, doi 10.1137/1.9781611975673.21"
_FUKUNAGA = "Fukunaga and Olsen 1971, doi 10.1109/T-C.1971.223208"
_ALBERGANTE = "Albergante et al. 2019, arXiv 1901.06328"

_COST = "p^2 d, then scikit-dimension on 2,000 rows"
_NO_ERROR = (
    "scikit-dimension computes the value, and whether its spread over parts of the sequences is its error is not known"
)

SKDIM_MEASURES: tuple[Measure, ...] = (
    Measure(
        "skdim_mle", "skdim", "mean over rows of the maximum likelihood estimate from their nearest rows' distances",
        "0 or more, without end", "larger: more dimensions locally", MATCHED, _COST,
        "the scale beyond the 20 nearest, and sequences", _LEVINA,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", no_error=_NO_ERROR, group="skdim",
    ),
    Measure(
        "skdim_mom", "skdim", "dimension by the mean of a row's nearest distances over the last of them",
        "0 or more, without end", "larger: more dimensions locally", MATCHED, _COST,
        "the scale beyond the 100 nearest, and sequences", _AMSALEG18,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", no_error=_NO_ERROR, group="skdim",
    ),
    Measure(
        "skdim_corrint", "skdim", "correlation dimension: how the share of near pairs grows with the radius",
        "0 or more, without end", "larger: more dimensions locally", MATCHED, _COST,
        "rows far from all others; of few rows, rounding moves it by some percent", _GRASSBERGER,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", no_error=_NO_ERROR, group="skdim",
    ),
    Measure(
        "skdim_mada", "skdim", "dimension by the distances of a row's k-th and k/2-th nearest",
        "0 or more, without end", "larger: more dimensions locally", MATCHED, _COST,
        "the scale beyond the 20 nearest, and sequences", _FARAHMAND,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", no_error=_NO_ERROR, group="skdim",
    ),
    Measure(
        "skdim_tle", "skdim", "maximum likelihood in small neighbourhoods, from all their pairs",
        "0 or more, without end", "larger: more dimensions locally", MATCHED, _COST,
        "the scale beyond the 20 nearest, and sequences", _AMSALEG19,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", no_error=_NO_ERROR, group="skdim",
    ),
    Measure(
        "skdim_lpca", "skdim", "how many covariance eigenvalues are above 5 % of the largest",
        "1 to min(n-1, d)", "larger: more dimensions hold variance", MATCHED, _COST,
        "all but the spectrum; small changes, being whole", _FUKUNAGA,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", no_error=_NO_ERROR, group="skdim",
    ),
    Measure(
        "skdim_fishers", "skdim", "dimension of a sphere whose points are told apart by planes as seldom",
        "0 or more, without end", "larger: more dimensions in use", MATCHED, _COST,
        "lengths: whitened rows are put on the sphere", _ALBERGANTE,
        sees="pairs", moves_with=TEXT, null_by="matched", error="none", no_error=_NO_ERROR, group="skdim",
    ),
)  # fmt: skip
