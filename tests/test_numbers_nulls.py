"""Closed nulls against simulation: what each measure gives on isotropic Gaussian rows, on average, at small n and d."""

from __future__ import annotations

import numpy as np
import pytest

import geoscope
from geoscope import measures
from geoscope.estimates import nulls

# Means over isotropic Gaussian clouds of the measures themselves, and the standard errors of those means: 40,000 clouds
# of 20 x 4, 30,000 of 50 x 5, 20,000 of 20 x 20, 10,000 of 20 x 50 and 300 x 10, 400 of 100 x 384, 150 of 1000 x 100,
# and 30 of 2000 x 128 and 129; for the corrected one 4,000 (50 x 5: 3,000, 300 x 10: 2,000, 100 x 384: 100,
# 1000 x 100: 60).
SIMULATED = {
    (20, 4): {
        "anisotropy": (0.4185, 0.0003), "anisotropy_uncentered": (0.4140, 0.0002), "isoscore": (0.7569, 0.0004),
        "participation_ratio": (3.271, 0.001), "effective_rank": (3.872, 0.0003),
        "eigenvalue_early_enrichment": (0.2112, 0.0002), "vasicek_ratio_mse": (0.1148, 0.0001),
        "participation_ratio_corrected": (4.034, 0.007), "top_dimension_energy": (0.8277, 0.0002),
    },
    (20, 20): {
        "anisotropy": (0.1795, 0.0001), "anisotropy_uncentered": (0.1753, 0.0001), "isoscore": (0.4515, 0.0002),
        "participation_ratio": (9.578, 0.003), "effective_rank": (15.456, 0.002),
        "eigenvalue_early_enrichment": (0.5503, 0.0001), "vasicek_ratio_mse": (0.3191, 0.0001),
        "participation_ratio_corrected": (20.26, 0.04), "top_dimension_energy": (0.2280, 0.0001),
    },
    (20, 50): {
        "anisotropy": (0.1253, 0.0001), "anisotropy_uncentered": (0.1217, 0.0001), "isoscore": (0.2573, 0.0001),
        "participation_ratio": (13.61, 0.004), "effective_rank": (17.93, 0.001),
        "eigenvalue_early_enrichment": (0.3809, 0.0001), "vasicek_ratio_mse": (0.6854, 0.0001),
        "participation_ratio_corrected": (50.49, 0.09), "top_dimension_energy": (0.1029, 0.0001),
    },
    (50, 5): {
        "anisotropy": (0.3003, 0.0001), "anisotropy_uncentered": (0.2992, 0.0001), "isoscore": (0.8744, 0.0002),
        "participation_ratio": (4.498, 0.001), "effective_rank": (4.926, 0.0002),
        "eigenvalue_early_enrichment": (0.1620, 0.0002), "vasicek_ratio_mse": (0.04637, 0.00006),
        "participation_ratio_corrected": (5.010, 0.004), "top_dimension_energy": (0.6655, 0.0001),
    },
    (300, 10): {
        "anisotropy": (0.13276, 0.00005), "anisotropy_uncentered": (0.1327, 0.00005), "isoscore": (0.9613, 0.0001),
        "participation_ratio": (9.652, 0.001), "effective_rank": (9.954, 0.0001),
        "eigenvalue_early_enrichment": (0.1040, 0.0001), "vasicek_ratio_mse": (0.01005, 0.00002),
        "participation_ratio_corrected": (10.0008, 0.0016), "top_dimension_energy": (0.3266, 0.0001),
    },
    (1000, 100): {
        "anisotropy": (0.01704, 0.00002), "anisotropy_uncentered": (0.01704, 0.00002), "isoscore": (0.9073, 0.0001),
        "participation_ratio": (90.82, 0.01), "effective_rank": (98.70, 0.002),
        "eigenvalue_early_enrichment": (0.1820, 0.0001), "vasicek_ratio_mse": (0.02552, 0.00005),
        "participation_ratio_corrected": (99.94, 0.03), "top_dimension_energy": (0.03303, 0.00003),
    },
    (100, 384): {
        "anisotropy": (0.02245, 0.00003), "anisotropy_uncentered": (0.0223, 0.00003), "isoscore": (0.2025, 0.0001),
        "participation_ratio": (78.55, 0.02), "effective_rank": (95.51, 0.003),
        "eigenvalue_early_enrichment": (0.2964, 0.0001), "vasicek_ratio_mse": (0.9404, 0.0001),
        "participation_ratio_corrected": (384.7, 0.8), "top_dimension_energy": (0.01113, 0.00002),
    },
    (2000, 128): {
        "effective_rank": (126.94, 0.003), "eigenvalue_early_enrichment": (0.1460, 0.0002),
        "vasicek_ratio_mse": (0.01631, 0.00005),
    },
    (2000, 129): {
        "effective_rank": (127.93, 0.002), "eigenvalue_early_enrichment": (0.1464, 0.0002),
        "vasicek_ratio_mse": (0.01636, 0.00005),
    },
}  # fmt: skip
SIZES = list(SIMULATED)


