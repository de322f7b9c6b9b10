"""What the tests ask of each measure, beside its row in the catalogue: values from elsewhere, and what moves it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.optimize import brentq
from scipy.stats import differential_entropy, entropy, kurtosis, skew

from geoscope import measures


@dataclass(frozen=True)
class Cloud:
    """Rows with the sequence and the position of each."""

    rows: Any
    groups: Any
    positions: Any

    def measure(self, key: str) -> float:
        """The measure of that key, with the settings that it takes."""
        given = {"groups": self.groups, "positions": self.positions, "codebooks": 2, "bits": 3}
        called = getattr(measures, key)
        return called(
            self.rows, **{name: given[name] for name in inspect.signature(called).parameters if name in given}
        )

    def take(self, order: Any) -> Cloud:
        return Cloud(self.rows[order], self.groups[order], self.positions[order])


def _gaussian(seed: int, n: int, d: int) -> Any:
    return np.random.default_rng(seed).standard_normal((n, d))


_G = np.random.default_rng(2)
_TURNS = {8: np.linalg.qr(_G.standard_normal((8, 8)))[0], 24: np.linalg.qr(_gaussian(3, 24, 24))[0]}
_OWN = (_G.standard_normal((32, 8))[np.arange(128) // 4] + _G.standard_normal((128, 8))) * np.linspace(1, 2, 8) + 0.7
CLOUD = Cloud(np.round(256 * _OWN) / 256, np.arange(128) // 4, np.arange(128) % 4)
"""So many rows of so few digits that their mean is exact: about it they are the same wherever the cloud lies."""

CHANGES: dict[str, Callable[[Cloud], Cloud]] = {
    "rotation": lambda cloud: replace(cloud, rows=cloud.rows @ _TURNS[cloud.rows.shape[1]]),
    "translation": lambda cloud: replace(cloud, rows=cloud.rows + np.arange(1, 1 + cloud.rows.shape[1])),
    "scaling": lambda cloud: replace(cloud, rows=cloud.rows * 8),
    "permutation": lambda cloud: cloud.take(np.random.default_rng(1).permutation(len(cloud.rows))),
    "duplication": lambda cloud: cloud.take(np.repeat(np.arange(len(cloud.rows)), 2)),
}
"""What may be done to a cloud; a row's copy is of its sequence and position."""

WIDE = Cloud(
    np.round(256 * _OWN[:, np.arange(24) % 8] * _G.standard_normal((128, 24))) / 256, CLOUD.groups, CLOUD.positions
)
"""As CLOUD, of 24 dimensions, for what needs so many."""

_EVERY = frozenset(CHANGES)


@dataclass(frozen=True)
class Known:
    """A value that geoscope had no part in, by hand, printed or made of the rows by other code; source says whose."""

    value: Any
    source: str
    rows: Any
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """The tests' row of one measure.

    holds: which CHANGES leave it as it is, up to rounding; it must move with each of the others. Those of them that the
    catalogue's `blind_to` speaks of stand here. cloud: what is changed.
    """

    known: tuple[Known, ...]
    holds: frozenset[str] = _EVERY
    cloud: Cloud = CLOUD


def row_of(key: str) -> Row:
    """The tests' row of a measure; a test that asks for one that is not there fails and says what to write."""
    if key not in ROWS:
        pytest.fail(
            f"{key} has a row in geoscope/catalogue/ and none in ROWS of tests/measure_rows.py; add "
            f'"{key}": Row(known, holds) there, with a value known from elsewhere and the changes that do not move it'
        )
    return ROWS[key]


def _first_share(rows: Any) -> float:
    squares = np.linalg.svd(rows, compute_uv=False) ** 2
    return float(squares[0] / squares.sum())


def _mean_cosine(rows: Any) -> float:
    units = rows / np.linalg.norm(rows, axis=1)[:, None]
    return float((units @ units.T)[~np.eye(len(rows), dtype=bool)].mean())


