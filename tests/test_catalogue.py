"""Every measure of the catalogue: a value known from elsewhere, what moves it, its null, its error.

A measure without a row in tests/measure_rows.py fails here, and so does a row that names what there is not.
"""

from __future__ import annotations

import numpy as np
import pytest
from measure_rows import CHANGES, CLOUD, ROWS, WIDE, row_of
from scipy.stats import t
from simulated import WITH_ERROR, estimate, structureless

from benchmarks.clouds import CLOUDS
from geoscope import measures
from geoscope.catalogue import DEFAULT, HEEDING, KEYS, QUANTIZED, TRAITS
from geoscope.estimates.estimator import measured
from geoscope.estimates.nulls import CLOSED
from geoscope.estimates.partial import PARTS
from geoscope.estimates.resampling import ERRORS
from geoscope.passes.gathering import GROUPS
from geoscope.passes.passes import PASSES
from geoscope.report import Report

NULL_BY = {TRAITS[key].null_by for key in KEYS}
ERROR = {TRAITS[key].error for key in KEYS}


# The rows themselves


def test_every_measure_is_a_function_and_has_the_tests_row():
    assert sorted(measures.__all__) == sorted(KEYS), "geoscope/measures/__init__.py exports what the catalogue lists"
    for key in KEYS:
        row_of(key)
    assert set(ROWS) <= set(KEYS), "tests/measure_rows.py has a row of no measure"


@pytest.mark.parametrize("key", KEYS)
def test_a_row_names_what_there_is(key):
    traits, asked = TRAITS[key], measured(key)
    assert traits.null_by in {*CLOSED, "matched", "none"}, "null_by is a name in nulls.CLOSED, matched or none"
    assert traits.error in {*ERRORS, "none"}, "error is a name in resampling.ERRORS, or none"
    assert (traits.error == "none") == bool(traits.no_error), "no_error says why a measure has none"
    assert traits.settings == asked.settings, "settings are the formula's own, in its order"
    for name in asked.passes:
        assert PASSES[name].sees == traits.sees, f"{key} is made of {name}, which is made of {PASSES[name].sees}"
        assert PASSES[name].told, f"passes.PASSES says in `told` what {name} is"
        of_whole = traits.error in ("none", "linked-rows")
        assert name in PARTS or of_whole, f"partial.PARTS makes {name} of part of the sequences"
        told = f"rows_of_{name}" in PASSES or traits.error != "linked-rows"
        assert told, f"passes.PASSES says as rows_of_{name} whose its entries are"
    assert (traits.error == "linked-rows") == (asked.influences is not None), "influences are what linked rows' are of"


def test_every_way_of_a_null_and_of_an_error_is_some_measures():
    assert set(CLOSED) <= NULL_BY
    assert set(ERRORS) <= ERROR


def test_every_setting_that_moves_some_measures_is_in_every_report():
    import geoscope

    report = geoscope.measure(CLOUD.rows, measures=["isoscore"], errors=False)
    assert isinstance(report, Report)
    asked_for = {name for name, keys in HEEDING.items() if keys.isdisjoint(DEFAULT)}
    assert set(HEEDING) - asked_for <= set(report.settings)
    for name in asked_for:
        keys = sorted(HEEDING[name])
        assert name in geoscope.measure(WIDE.rows, measures=keys, errors=False, null="none").settings


# (a) Values known from elsewhere


@pytest.mark.parametrize("key", KEYS)
def test_a_value_is_what_others_make_of_the_rows(key):
    known = row_of(key).known
    assert known, f'{key} has no value known from elsewhere; add Known(value, source, rows) to "{key}" in ROWS'
    for each in known:
        value = each.value(each.rows) if callable(each.value) else each.value
        found = getattr(measures, key)(each.rows, **each.settings)
        stated = pytest.approx(value, rel=1e-9, abs=5.1e-11) if isinstance(value, float | int) else value
        assert found == stated, f"{key}, {each.source}"


# (b) What moves it


