"""What the tests ask of each measure, beside its row in the catalogue: values from elsewhere, and what moves it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import differential_entropy, entropy

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


_G = np.random.default_rng(2)
_TURN = np.linalg.qr(_G.standard_normal((8, 8)))[0]
_OWN = (_G.standard_normal((32, 8))[np.arange(128) // 4] + _G.standard_normal((128, 8))) * np.linspace(1, 2, 8) + 0.7
CLOUD = Cloud(np.round(256 * _OWN) / 256, np.arange(128) // 4, np.arange(128) % 4)
"""So many rows of so few digits that their mean is exact: about it they are the same wherever the cloud lies."""

CHANGES: dict[str, Callable[[Cloud], Cloud]] = {
    "rotation": lambda cloud: replace(cloud, rows=cloud.rows @ _TURN),
    "translation": lambda cloud: replace(cloud, rows=cloud.rows + np.arange(1, 9)),
    "scaling": lambda cloud: replace(cloud, rows=cloud.rows * 8),
    "permutation": lambda cloud: cloud.take(np.random.default_rng(1).permutation(len(cloud.rows))),
    "duplication": lambda cloud: cloud.take(np.repeat(np.arange(len(cloud.rows)), 2)),
}
"""What may be done to a cloud; a row's copy is of its sequence and position."""

_EVERY = frozenset(CHANGES)


@dataclass(frozen=True)
class Known:
    """A value that geoscope had no part in, by hand, printed or made of the rows by other code; source says whose."""

    value: float | Callable[[Any], float]
    source: str
    rows: Any
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """The tests' row of one measure.

    holds: which CHANGES leave it as it is, up to rounding; it must move with each of the others. Those of them that the
    catalogue's `blind_to` speaks of stand here.
    """

    known: tuple[Known, ...]
    holds: frozenset[str] = _EVERY


def row_of(key: str) -> Row:
    """The tests' row of a measure; a test that asks for one that is not there fails and says what to write."""
    if key not in ROWS:
        pytest.fail(
            f"{key} has a row in geoscope/catalogue/ and none in ROWS of tests/measure_rows.py; add "
            f'"{key}": Row(known, holds) there, with a value known from elsewhere and the changes that do not move it'
        )
    return ROWS[key]


def _gaussian(seed: int, n: int, d: int) -> Any:
    return np.random.default_rng(seed).standard_normal((n, d))


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


_SPECTRUM = _gaussian(0, 500, 20) * np.arange(1, 21) ** -0.5

ROWS: dict[str, Row] = {
    **{
        key: Row((Known(value, _SKDIM, _SPECTRUM), Known(value, _SKDIM, _SPECTRUM + 1000)))
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
}
