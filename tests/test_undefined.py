"""Rows on which a measure has no value: a reason, never a NaN, never a crash."""

from __future__ import annotations

import numpy as np
import pytest

from geoscope import measures
from geoscope.catalogue import KEYS, QUANTIZED, TRAITS
from geoscope.errors import GeoscopeError, Undefined

EVERY = list(measures.__all__)
PAIRWISE = [key for key in KEYS if TRAITS[key].sees == "pairs"]
CODED = [key for key in KEYS if key in QUANTIZED]
RELATIVE = [key for key in PAIRWISE if key not in ("persistent_entropy", "persistent_entropy_deficit")]
SCALES = (1, 2, 4, 8)
LEAST = [(1, "three"), (2, "5"), (4, "9"), (8, "17")]
SPREAD = [
    "anisotropy",
    "isoscore",
    "isoscore_star",
    "participation_ratio",
    "effective_rank",
    "eigenvalue_early_enrichment",
    "vasicek_ratio_mse",
    "top_dimension_energy",
    "first_position_energy",
    "alpha_req",
    "alpha_req_fit",
    "largest_dimension_kurtosis",
]

CASES = [
    *[("no rows", np.empty((0, 6)), key, "no rows") for key in SPREAD + PAIRWISE],
    *[("one row", np.ones((1, 6)), key, "one row|position 0") for key in SPREAD + PAIRWISE],
    *[("constant", np.full((300, 6), 7.3), key, "equal|position 0") for key in SPREAD],
    *[("constant, huge", np.full((300, 6), 1e180), key, "equal|position 0") for key in SPREAD],
    *[("duplicates", np.full((300, 6), 7.3), key, "same|distinct|sequence") for key in PAIRWISE],
    *[("two points", np.eye(2, 6)[[0, 1, 0]], key, "points, got 2|one bar|one length|sequence") for key in RELATIVE],
    *[("fewer than cells", np.random.default_rng(0).standard_normal((100, 8)), key, "cells") for key in CODED],
    ("zero rows", np.zeros((5, 6)), "average_cosine_similarity", "direction"),
    ("zero rows", np.zeros((5, 6)), "anisotropy_uncentered", "zero"),
    ("one dimension", np.arange(9.0)[:, None], "isoscore", "one dimension"),
    ("one dimension", np.arange(9.0)[:, None], "isoscore_star", "one dimension"),
    ("one dimension", np.arange(9.0)[:, None], "eigenvalue_early_enrichment", "one dimension"),
    ("three dimensions", np.random.default_rng(0).standard_normal((9, 3)), "top_dimension_energy", "3 dimensions"),
    *[("no rows", np.empty((0, 6)), key, "no rows") for key in ("rank_me", "mean_energy_share", "prompt_entropy")],
    ("no rows", np.empty((0, 6)), "largest_activation_ratio", "no rows"),
    ("zero rows", np.zeros((5, 6)), "rank_me", "zero"),
    ("zero rows", np.zeros((5, 6)), "mean_energy_share", "zero"),
    ("mostly zero", np.eye(6), "largest_activation_ratio", "median"),
    ("six dimensions", np.random.default_rng(0).standard_normal((50, 6)), "alpha_req", "10 eigenvalues"),
    ("twelve rows", np.random.default_rng(0).standard_normal((12, 60)), "alpha_req_fit", "rank 11 on, got 1"),
    ("no sequences", np.random.default_rng(0).standard_normal((9, 3)), "prompt_entropy", "two rows"),
    ("no positions", np.random.default_rng(0).standard_normal((9, 3)), "trajectory_curvature", "position"),
    ("equally far", np.eye(8), "two_nn", "equally far"),
    ("equally far", np.eye(8), "prominent_bars", "one length"),
    *[(f"equally far, {k}", np.eye(17), f"gride_{k}", f"nearest rows {k} and {2 * k} are equally far") for k in SCALES],
    *[(f"{2 * k} points", np.eye(2 * k), f"gride_{k}", f"{least} distinct points, got {2 * k}") for k, least in LEAST],
    ("equally far", np.eye(8), "persistent_homology_dimension", "as long for each"),
    ("three points", np.eye(3), "persistent_homology_dimension", "4 distinct points, got 3"),
    ("ten points", np.random.default_rng(0).random((10, 3)), "hubness_skewness", "11 distinct points, got 10"),
    ("ten points", np.random.default_rng(0).random((10, 3)), "antihub_share", "11 distinct points, got 10"),
    ("eleven points", np.random.default_rng(0).random((11, 3)), "hubness_skewness", "as many others"),
    ("own sequences", np.random.default_rng(0).random((9, 3)), "same_sequence_neighbours", "more than one row"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "key", "reason"), [c[1:] for c in CASES], ids=[f"{c[2]}: {c[0]}" for c in CASES])
def test_undefined_with_a_reason(rows, key, reason):
    with pytest.raises(Undefined, match=reason):
        getattr(measures, key)(rows)


