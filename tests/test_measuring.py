"""`geoscope.measure` from subject to report, on small checkpoints and on arrays."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
from measure_rows import row_of

import geoscope
from geoscope import measures
from geoscope.catalogue import DEFAULT, KEYS, QUANTIZED, TRAITS, select
from geoscope.errors import GeoscopeError

FAST = [key for key in DEFAULT if key not in QUANTIZED]


def clustered(n=900, d=12, sequences=60, seed=0):
    """Rows in dependent sequences: each sequence has a centre of its own."""
    g = np.random.default_rng(seed)
    groups = np.sort(g.integers(0, sequences, n))
    rows = g.standard_normal((sequences, d))[groups] + 0.7 * g.standard_normal((n, d)) * np.linspace(1, 2, d)
    return rows.astype(np.float32), groups


def test_an_arrays_report_has_every_key_with_the_functions_values():
    rows, groups = clustered()
    keys = select(["default", "field"])
    report = geoscope.measure(rows, groups=groups, quantizer="kmeans", bits=5, errors=False, null="none", measures=keys)
    assert [m.measure for m in report.measurements] == list(keys)
    options = {"groups": groups, "quantizer": "kmeans", "bits": 5}
    for row in report.measurements:
        called = getattr(measures, row.measure)
        given = {name: options[name] for name in inspect.signature(called).parameters if name in options}
        if row.value is not None:
            assert row.value == pytest.approx(called(rows, **given), rel=1e-9), row.measure
            assert row.layer is None
        else:
            assert row.reason
    without = {row.measure for row in report.measurements if row.value is None}
    assert without == {"first_position_energy", "trajectory_curvature", "alpha_req", "alpha_req_fit"}


def test_the_same_run_twice_gives_the_same_bytes():
    rows, groups = clustered()
    first, second = (geoscope.measure(rows, groups=groups, quantizer="kmeans", bits=5).to_json() for _ in range(2))
    assert first == second
    json.loads(first, parse_constant=lambda name: pytest.fail(f"{name} left the report"))


def test_points_are_a_sample_and_spectral_measures_see_every_row():
    rows, groups = clustered()
    report = geoscope.measure(rows, groups=groups, points=300, measures=FAST)
    assert (report.sample.rows, report.sample.points) == (900, 300)
    count = {m.measure: m.n for m in report.measurements}
    assert count["isoscore"] == 900
    assert count["two_nn"] == count["persistent_entropy"] == count["vasicek_ratio_mse"] == 300
    whole = geoscope.measure(rows, groups=groups, points="all", measures=FAST)
    assert whole.value("isoscore") == report.value("isoscore")
    assert whole.value("two_nn") != report.value("two_nn")


def test_duplicates_are_left_out_counted_and_said():
    rows, groups = clustered()
    copied = np.vstack([rows, rows[:40]])
    report = geoscope.measure(
        copied, groups=np.concatenate([groups, groups[:40]]), measures=["dimension", "persistence"]
    )
    assert {m.n for m in report.measurements} == {900}
    assert [(d.duplicates, d.zero_rows) for d in report.sample.dropped] == [(40, 0)]


def test_constant_rows_give_nulls_with_reasons():
    report = geoscope.measure(np.full((300, 6), 2.5), measures=FAST)
    for row in report.measurements:
        if "translation" in row_of(row.measure).holds:
            assert row.value is None
            assert row.reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"points": 0}, "points"),
        ({"points": "many"}, "points"),
        ({"isoscore_zeta": 2.0}, "zeta"),
        ({"measures": ["isotropie"]}, "isotropie"),
        ({"measures": []}, "at least one measure"),
        ({"corpora": ["sample"]}, "--corpus"),
        ({"null": "some"}, "--null"),
        ({"layers": "3"}, "layer"),
        ({"isoscore_reference": "missing.npy", "isoscore_zeta": 0.1}, "missing.npy"),
        ({"quantizer": "vq"}, "vq"),
    ],
)
def test_wrong_options_are_sentences(options, words):
    with pytest.raises(GeoscopeError, match=words):
        geoscope.measure(np.eye(8), **options)


def test_groups_belong_to_files(checkpoint_folder):
    with pytest.raises(GeoscopeError, match="--groups"):
        geoscope.measure(str(checkpoint_folder("bert")), groups="groups.npy")


def test_a_whole_number_that_no_float_holds_is_refused():
    with pytest.raises(GeoscopeError, match="expected --isoscore-zeta to be a number"):
        geoscope.measure(np.eye(8), isoscore_zeta=10**400)


def test_a_reference_covariance_from_a_file(tmp_path):
    rows, _ = clustered()
    np.save(tmp_path / "c0.npy", np.diag(np.arange(1.0, 13)))
    report = geoscope.measure(
        rows, measures=["isoscore_star"], isoscore_zeta=0.2, isoscore_reference=str(tmp_path / "c0.npy")
    )
    expected = measures.isoscore_star(rows, isoscore_zeta=0.2, isoscore_reference=np.diag(np.arange(1.0, 13)))
    assert report.value("isoscore_star") == pytest.approx(expected, rel=1e-12)
    assert report.settings["isoscore_reference"].startswith("sha256:")


def test_families_and_keys_select_in_the_tables_order():
    assert select(["two_nn", "isoscore"]) == ("isoscore", "two_nn")
    assert select(["reconstruction"]) == tuple(key for key in KEYS if key.startswith("reconstruction"))
    assert select(None) == DEFAULT
    assert select(["field"]) == tuple(key for key in KEYS if TRAITS[key].group == "field")
    assert set(select(["hubness"])) < set(select(["field"]))
