"""Nulls: what matched clouds are, and which nulls are made."""

from __future__ import annotations

import numpy as np
import pytest

import geoscope
from geoscope import measures
from geoscope.catalogue import QUANTIZED, TRAITS, select
from geoscope.estimates import nulls
from geoscope.estimates.estimator import Estimator
from geoscope.passes.by_device.group_sums import moments_of
from geoscope.passes.passes import Passes, PassSettings


def test_the_null_of_the_first_positions_energy_is_their_share_of_the_rows():
    g = np.random.default_rng(4)
    rows, positions, sequences = g.standard_normal((400, 6)), np.arange(400) % 10, np.arange(400) // 10
    moments = moments_of(rows, positions, sequences)
    passes = Passes(moments, rows, sequences, PassSettings())
    found = Estimator(passes, {}, None, null="closed").estimate("first_position_energy")
    assert found.null == 0.1
    assert found.value == pytest.approx(0.1, abs=0.03)


def test_the_spectrum_of_noise_has_unit_mean():
    for n, d in [(100, 20), (20, 100), (500, 499)]:
        assert nulls.isotropic_spectrum(n, d).sum() == pytest.approx(d, rel=0.02)


def test_shrinking_towards_the_identity_is_allowed_for():
    g = np.random.default_rng(0)
    clouds = [g.standard_normal((50, 40)) for _ in range(30)]
    report = geoscope.measure(clouds[0], measures=["isoscore_star"], isoscore_zeta=0.3, errors=False)
    found = [measures.isoscore_star(rows, isoscore_zeta=0.3) for rows in clouds]
    assert report.measurements[0].null == pytest.approx(np.mean(found), rel=0.02)


def test_matched_points_have_the_clouds_covariance_between_and_within_sequences():
    g = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), 5)
    between, within = np.diag([4.0, 1, 0.2]), np.diag([0.5, 2, 1])
    rows = (g.standard_normal((400, 3)) @ np.sqrt(between))[groups] + g.standard_normal((2000, 3)) @ np.sqrt(within) + 7
    matched = nulls.matched_points(rows, groups, 0)

    def parts(x):
        apart = x - (np.add.reduceat(x, np.arange(0, 2000, 5)) / 5)[groups]
        return x.mean(axis=0), np.cov(x, rowvar=False), apart.T @ apart / 1600

    for found, expected in zip(parts(matched), parts(rows), strict=True):
        assert found == pytest.approx(expected, rel=0.2, abs=0.2)


def test_structured_points_stand_out_from_their_matched_null_and_gaussian_ones_do_not():
    g = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 10)
    plain = g.standard_normal((60, 10))[groups] + g.standard_normal((600, 10))
    sheet = np.sin(g.uniform(-2, 2, (600, 2)) @ g.standard_normal((2, 10)))
    keys = ["two_nn", "persistent_entropy_deficit"]
    for rows, structured in ((plain, False), (sheet, True)):
        report = geoscope.measure(rows, groups=groups, measures=keys)
        for row in report.measurements:
            apart = abs(row.value - row.null) / row.standard_error
            assert (apart > 4) == structured, (row.measure, structured, apart)


def test_which_nulls_are_made_is_an_option():
    g = np.random.default_rng(2)
    rows, groups = g.standard_normal((400, 6)), np.repeat(np.arange(80), 5)
    given = {"groups": groups, "quantizer": "kmeans", "bits": 4, "errors": False, "measures": ["default", "field"]}

    def have(null):
        report = geoscope.measure(rows, null=null, **given)
        return {row.measure for row in report.measurements if row.null is not None}

    valued = {row.measure for row in geoscope.measure(rows, null="none", **given).measurements if row.value is not None}
    assert set(select(["default", "field"])) - valued == {
        "first_position_energy",
        "trajectory_curvature",
        "alpha_req",
        "alpha_req_fit",
    }
    nulled = {key for key in valued if TRAITS[key].null_by != "none"}
    assert have("none") == set()
    assert have("closed") == {key for key in nulled if TRAITS[key].null_by in nulls.CLOSED}
    assert have("auto") == nulled - QUANTIZED
    assert have("matched") == nulled