@pytest.mark.parametrize("key", EVERY)
@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.array([[1.0, np.nan], [0, 1], [2, 1]]), "1 of 3"),
        (np.ones(5), "2-dimensional"),
        (np.ones((3, 0)), "dimension"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.ones((3, 2), dtype=complex), "real numbers"),
    ],
)
def test_unusable_rows_are_the_users_mistake(key, rows, words):
    with pytest.raises(GeoscopeError, match=words):
        getattr(measures, key)(rows)


def test_zero_rows_are_left_out_of_the_cosine():
    rows = np.random.default_rng(0).standard_normal((20, 4))
    padded = np.vstack([rows, np.zeros((3, 4))])
    assert measures.average_cosine_similarity(padded) == pytest.approx(
        measures.average_cosine_similarity(rows), rel=1e-12
    )


def test_groups_must_fit_the_rows():
    with pytest.raises(GeoscopeError, match="groups for each of 9 rows"):
        measures.two_nn_across(np.random.default_rng(0).standard_normal((9, 3)), groups=np.zeros(4))


@pytest.mark.parametrize(
    ("rows", "positions"),
    [
        (np.ones((6, 3)), np.arange(6) % 3),  # a repeated token
        (np.random.default_rng(0).standard_normal((6, 3)), np.arange(6) % 3 * 2),  # every other position left out
        (np.random.default_rng(0).standard_normal((6, 3)), np.zeros(6, dtype=int)),
    ],
)
def test_without_two_steps_in_a_row_there_is_no_curvature(rows, positions):
    with pytest.raises(Undefined, match="three positions in a row"):
        measures.trajectory_curvature(rows, groups=np.arange(6) // 3, positions=positions)


@pytest.mark.parametrize("rows", [np.zeros((6, 4)), np.random.default_rng(0).standard_normal((6, 1))])
def test_zero_rows_and_one_dimension_have_no_prompt_entropy(rows):
    with pytest.raises(Undefined, match="two rows of two dimensions"):
        measures.prompt_entropy(rows, groups=np.arange(6) // 3)


def test_equal_eigenvalues_have_an_exponent_and_no_fit():
    rows = np.vstack([np.eye(40), -np.eye(40)])
    assert measures.alpha_req(rows) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(Undefined, match="equal"):
        measures.alpha_req_fit(rows)


@pytest.mark.parametrize("ranks", ["0-10", "20-11", "11", "a-b", ""])
def test_unusable_ranks(ranks):
    with pytest.raises(GeoscopeError, match="two ranks"):
        measures.alpha_req(np.eye(30), alpha_req_ranks=ranks)


ACROSS = [key for key in PAIRWISE if "across" in key or key == "gride_scale_slope"]


@pytest.mark.parametrize("key", ACROSS)
def test_rows_of_two_sequences_have_no_two_nearest_others(key):
    rows = np.random.default_rng(0).standard_normal((40, 3))
    with pytest.raises(Undefined, match="three sequences"):
        getattr(measures, key)(rows, groups=np.arange(40) % 2)


def test_rows_that_nearly_all_are_of_one_sequence_choose_none_of_others():
    rows, groups = np.random.default_rng(0).standard_normal((40, 3)), np.maximum(np.arange(40) - 33, 0)
    for key in ("hubness_skewness_across", "antihub_share_across"):  # of the last 6, each finds 39 - 5 others
        assert np.isfinite(getattr(measures, key)(rows, groups=groups))
    few = np.maximum(np.arange(12) - 9, 0)  # three alone, the others together
    for key in ("hubness_skewness_across", "antihub_share_across"):
        assert np.isfinite(getattr(measures, key)(rows[:12], groups=few))
        with pytest.raises(Undefined, match="no row has 10 rows of other sequences"):
            getattr(measures, key)(rows[:12], groups=np.arange(12) // 4)


def test_rows_with_equally_far_neighbours_are_left_out_and_counted():
    import geoscope

    g = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), axis=-1).reshape(-1, 2)
    rows = np.vstack([np.pad(grid, ((0, 0), (0, 3))), 50 + g.standard_normal((200, 5))])
    row = geoscope.measure(rows, measures=["gride_1"], errors=False, null="none").measurements[0]
    assert row.value == pytest.approx(measures.gride_1(rows[144:]), rel=1e-12)
    assert row.n == 200
    assert row.caution.startswith("144 of 344 distinct points are left out, whose two neighbours are equally far")


@pytest.mark.parametrize("zeta", [-0.1, 1.1, float("nan")])
def test_zeta_out_of_range(zeta):
    with pytest.raises(GeoscopeError, match="zeta"):
        measures.isoscore_star(np.eye(4), isoscore_zeta=zeta)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (np.eye(3), "shape"),
        (np.triu(np.ones((4, 4))), "symmetric"),
        (np.diag([1.0, 1, 1, -1]), "negative"),
        (np.full((4, 4), np.nan), "finite"),
    ],
)
def test_an_unusable_reference_covariance(reference, words):
    with pytest.raises(GeoscopeError, match=words):
        measures.isoscore_star(np.eye(4), isoscore_zeta=0.5, isoscore_reference=reference)