def _vasicek(rows: Any) -> float:
    centred = rows - rows.mean(axis=0)
    scores = centred @ np.linalg.eigh(centred.T @ centred)[1]
    scores *= np.sqrt(rows.shape[1] / scores.var(axis=0, ddof=1).sum())
    powers = np.exp(differential_entropy(scores, method="vasicek")) / np.sqrt(2 * np.pi * np.e)
    return float(np.mean((1 - powers) ** 2))


def _two_nn_across(rows: Any) -> float:
    apart = np.linalg.norm(rows[:, None] - rows, axis=2)
    apart[CLOUD.groups[:, None] == CLOUD.groups] = np.inf
    ratios = np.log(np.divide(*np.sort(apart, axis=1)[:, 1::-1].T))
    kept = np.sort(ratios)[: int(0.9 * len(rows))]
    rise = -np.log(1 - np.arange(1, len(kept) + 1) / len(rows))
    return float(kept @ rise / (kept @ kept))


def _sorted_distances(rows: Any, across: bool) -> Any:
    """Each row's distances to the others, or to those of other sequences of CLOUD, in order; infinite ones last."""
    apart = np.linalg.norm(rows[:, None] - rows, axis=2)
    apart[CLOUD.groups[:, None] == CLOUD.groups if across else np.eye(len(rows), dtype=bool)] = np.inf
    return np.sort(apart, axis=1)


def _gride(k: int, across: bool = False) -> Callable[[Any], float]:
    """By bisection of the likelihood's equation as Denti et al. have it, n1 = k and n2 = 2k."""

    def value(rows: Any) -> float:
        near = _sorted_distances(rows, across)
        ratios = near[:, 2 * k - 1] / near[:, k - 1]
        logs = np.log(ratios)

        def excess(d: float) -> float:
            of_powers = np.sum(ratios**d * logs / (ratios**d - 1))
            return float((len(rows) - 1) / d + (k - 1) * of_powers - (2 * k - 1) * logs.sum())

        return float(brentq(excess, 1e-3, 100.0, xtol=1e-13, rtol=1e-14))

    return value


def _scale_slope(rows: Any) -> float:
    return float(np.log(_gride(8, True)(rows) / _gride(1, True)(rows)) / np.log(8))