def closed_nulls(n: int, d: int, keys: list[str], seed: int = 0, **options: float) -> dict[str, float]:
    rows = np.random.default_rng(0).standard_normal((n, d))
    report = geoscope.measure(rows, measures=keys, errors=False, null="closed", seed=seed, **options)
    return {row.measure: row.null for row in report.measurements}


@pytest.mark.parametrize(("n", "d"), SIZES)
def test_closed_nulls_are_what_simulation_gives(n, d):
    """Within 2 %, from the smallest clouds on, with as many rows as dimensions, and with fewer."""
    found = closed_nulls(n, d, list(SIMULATED[n, d]))
    wrong = {
        key: (found[key], mean)
        for key, (mean, error) in SIMULATED[n, d].items()
        if not abs(found[key] - mean) <= max(0.02 * mean, 2 * error)
    }
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize(("n", "d"), SIZES)
def test_the_simulation_gives_what_is_written_here(n, d):
    clouds = int(np.clip(4e6 / (n * d * min(n, d)), 12, 2000))
    generator = np.random.default_rng([n, d])
    for key, (mean, error) in SIMULATED[n, d].items():
        values = [getattr(measures, key)(generator.standard_normal((n, d))) for _ in range(clouds)]
        spread = np.std(values, ddof=1) / np.sqrt(clouds)
        assert np.mean(values) == pytest.approx(mean, abs=4 * np.hypot(spread, error)), key


@pytest.mark.parametrize(
    ("n", "d", "simulated"),
    [
        (5, 3, 0.6945),
        (8, 8, 0.4057),
        (20, 2, 0.6414),
        (20, 4, 0.4185),
        (50, 5, 0.3003),
        (300, 10, 0.1328),
        (1000, 4, 0.2718),
    ],
)
def test_the_null_of_anisotropy_is_the_mean_largest_eigenvalue(n, d, simulated):
    """Not the edge that it tends to, (sqrt n + sqrt d)^2 / (n d), which few clouds reach."""
    assert nulls.anisotropy_null(n, d) == pytest.approx(simulated, rel=0.02)


def test_the_null_of_anisotropy_stays_in_its_range():
    for n, d in [(3, 1), (3, 2), (3, 9), (4, 3), (10, 1), (10**7, 8192)]:
        assert 1 / min(n - 1, d) <= nulls.anisotropy_null(n, d) <= 1


@pytest.mark.parametrize(("zeta", "simulated"), [(0.2, 0.8318), (0.5, 0.9278)])
def test_shrinkage_is_allowed_for(zeta, simulated):
    found = closed_nulls(20, 4, ["isoscore_star"], isoscore_zeta=zeta)
    assert found["isoscore_star"] == pytest.approx(simulated, rel=0.02)


def test_only_what_shrinks_has_another_null_for_it(tmp_path):
    keys = ["isoscore_star", "isoscore", "participation_ratio"]
    plain = closed_nulls(20, 4, keys)
    assert plain["isoscore_star"] == plain["isoscore"]
    shrunk = closed_nulls(20, 4, keys, isoscore_zeta=0.2)
    assert {key: shrunk[key] for key in keys[1:]} == {key: plain[key] for key in keys[1:]}
    np.save(tmp_path / "other.npy", np.diag([1.0, 2.0, 3.0, 4.0]))
    other = {"isoscore_reference": str(tmp_path / "other.npy")}
    assert closed_nulls(20, 4, keys, **other) == plain  # of a reference that is not used
    assert closed_nulls(20, 4, keys, isoscore_zeta=0.2, **other)["isoscore_star"] is None


def test_a_null_is_of_n_and_d_alone():
    keys = ["effective_rank", "eigenvalue_early_enrichment", "vasicek_ratio_mse", "anisotropy"]
    assert closed_nulls(30, 6, keys, seed=1) == closed_nulls(30, 6, keys, seed=2)
