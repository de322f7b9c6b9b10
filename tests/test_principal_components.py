"""Principal components against scipy's own: more of them than are scored at a time, few rows, parts of a cloud."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import differential_entropy

from geoscope.passes.principal_components import components_of, components_of_parts


def cloud(n, d=150):
    return np.random.default_rng(0).standard_normal((n, d)) * np.linspace(3, 0.5, d) + 2.0


@pytest.mark.parametrize("n", [400, 60])
def test_variances_and_entropies_are_scipys_of_the_scores(n):
    rows = cloud(n)
    centred = rows - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    scores = (centred @ axes.T)[:, : min(n - 1, 150)]
    found = components_of(rows)
    scale = found.variances.sum() / scores.var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(found.variances, scale * scores.var(axis=0, ddof=1), rtol=1e-9)
    window = int(np.sqrt(n) + 0.5)
    expected = differential_entropy(scores, window_length=window, method="vasicek") + np.log(scale) / 2
    np.testing.assert_allclose(found.entropies, expected, atol=1e-9)


def test_components_of_a_part_are_those_of_its_rows_alone():
    rows = cloud(900)
    masks = [np.random.default_rng(seed).random(900) < 0.5 for seed in range(3)]
    for mask, part in zip(masks, components_of_parts(rows, masks), strict=True):
        alone = components_of(rows[mask])
        scale = part.variances.sum() / alone.variances.sum()
        np.testing.assert_allclose(part.variances, scale * alone.variances, rtol=1e-4)
        np.testing.assert_allclose(part.entropies, alone.entropies + np.log(scale) / 2, atol=1e-3)
