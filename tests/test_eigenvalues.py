"""Eigenvalues against scipy's, and what computing them leaves of numpy's threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits

from geoscope.passes.eigenvalues import eigenvalues, eigenvectors


@pytest.fixture
def covariance() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.cov(rng.normal(size=(200, 48)) * np.geomspace(1, 1e-3, 48), rowvar=False)


def test_eigenvalues_are_scipys_largest_first(covariance: np.ndarray) -> None:
    expected = scipy.linalg.eigvalsh(covariance)[::-1]
    assert np.allclose(eigenvalues(covariance), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("precision", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-6)])
def test_eigenvectors_rebuild_the_matrix_in_its_own_precision(
    covariance: np.ndarray, precision: type[np.floating], tolerance: float
) -> None:
    values, vectors = eigenvectors(covariance.astype(precision))
    assert values.dtype == vectors.dtype == precision
    assert np.all(np.diff(values) <= 0)
    assert np.allclose((vectors * values) @ vectors.T, covariance, atol=tolerance)


def test_numpys_threads_are_given_back_however_many_ask_at_once(covariance: np.ndarray) -> None:
    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(eigenvalues, [covariance] * 64))
        assert threads() == before
    assert all(np.array_equal(values, found[0]) for values in found)