@pytest.mark.parametrize("key", KEYS)
def test_a_measure_moves_with_what_it_is_said_to_and_with_nothing_else(key):
    holds, cloud = row_of(key).holds, row_of(key).cloud
    whole = cloud.measure(key)
    for name, change in CHANGES.items():
        moved = abs(change(cloud).measure(key) - whole) / abs(whole)
        if name in holds:
            assert moved < 1e-8, f"{name} moves {key}, which tests/measure_rows.py says it does not"
        else:
            assert moved > 1e-3, f"{name} leaves {key} as it is; add it to what holds in tests/measure_rows.py"


# (c) Its null


@pytest.fixture(scope="module")
def small_clouds():
    wide = [key for key in KEYS if row_of(key).cloud is WIDE]
    small = [key for key in KEYS if key not in wide]
    return structureless(300, 6, draws=32, keys=small) | structureless(300, 24, draws=32, keys=wide)


def agrees(key, values, nulls, rel):
    """Whether the mean of the nulls is that of the values, within a share of it or what so few draws tell."""
    if TRAITS[key].null_by == "none" or np.isnan(values).all():
        return np.isnan(nulls).all()
    apart = values - nulls
    noise = apart.std(ddof=1) / np.sqrt(len(apart))
    return abs(apart.mean()) <= max(rel * abs(values.mean()), 3.5 * noise)


@pytest.mark.parametrize("key", KEYS)
def test_a_null_is_what_structureless_points_give(key, small_clouds):
    assert agrees(key, *small_clouds[key], rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), [(20, 4), (60, 24), (400, 24), (40, 64), (200, 200)])
def test_closed_nulls_are_what_many_structureless_clouds_give(n, d):
    closed = [key for key in KEYS if TRAITS[key].null_by in CLOSED and TRAITS[key].null_kind != "matched"]
    found = structureless(n, d, draws=300, keys=closed, length=1)
    assert [key for key in closed if not agrees(key, *found[key], rel=0.02)] == []


@pytest.mark.slow
def test_matched_nulls_are_what_many_structureless_clouds_give():
    """Of many points: a matched cloud has the sample's covariance, not that of what the sample is from."""
    matched = [key for key in KEYS if TRAITS[key].null_kind == "matched"]
    found = structureless(1200, 6, draws=100, keys=matched)
    assert [key for key in matched if not agrees(key, *found[key], rel=0.02)] == []


# (d) Its error


@pytest.fixture(scope="module")
def estimates():
    rows = CLOUDS["clusters"](np.random.default_rng(3), 60, 8)
    return estimate(rows, np.repeat(np.arange(60), 8), list(KEYS))


@pytest.mark.parametrize("key", KEYS)
def test_a_measure_has_an_error_or_says_why_it_has_none(key, estimates):
    found, traits = estimates[key], TRAITS[key]
    if traits.error == "none":
        assert found.standard_error is None
        assert found.reason == f"no standard error: {traits.no_error}"
    else:
        assert found.standard_error > 0
        assert found.reason is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", CLOUDS)
def test_intervals_cover_the_estimators_own_mean(kind):
    draws, sequences = 200, np.repeat(np.arange(100), 10)
    g = np.random.default_rng(1)
    found = [estimate(CLOUDS[kind](g, 100, 10), sequences, WITH_ERROR) for _ in range(draws)]
    wide, wrong = t.ppf(0.975, GROUPS - 1), {}
    for key in WITH_ERROR:
        value = np.array([one[key].value for one in found])
        error = np.array([one[key].standard_error for one in found])
        held, spread = np.mean(np.abs(value - value.mean()) <= wide * error), value.std(ddof=1)
        sizes = np.sqrt(np.mean(error**2)) / spread, error.mean() / spread
        least = 0.85 if key in QUANTIZED else 0.90  # three trainings tell roughly how far trainings differ
        if held < least or sizes[0] < 0.8 or sizes[1] > 1.4:
            wrong[key] = held, sizes
    assert not wrong
