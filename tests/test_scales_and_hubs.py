"""Dimension at several scales, by the tree's growth, and hubs: against other code, on rows that break shortcuts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.spatial.distance import cdist
from scipy.stats import skew

import geoscope
from geoscope import measures
from geoscope.catalogue import DEFAULT
from geoscope.errors import Undefined
from geoscope.estimates.estimator import measured
from geoscope.passes.passes import WHOLE_LISTS

SCALES = (1, 2, 4, 8)
GRIDE = {k: getattr(measures, f"gride_{k}") for k in SCALES}
ACROSS = {k: getattr(measures, f"gride_across_{k}") for k in SCALES}


def rng(seed):
    return np.random.default_rng(seed)


CLOUDS = {
    "cube": rng(0).random((400, 5)),
    "fewer rows than dimensions": rng(1).standard_normal((40, 200)),
    "as few rows as there can be": rng(2).standard_normal((17, 3)),
    "line": rng(3).random((300, 1)),
    "narrow": rng(4).standard_normal((200, 8)) * np.geomspace(1, 1e-3, 8),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_gride_is_scikit_dimensions(name):
    skdim = pytest.importorskip("skdim")
    rows = CLOUDS[name]
    for k in SCALES:
        assert GRIDE[k](rows) == pytest.approx(skdim.id.GRIDE(n1=k).fit(rows).dimension_, rel=1e-8), k
    moved, least = (rows + 1e3) * 1e-200, np.vstack([rows, rows[:10]])
    for changed in (moved, least):
        assert GRIDE[8](changed) == pytest.approx(GRIDE[8](rows), rel=1e-7)


@pytest.mark.parametrize("k", SCALES)
@pytest.mark.parametrize("spread", [1e-7, 1e-3, 1.0, 50.0, 300.0])
@pytest.mark.parametrize("n", [2, 3, 1000])
def test_gride_is_the_root_of_its_equation_however_long_the_ratios_are(n, spread, k):
    """From dimensions of a hundredth to ten million; of log ratios equal but for one, too."""
    for logs in (rng(n).exponential(spread, n), np.r_[np.full(n - 1, spread), spread / 1000]):

        def excess(log_d, logs=logs):
            d = np.exp(log_d)
            return (n - 1) / d + (k - 1) * np.sum(logs / -np.expm1(-d * logs)) - (2 * k - 1) * logs.sum()

        expected = np.exp(brentq(excess, -30, 30, xtol=1e-13, rtol=1e-14))
        assert GRIDE[k].formula(logs) == pytest.approx(expected, rel=1e-10)


def test_gride_at_the_smallest_scale_is_two_nn_by_likelihood():
    rows, groups = CLOUDS["cube"], np.arange(400) // 10
    assert measures.gride_1(rows) == pytest.approx(measures.two_nn_mle(rows, two_nn_discard=0.0), rel=1e-12)
    assert ACROSS[1](rows) == measures.gride_1(rows)  # each row a sequence of its own
    assert ACROSS[8](rows, groups=groups) != GRIDE[8](rows)


def test_a_ratio_alone_says_nothing():
    for logs in (np.empty(0), np.ones(1)):
        with pytest.raises(Undefined, match="nearest rows 4 and 8 are equally far"):
            GRIDE[4].formula(logs)


@pytest.mark.parametrize("lengths", [(3, 4), (1, 40), (30, 60)])
def test_rows_across_sequences_of_any_length(lengths):
    """Also of sequences longer than the lists, and with a row that several sequences share."""
    g = rng(6)
    groups = np.repeat(np.arange(12), g.integers(lengths[0], lengths[1], 12, endpoint=True))
    rows = 2 * g.standard_normal((12, 6))[groups] + g.standard_normal((len(groups), 6))
    rows, groups = np.vstack([rows, rows[:5]]), np.r_[groups, np.full(5, 11)]
    kept = slice(len(rows) - 5)  # of equal rows the first, with the sequence that it is of
    apart = cdist(rows[kept], rows[kept])
    apart[groups[kept][:, None] == groups[kept]] = np.inf
    near = np.sort(apart, axis=1)
    for k in SCALES:
        long = near[np.isfinite(near[:, 2 * k - 1])]
        ratios = np.log(long[:, 2 * k - 1] / long[:, k - 1])
        assert ACROSS[k](rows, groups=groups) == pytest.approx(GRIDE[k].formula(ratios), rel=1e-9)
    chosen = np.argsort(apart, axis=1, kind="stable")[np.isfinite(near[:, 9]), :10]
    counts = np.bincount(chosen.ravel(), minlength=len(apart))
    assert measures.hubness_skewness_across(rows, groups=groups) == pytest.approx(skew(counts), rel=1e-9)
    assert measures.antihub_share_across(rows, groups=groups) == np.mean(counts == 0)


def test_only_across_sequences_does_the_length_of_a_sequence_not_show():
    """On a plane, ten rows a sequence, huddled: neighbour 8 is of the row's own, neighbour 16 is not."""
    g, groups = rng(7), np.arange(2000) // 10
    rows = (10 * g.random((200, 2))[groups] + 0.05 * g.standard_normal((2000, 2))) @ g.standard_normal((2, 9))
    assert measures.gride_8(rows) < 1
    assert measures.gride_across_8(rows, groups=groups) == pytest.approx(2, abs=0.3)