def _tree_growth(rows: Any) -> float:
    """scipy's single linkage of all rows and of the halves that numpy's generator of seed 0 draws."""
    n, g = len(rows), np.random.default_rng(0)
    halves = [linkage(rows[g.permutation(n)[: n // 2]], "single")[:, 2].sum() for _ in range(20)]
    grown = (np.log(linkage(rows, "single")[:, 2].sum()) - np.mean(np.log(halves))) / np.log(n / (n // 2))
    return float(1 / (1 - grown))


def _occurrences(rows: Any, across: bool) -> Any:
    """By each row's tenth smallest distance."""
    apart = np.linalg.norm(rows[:, None] - rows, axis=2)
    apart[CLOUD.groups[:, None] == CLOUD.groups if across else np.eye(len(rows), dtype=bool)] = np.inf
    return (apart <= np.sort(apart, axis=1)[:, 9:10]).sum(axis=0)


def _hubness(across: bool) -> Callable[[Any], float]:
    return lambda rows: float(skew(_occurrences(rows, across)))


def _antihubs(across: bool) -> Callable[[Any], float]:
    return lambda rows: float(np.mean(_occurrences(rows, across) == 0))


_CROSS = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])  # variances 4 to 1, about 0
_CONE = _CROSS + np.array([10, 0])
_POINTS = np.array([[0.0, 0], [1, 0], [0, 2], [3, 1]])
_LINE = np.array([[0.0], [1], [3]])  # bars 1 and 2
_SPLIT = np.array([[0.0], [1], [2], [50]])  # two cells, of 3 rows and 1
_TWO_PAIRS = np.array([[0.0], [2], [10], [12]])  # two cells: an error of 4, of 248, or of 104 about the mean
_HALVES = np.array([[0.0], [1], [9], [10]] * 4)  # the same rows in four sequences: an error of 1 of 182 in each
_OF_HALVES = {"groups": np.arange(16) // 4}
_TWO_CELLS = {"quantizer": "kmeans", "bits": 1}
_I, _J = np.arange(60)[:, None], np.arange(4)
_WAVES = np.sin(0.7 * _I * (_J + 1) + 0.3 * _J) + 0.1 * _J * np.cos(0.05 * _I)
_NESTS = np.concatenate([np.linspace(0, 1, 20) + place for place in (0, 30, 70)])[:, None]
_CHAIN = np.array([[0.0], [1], [10], [11], [12.5]])
_SINK = np.array([[3.0, 0], [-1, 0], [-1, 0], [-1, 0]])
_ROGUE = np.diag([2.0, 1, 1, 1, 1])
_STAR = {"isoscore_zeta": 0.5, "isoscore_reference": np.eye(2)}
_RIPSER, _SKDIM, _AUTHORS = "ripser 0.6", "scikit-dimension 0.5", "the authors' IsoScore 2.0.1"

_GAPS = np.array([[0.0], [1], [3], [7]])
_MASSIVE = np.zeros((2, 16))
_MASSIVE[:, :4] = [[100, 100, 3, 1], [100, 100, 1, -1]]
_ROGUES = _gaussian(0, 200, 16) * np.r_[[50.0, 40.0], np.linspace(1, 3, 14)]


def _rank_share(rows: Any) -> float:
    """Without the two of 16 dimensions that vary most, by singular values."""
    values = np.linalg.svd((rows - rows.mean(axis=0))[:, 2:], compute_uv=False)
    return (np.exp(entropy(values)) - 1) / 13


# Measures of every row that the field has come to use since: values of a decaying cloud P, and of what is made of it,
# by a second implementation and to the digits that it states; beside them those by other code.

_P = _gaussian(0, 500, 20) * np.arange(1, 21) ** -0.5
_W = _gaussian(0, 1000, 128) * np.arange(1, 129) ** -0.5
_SEQUENCE, _POSITION = np.arange(500) // 10, np.arange(500) % 10
_S = _P + 2 * _gaussian(1, 50, 20)[_SEQUENCE] * np.arange(1, 21) ** -0.5
_COPIES = np.vstack([_P, _P[:50]])
_PEAKS = _P + 100 * np.outer(_POSITION == 0, np.arange(20) == 3)
_IN_SEQUENCES = {"groups": _SEQUENCE}
_TOKENS = {"groups": _SEQUENCE, "positions": _POSITION}
_WALK = np.cumsum(_P.reshape(50, 10, 20), axis=1).reshape(500, 20)
_ROUND = np.stack([np.cos(np.arange(64) * np.pi / 32), np.sin(np.arange(64) * np.pi / 32)], axis=1)
_ONE_SEQUENCE = {"groups": np.zeros(64, dtype=int), "positions": np.arange(64)}
_FIELD = "a second implementation"


def _near(value: float, digits: float) -> Any:
    """A value as it is stated, to so many digits after the point."""
    return pytest.approx(value, rel=0, abs=0.51 * 10.0**-digits)


def _rank_me(rows: Any) -> float:
    values = np.linalg.svd(rows, compute_uv=False)
    return float(np.exp(entropy(values / values.sum())))  # without the 1e-7


def _power_law(rows: Any, first: int = 11) -> Any:
    """Exponent and R^2 by numpy's weighted polynomial fit."""
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)[first - 1 : 100] ** 2
    i = np.arange(first, first + len(values))
    line = np.polyfit(np.log(i), np.log(values), 1, w=i**-0.5)
    y, weights = np.log(values), 1 / i
    left = np.average((y - np.polyval(line, np.log(i))) ** 2, weights=weights)
    return -line[0], 1 - left / np.average((y - np.average(y, weights=weights)) ** 2, weights=weights)


def _mean_angle(rows: Any) -> float:
    """In degrees, of CLOUD's sequences, by arccos of one pair of steps after the other."""
    means = []
    for name in np.unique(CLOUD.groups):
        steps = np.diff(rows[CLOUD.groups == name], axis=0)
        units = steps / np.linalg.norm(steps, axis=1)[:, None]
        means.append(np.mean([np.arccos(one @ other) for one, other in pairwise(units)]))
    return float(np.degrees(np.mean(means)))


def _mean_entropy(rows: Any) -> float:
    """Of CLOUD's sequences, by singular values."""
    found = []
    for name in np.unique(CLOUD.groups):
        squares = np.linalg.svd(rows[CLOUD.groups == name], compute_uv=False) ** 2
        found.append(entropy(squares / squares.sum()) / np.log(4))
    return float(np.mean(found))


_CUBE = np.random.default_rng(0).random((2000, 5))
_SQUARE = np.random.default_rng(0).random((2000, 2))
_TWO_LIBRARIES = "scikit-dimension 0.5 and DADApy 0.3.4, to ten digits"
_ROOTS = "scipy's root of the likelihood's equation, distances of numpy"
_ALL_PAIRS = "numpy, over all pairs"
_COUNTED = "a stable sort of exact distances, and a threshold at the tenth"


def _scaled(k: int, plain: float, huddled: float, cube: float) -> Row:
    """Gride's: of _P also where it lies far off, and with copies of some rows."""
    return Row(
        (
            *(Known(plain, _TWO_LIBRARIES, rows) for rows in (_P, _P + 1000, _COPIES)),
            Known(huddled, "scikit-dimension 0.5", _S),
            Known(cube, "scikit-dimension 0.5", _CUBE),
            Known(_gride(k), _ROOTS, CLOUD.rows),
        )
    )


def _scaled_across(k: int, plain: float, huddled: float) -> Row:
    return Row(
        (
            Known(plain, "a bracketed root and Newton's, to ten digits", _P, _IN_SEQUENCES),
            Known(huddled, "a bracketed root and Newton's, to ten digits", _S, _IN_SEQUENCES),
            Known(_gride(k, True), _ROOTS, CLOUD.rows, {"groups": CLOUD.groups}),
        )
    )


ROWS: dict[str, Row] = {
    **{
        key: Row((Known(value, _SKDIM, _P), Known(value, _SKDIM, _P + 1000)))
        for key, value in {
            "skdim_mle": 11.57516611,
            "skdim_mom": 8.893273143,
            "skdim_corrint": 9.734514931,
            "skdim_mada": 11.56174933,
            "skdim_tle": 11.57448485,
            "skdim_lpca": 18,
            "skdim_fishers": 8.995273127,
        }.items()
    },
    "anisotropy": Row(
        (
            Known(4 / 5, "by hand: variances 4 and 1", _CROSS),
            Known(lambda rows: _first_share(rows - rows.mean(axis=0)), "numpy's singular values", CLOUD.rows),
        )
    ),
    "anisotropy_uncentered": Row(
        (
            Known(408 / 410, "by hand: squares 144 + 64 + 100 + 100 along the first axis, and 2", _CONE),
            Known(_first_share, "numpy's singular values", CLOUD.rows),
        ),
        _EVERY - {"translation"},
    ),
    "average_cosine_similarity": Row(
        (
            Known(-1 / 3, "by hand: -1/(n - 1), the unit rows sum to 0", _CROSS),
            Known(_mean_cosine, "numpy, over all pairs", CLOUD.rows),
        ),
        _EVERY - {"translation", "duplication"},
    ),
    "isoscore_star": Row(
        (
            Known(0.9073972603, _AUTHORS, _POINTS, _STAR),
            Known(0.7575322812, _AUTHORS, _POINTS),
        )
    ),
    "isoscore": Row((Known(0.7575322812, _AUTHORS, _POINTS), Known(8 / 17, "by hand: 25/17 - 1", _CROSS))),
    "participation_ratio": Row((Known(25 / 17, "by hand: (4 + 1)^2 / (16 + 1)", _CROSS),)),
    "effective_rank": Row((Known(3 / 4 ** (1 / 3), "by hand: entropy of 2/3 and 1/3", _CROSS),)),
    "eigenvalue_early_enrichment": Row((Known(0.15, "by hand: a triangle 0.3 high and 1 long, of 2 / 2", _CROSS),)),
    "vasicek_ratio_mse": Row(
        (Known(_vasicek, "scipy's differential_entropy", _WAVES),),
        _EVERY - {"duplication"},
    ),
    "isoscore_corrected": Row((Known(33 / 7, "by hand, as participation_ratio_corrected", _POINTS),)),
    "participation_ratio_corrected": Row(
        (Known(80 / 14, "by hand: (10 + 20 + 50)/(9 + 4 + 1), over the three pairs of differences of 4 rows", _POINTS),)
    ),
    "persistent_entropy": Row(
        (
            Known(np.log(3) - 2 / 3 * np.log(2), "by hand: p = 1/3 and 2/3", _LINE),
            Known(5.2851947779, _RIPSER, _gaussian(0, 200, 16)),
        )
    ),
    "persistent_entropy_normalized": Row((Known(0.998467867024, _RIPSER, _gaussian(0, 200, 16)),)),
    "persistent_entropy_deficit": Row((Known(8.1100468736e-03, _RIPSER, _gaussian(0, 200, 16)),)),
    "prominent_bars": Row((Known(2, "by construction: three groups on a line", _NESTS),)),
    "patchiness": Row(
        (Known(1.0, "by hand: 1 + 2/4 - 1/2, of counts 3 and 1", _SPLIT, _TWO_CELLS),),
        frozenset({"translation", "scaling"}),
    ),
    "patchiness_paper": Row(
        (Known(0.75, "by hand: 1 + 1/4 - 1/2, of counts 3 and 1", _SPLIT, _TWO_CELLS),),
        frozenset({"translation", "scaling"}),
    ),
    "patchiness_heldout": Row(
        (Known(0.75, "by hand: 1 - 1/4, of counts 4 and 4", _HALVES, _TWO_CELLS | _OF_HALVES),),
        frozenset({"translation", "scaling"}),
    ),
    "reconstruction_error": Row(
        (Known(4 / 248, "by hand", _TWO_PAIRS, _TWO_CELLS),),
        frozenset({"scaling"}),
    ),
    "reconstruction_error_centered": Row(
        (Known(4 / 104, "by hand", _TWO_PAIRS, _TWO_CELLS),),
        frozenset({"translation", "scaling"}),
    ),
    "reconstruction_error_heldout": Row(
        (Known(1 / 182, "by hand", _HALVES, _TWO_CELLS | _OF_HALVES),),
        frozenset({"scaling"}),
    ),
    "two_nn": Row((Known(9.5321738754, _SKDIM, _gaussian(0, 500, 10)),)),
    "two_nn_mle": Row(
        (Known(2 / np.log(9), "by hand: ratios 3/2, 2 and 3", np.array([[0.0], [2], [3]]), {"two_nn_discard": 0.0}),)
    ),
    "two_nn_across": Row((Known(_two_nn_across, "numpy, over all pairs", CLOUD.rows, {"groups": CLOUD.groups}),)),
    "same_sequence_neighbours": Row(
        (Known(3 / 5, "by hand: 10's nearest is 11, and 11's 10", _CHAIN, {"groups": ["a", "a", "b", "c", "c"]}),)
    ),
    "first_position_energy": Row((Known(9 / 12, "by hand", _SINK, {"positions": [0, 1, 2, 3]}),)),
    "top_dimension_energy": Row(
        (Known(6 / 8, "by hand: variances 4, 1, 1, 1 and 1", np.vstack([_ROGUE, -_ROGUE])),),
        _EVERY - {"rotation"},
    ),
    "offset_energy": Row(
        (Known(8 / 12, "by hand: of 16 dimensions the two of 100 are left out", _MASSIVE),),
        _EVERY - {"translation", "rotation"},
    ),
    "rank_share": Row(
        (Known(_rank_share, "numpy's singular values, scipy's entropy", _ROGUES),), _EVERY - {"rotation"}
    ),
    "neighbour_spread": Row((Known(np.log(2) * np.sqrt(2.75 / 3), "by hand: nearest at 1, 1, 2 and 4", _GAPS),)),
    # measures of every row that the field has come to use since
    "mean_energy_share": Row(
        (
            Known(400 / 410, "by hand: a mean of 10, and 410 / 4 of squares", _CONE),
            Known(_near(0.0008306618684, 13), _FIELD, _P),
            Known(_near(0.8504126965, 10), _FIELD, _P + 1),
            Known(_near(0.9999998232, 10), _FIELD, _P + 1000),
            Known(_near(0.0006693978431, 13), _FIELD, _COPIES),
            Known(_near(0.02179511533, 11), _FIELD, _S),
        ),
        _EVERY - {"translation"},
    ),
    "rank_me": Row(
        (
            Known(_near(18.03141315, 8), _FIELD, _P),
            Known(_near(1.016550524, 9), _FIELD, _P + 1000),
            Known(_near(18.00879947, 8), _FIELD, _COPIES),
            Known(_near(105.0622462, 7), _FIELD, _W),
            Known(_near(3.169294138, 9), _FIELD, _W + 10),
            Known(_near(8.986808838, 9), _FIELD, _P[:10]),
            Known(lambda rows: pytest.approx(_rank_me(rows), rel=1e-5), "numpy's singular values", CLOUD.rows),
        ),
        _EVERY - {"translation"},
    ),
    "alpha_req": Row(
        (
            Known(_near(1.016756639, 9), _FIELD, _P, {"alpha_req_ranks": "1-20"}),
            Known(_near(0.9831108647, 10), _FIELD, _P, {"alpha_req_ranks": "4-20"}),
            *(Known(_near(1.219278612, 9), _FIELD, rows) for rows in (_P, _P + 1000)),
            Known(_near(1.184721667, 9), _FIELD, _COPIES),
            Known(_near(1.013423755, 9), _FIELD, _W, {"alpha_req_ranks": "1-128"}),
            Known(_near(1.028538930, 9), _FIELD, _W, {"alpha_req_ranks": "6-100"}),
            Known(_near(1.055150016, 9), _FIELD, _W),
            Known(lambda rows: _power_law(rows)[0], "numpy's weighted fit", _P[:30]),
        ),
        cloud=WIDE,
    ),
    "alpha_req_fit": Row(
        (
            Known(_near(0.9976285708, 10), _FIELD, _P, {"alpha_req_ranks": "1-20"}),
            Known(_near(0.9874228993, 10), _FIELD, _P),
            Known(_near(0.9813840461, 10), _FIELD, _COPIES),
            Known(_near(0.9982136916, 10), _FIELD, _W),
            Known(lambda rows: _power_law(rows)[1], "numpy's weighted fit", _P[:30]),
        ),
        cloud=WIDE,
    ),
    "largest_activation_ratio": Row(
        (
            Known(_near(13.58663256, 8), _FIELD, _P),
            Known(_near(1.003106936, 9), _FIELD, _P + 1000),
            Known(_near(13.62359291, 8), _FIELD, _COPIES),
            Known(_near(5.758328248, 9), _FIELD, _gaussian(0, 500, 20)),
            Known(_near(440.3967972, 7), _FIELD, _PEAKS),
        ),
        frozenset({"scaling", "permutation", "duplication"}),
    ),
    "largest_dimension_kurtosis": Row(
        (
            *(Known(_near(3.343232181, 9), _FIELD, rows) for rows in (_P, _P + 1000, _gaussian(0, 500, 20))),
            Known(_near(3.492849713, 9), _FIELD, _COPIES),
            Known(_near(8.108551459, 9), _FIELD, _PEAKS),
            Known(lambda rows: float(kurtosis(rows, fisher=False).max()), "scipy's kurtosis", CLOUD.rows),
        ),
        _EVERY - {"rotation"},
    ),
    "trajectory_curvature": Row(
        (
            *(Known(_near(119.2902763, 7), _FIELD, rows, _TOKENS) for rows in (_P, _P + 1000, _S)),
            Known(_near(89.98658879, 8), _FIELD, _WALK, _TOKENS),
            Known(360 / 64, "by hand: a circle", _ROUND, _ONE_SEQUENCE),
            Known(0.0, "by hand: a line", _ROUND[:, :1] * 0 + np.arange(64)[:, None] * [[1, 2]], _ONE_SEQUENCE),
            Known(180.0, "by hand: back and forth", _ROUND * 0 + np.arange(64)[:, None] % 2, _ONE_SEQUENCE),
            Known(
                _mean_angle,
                "numpy, step by step",
                CLOUD.rows,
                {"groups": CLOUD.groups, "positions": CLOUD.positions},
            ),
        )
    ),
    "prompt_entropy": Row(
        (
            Known(_near(0.7833163016, 10), _FIELD, _P, _IN_SEQUENCES),
            Known(_near(0.2626331348, 10), _FIELD, _P + 1, _IN_SEQUENCES),
            Known(_near(1.222620557e-6, 13), _FIELD, _P + 1000, _IN_SEQUENCES),
            Known(_near(0.3468089223, 10), _FIELD, _S, _IN_SEQUENCES),
            Known(_mean_entropy, "numpy's singular values", CLOUD.rows, {"groups": CLOUD.groups}),
        ),
        _EVERY - {"translation", "duplication"},
    ),
}

# Of the field's measures, those of pairs

ROWS |= {
    "gride_1": _scaled(1, 14.50686216, 8.752429221, 4.736760675),
    "gride_2": _scaled(2, 14.23899546, 6.059516534, 4.681713551),
    "gride_4": _scaled(4, 12.05723712, 3.881680336, 4.509693603),
    "gride_8": _scaled(8, 11.16760128, 3.296944861, 4.446793259),
    "gride_across_1": _scaled_across(1, 14.59084132, 18.42263247),
    "gride_across_2": _scaled_across(2, 14.19885052, 15.49117798),
    "gride_across_4": _scaled_across(4, 12.07256286, 12.81519845),
    "gride_across_8": _scaled_across(8, 11.14594034, 10.89387728),
    "gride_scale_slope": Row((Known(_scale_slope, _ROOTS, CLOUD.rows, {"groups": CLOUD.groups}),)),
    "persistent_homology_dimension": Row(
        (
            Known(14.79939755, "Prim's algorithm and scipy's single linkage", _P),
            Known(14.79939755, "the same, far off", _P + 1000),
            Known(14.79939755, "the same, with copies of some rows", _COPIES),
            Known(
                4.671741586, "Prim's algorithm and scipy's single linkage", np.random.default_rng(0).random((500, 5))
            ),
            Known(_tree_growth, "scipy's single linkage", CLOUD.rows),
        ),
        _EVERY - {"permutation"},  # which halves are drawn
    ),
    "hubness_skewness": Row(
        (
            *(Known(1.762032054, _COUNTED, rows) for rows in (_P, _P + 1000, _COPIES)),
            Known(0.9705303354, _COUNTED, _S),
            Known(0.05909215088, _COUNTED, _SQUARE),
            Known(2.114269575, _COUNTED, _gaussian(0, 500, 20)),
            Known(_hubness(False), "scipy's skew", CLOUD.rows),
        )
    ),
    "antihub_share": Row(
        (
            *(Known(0.048, _COUNTED, rows) for rows in (_P, _P + 1000, _COPIES)),
            Known(0.0, _COUNTED, _S),
            Known(0.062, _COUNTED, _gaussian(0, 500, 20)),
            Known(_antihubs(False), _ALL_PAIRS, CLOUD.rows),
        )
    ),
    "hubness_skewness_across": Row(
        (
            Known(1.750000103, _COUNTED, _P, _IN_SEQUENCES),
            Known(1.312791312, _COUNTED, _S, _IN_SEQUENCES),
            Known(_hubness(True), "scipy's skew", CLOUD.rows, {"groups": CLOUD.groups}),
        )
    ),
    "antihub_share_across": Row(
        (
            Known(0.046, _COUNTED, _P, _IN_SEQUENCES),
            Known(0.116, _COUNTED, _S, _IN_SEQUENCES),
            Known(_antihubs(True), _ALL_PAIRS, CLOUD.rows, {"groups": CLOUD.groups}),
        )
    ),
}
