"""Structure is told from rounding: duplicates, clumps, collapsed clouds, and margins on a scale that can move."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_reports import report, row

import geoscope
from geoscope import measures
from geoscope.errors import Undefined

PAIRWISE = ["persistent_entropy", "persistent_entropy_normalized", "two_nn", "two_nn_mle"]


def cloud(n=400, d=16, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("far", [1e4, 1e7, 1e12])
def test_one_far_row_makes_no_duplicates_of_the_others(far):
    """The tolerance is a share of how wide the cloud is, which one row cannot set."""
    rows = cloud()
    rows[7] *= far
    without = np.delete(rows, 7, axis=0)
    found = geoscope.measure(rows, measures=["two_nn", "persistence"], errors=False, null="none")
    assert found.sample.dropped is None
    assert found.measurement("persistent_entropy").n == 400
    assert found.value("two_nn") == pytest.approx(measures.two_nn(without), rel=0.02)


@pytest.mark.parametrize("key", PAIRWISE)
@pytest.mark.parametrize("clumps", [2, 5])
def test_clumps_too_far_apart_to_measure_inside_have_no_value(key, clumps):
    """They used to be a handful of points, the rest counted as duplicates."""
    rows = cloud() + 1e6 * np.repeat(np.arange(clumps), 400 // clumps)[:, None]
    found = geoscope.measure(rows, measures=[key], errors=False, null="none").measurement(key)
    assert found.value is None
    assert "clumps" in found.reason
    assert "measure each by itself" in found.reason


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e-200, 1e160, 1e305])
def test_clumps_are_clumps_on_any_scale(scale):
    rows = (cloud() + 1e6 * np.repeat(np.arange(2), 200)[:, None]) / 1e6 * scale
    found = geoscope.measure(rows, measures=["two_nn"], errors=False, null="none").measurement("two_nn")
    assert "clumps" in found.reason


def test_copies_up_to_rounding_are_one_point_however_many_there_are():
    """As states of shared prefixes are: nine in ten rows, which also sets how wide the cloud seems."""
    rows = cloud(1000, 32).astype(np.float32)
    rows[100:] = rows[0] * (1 + np.float32(1e-7) * np.random.default_rng(1).integers(-2, 3, (900, 32)))
    found = geoscope.measure(rows, measures=["two_nn"], errors=False, null="none")
    assert found.measurement("two_nn").n == 100
    assert found.sample.dropped[0].duplicates == 900
    assert found.value("two_nn") == pytest.approx(measures.two_nn(rows[:100]))


def collapsed(n=1000, d=48, seed=0):
    """One vector, and what float32 rounding makes of it."""
    generator = np.random.default_rng(seed)
    one = generator.standard_normal(d) + 1
    return (one * (1 + 6e-8 * generator.standard_normal((n, d)))).astype(np.float32)


OF_THE_CENTRED_CLOUD = [
    "anisotropy", "isoscore", "isoscore_star", "participation_ratio", "effective_rank", "eigenvalue_early_enrichment",
    "vasicek_ratio_mse", "isoscore_corrected", "participation_ratio_corrected", "persistent_entropy",
    "persistent_entropy_normalized", "persistent_entropy_deficit", "prominent_bars", "two_nn", "two_nn_mle",
    "two_nn_across", "same_sequence_neighbours", "reconstruction_error_centered", "patchiness", "top_dimension_energy",
]  # fmt: skip


@pytest.fixture(scope="module")
def collapsed_report():
    return geoscope.measure(collapsed(), groups=np.arange(1000) // 10, bits=4)


@pytest.mark.parametrize("key", OF_THE_CENTRED_CLOUD)
def test_rounding_has_no_geometry(collapsed_report, key):
    found = collapsed_report.measurement(key)
    assert found.value is None
    assert "equal up to rounding" in found.reason


def test_what_is_not_of_the_centred_cloud_says_that_it_collapsed(collapsed_report):
    assert collapsed_report.value("average_cosine_similarity") == pytest.approx(1, abs=1e-6)
    assert collapsed_report.value("anisotropy_uncentered") == pytest.approx(1, abs=1e-6)


def test_a_collapse_is_the_first_finding(collapsed_report):
    from geoscope.documents.findings import findings_of

    assert findings_of([collapsed_report])[0].text.startswith("the rows are equal up to rounding")


@pytest.mark.parametrize("offset", [0.0, 100.0, 1e4])
def test_rows_far_from_the_origin_are_not_taken_for_rounding(offset):
    """An offset that float32 resolves, and any that float64 does."""
    near = geoscope.measure(cloud(), measures=["isoscore", "two_nn"], errors=False, null="none")
    for rows in (cloud() + offset, (cloud() + offset).astype(np.float32)):
        found = geoscope.measure(rows, measures=["isoscore", "two_nn"], errors=False, null="none")
        for key in ("isoscore", "two_nn"):
            assert found.value(key) == pytest.approx(near.value(key), rel=1e-3)
    assert measures.isoscore(cloud() + 1e9) == pytest.approx(near.value("isoscore"), rel=1e-4)


def test_a_cloud_that_is_a_line_up_to_rounding_warns_that_most_points_are_copies():
    """Collapsed onto a line: what lies between its points is rounding, and tells no dimension."""
    generator = np.random.default_rng(0)
    along = np.round(generator.standard_normal(1000), 1)[:, None]
    rows = 10 + along * 1e-3 * generator.standard_normal(32) + 2e-7 * generator.standard_normal((1000, 32))
    found = geoscope.measure(rows.astype(np.float32), measures=["two_nn", "isoscore"], errors=False, null="none")
    nearest = found.measurement("two_nn")
    assert nearest.n < 100
    assert "same as another up to rounding" in nearest.caution
    assert found.measurement("isoscore").caution is None


def test_a_margin_is_a_share_of_what_can_move():
    """Entropy that rises from .97 of its maximum to all of it: 2 % of the value, nine tenths of its deficit."""
    n = 4000
    most = math.log(n - 1)
    before = row("persistent_entropy", most - 0.194, standard_error=0.003, n=n)
    after = row("persistent_entropy", most - 0.0014, standard_error=0.001, n=n)
    assert after.value / before.value - 1 < 0.05
    found = geoscope.compare(report(before), report(after, name="candidate")).difference("persistent_entropy")
    assert found.verdict == "changed"
    small = row("persistent_entropy", most - 0.190, standard_error=0.0005, n=n)
    steady = row("persistent_entropy", most - 0.194, standard_error=0.0005, n=n)
    found = geoscope.compare(report(steady), report(small, name="candidate")).difference("persistent_entropy")
    assert found.verdict == "same"  # 2 % of the deficit


@pytest.mark.parametrize(
    ("key", "before", "after"), [("persistent_entropy_normalized", 0.977, 0.9998), ("patchiness_paper", 1.05, 1.01)]
)
def test_so_is_that_of_every_measure_with_an_offset(key, before, after):
    rows = [row(key, value, standard_error=0.0003) for value in (before, after)]
    found = geoscope.compare(report(rows[0]), report(rows[1], name="candidate")).difference(key)
    assert abs(found.relative) < 0.05
    assert found.verdict == "changed"


def test_an_undefined_measure_of_rounding_is_refused_when_called():
    with pytest.raises(Undefined, match="equal up to rounding"):
        measures.two_nn(collapsed())
