"""Every measure that no quantizer is trained for, with its error and null: on another device as on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

import geoscope
from geoscope.catalogue import QUANTIZED, select
from geoscope.rows import FloatArray

G = np.random.default_rng(30)
PLAIN = G.standard_normal((700, 24)) * G.exponential(1.0, 24)
SEQUENCES = np.minimum(np.arange(700) // 9, 60)
KEYS = [key for key in select(["default", "field"]) if key not in QUANTIZED]

CLOUDS: dict[str, FloatArray] = {
    "float32": (PLAIN + 3).astype(np.float32),
    "far from the origin": (PLAIN + 1e4).astype(np.float32),
    "fewer rows than dimensions": PLAIN[:20] + 1,
    "duplicates": np.repeat(PLAIN[:70], 10, axis=0),
    "zero rows": np.where(np.arange(700)[:, None] % 7 == 0, 0.0, PLAIN),
    "a constant dimension": np.where(np.arange(24) == 3, 5.0, PLAIN),
    "one dimension": PLAIN[:, :1],
    "beyond squares": PLAIN * 1e160,
    "a far row": np.vstack([PLAIN[:-1], np.full((1, 24), 1e5)]),
}
BELOW_RESOLUTION = {
    "a far row": {"rank_share": 1e-7, "alpha_req": 1e-6, "alpha_req_fit": 1e-6, "prompt_entropy": 1e-3},
}
"""Relative differences of what is made of eigenvalues some 1e-10 of the largest, which float64 gives six digits of."""


@pytest.mark.parametrize("name", CLOUDS)
def test_measures_there_are_those_here(name: str, elsewhere: str) -> None:
    rows = CLOUDS[name]
    asked = {"measures": KEYS, "points": None, "groups": SEQUENCES[: len(rows)]}
    here = geoscope.measure(rows, **asked)  # type: ignore[arg-type]
    there = geoscope.measure(rows, device=elsewhere, **asked)  # type: ignore[arg-type]
    for one, other in zip(here.measurements, there.measurements, strict=True):
        rel = BELOW_RESOLUTION.get(name, {}).get(one.measure, 1e-9)
        assert (other.measure, other.n, other.reason) == (one.measure, one.n, one.reason)
        assert_near(other.value, one.value, rel, one.measure)
        # a matched cloud is drawn by eigenvectors, which nearly equal eigenvalues turn; some errors are made in float32
        # and some of differences of nearly equal values
        assert_near(other.null, one.null, max(rel, 1e-5), one.measure)
        size = (one.standard_error or 0.0) + abs(one.value or 0.0) * rel / 1e-4
        assert_near(other.standard_error, one.standard_error, 1e-4, one.measure, size)


def assert_near(found: float | None, expected: float | None, rel: float, measure: str, size: float = 0.0) -> None:
    if expected is None:
        assert found is None, measure
    else:
        assert found == pytest.approx(expected, rel=0, abs=rel * (size or abs(expected)) + 1e-12), measure


def test_what_a_training_measures_there_is_what_it_measures_here(elsewhere: str) -> None:
    from geoscope.subjects.models.checkpoints import load_checkpoint
    from geoscope.training.geometry import measure_model

    def measured(device: str) -> list[tuple[str, str, float | None]]:
        loaded = load_checkpoint("demo", device=device)
        examples = [
            loaded.tokenizer(text) for text in ("a cat sat", "the dogs of war ran on", "one two three four five")
        ]
        keys = ["anisotropy", "two_nn", "largest_activation_ratio", "trajectory_curvature"]
        found = measure_model(loaded.model, loaded.tokenizer.pad, examples, keys)
        return [(each.cloud, each.measure, each.value) for each in found]

    here, there = measured("cpu"), measured(elsewhere)
    for (cloud, measure, value), (_, _, other) in zip(here, there, strict=True):
        assert_near(other, value, 1e-5, f"{measure} of {cloud}")  # attention is another implementation's there
    assert sum(value is not None for _, _, value in here) > 4