def test_a_far_group_of_rows_moves_the_tree_and_not_gride():
    rows = CLOUDS["cube"]
    far = np.vstack([rows, 1e4 + 0.01 * rows[:4]])
    assert measures.gride_1(far) == pytest.approx(measures.gride_1(rows), rel=0.05)
    assert measures.persistent_homology_dimension(far) < 0.5 * measures.persistent_homology_dimension(rows)


def test_the_trees_halves_are_the_seeds():
    rows, key = CLOUDS["cube"], "persistent_homology_dimension"
    found = [measures.persistent_homology_dimension(rows, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert found[0] == pytest.approx(found[2], rel=0.1)
    for seed in (0, 1):
        report = geoscope.measure(rows, measures=[key], seed=seed, null="none", errors=False)
        assert report.value(key) == measures.persistent_homology_dimension(rows, seed=seed)


def test_the_tree_of_copies_is_that_of_the_rows():
    """Their edges of no length would make the tree no longer for so many more rows."""
    rows = CLOUDS["cube"]
    copied = np.vstack([rows, rows[:300]])
    assert measures.persistent_homology_dimension(copied) == measures.persistent_homology_dimension(rows)


def test_hubs_stand_out_from_their_null_where_some_rows_lie_in_the_middle():
    """Rows on a sphere, and a few near its centre, which are among the nearest of nearly all others."""
    g = rng(8)
    sphere = g.standard_normal((500, 30))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    rows = np.vstack([sphere, 0.1 * g.standard_normal((10, 30))])
    skewness = geoscope.measure(rows, measures=["hubness_skewness"]).measurement("hubness_skewness")
    assert skewness.value > 2 * skewness.null
    assert measures.hubness_skewness(sphere) < 0.5 * skewness.value


def test_rows_far_from_all_others_are_antihubs():
    rows = np.vstack([CLOUDS["cube"], np.diag(np.geomspace(100, 1e4, 5))])
    hubs = measures.antihub_share(CLOUDS["cube"]) * 400
    assert measures.antihub_share(rows) * 405 == pytest.approx(hubs + 5, abs=1)


def test_memory_changes_no_number_where_many_rows_are_equally_far():
    rows = np.unique(rng(9).integers(0, 2, (600, 9)).astype(float), axis=0)
    given = {"measures": ["hubness", "gride_8"], "groups": np.arange(len(rows)) // 5, "null": "none"}
    told = [
        [(row.value, row.standard_error) for row in geoscope.measure(rows, memory=memory, **given).measurements]
        for memory in (None, "60MB")
    ]
    assert told[0] == told[1]


def test_a_default_report_searches_for_none_of_this():
    asked = {name for key in DEFAULT for name in measured(key).passes}
    assert asked.isdisjoint(WHOLE_LISTS | {"tree_lengths"})
