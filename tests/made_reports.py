"""Reports made up for tests, with noise that is known."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from geoscope.report import CorpusShare, Measurement, Report, Sample, Subject

GROUPS = 20


def jackknife(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return float(((len(values) - 1) / len(values) * sum((value - mean) ** 2 for value in values)) ** 0.5)


def row(
    measure: str,
    value: float | None,
    *,
    layer: int | None = 6,
    noise: Sequence[float] | None = None,
    n: int = 1000,
    **more: Any,
) -> Measurement:
    """A measurement; noise: by how much the measure moves without each group, from which its error follows."""
    if value is None:
        return Measurement(layer=layer, measure=measure, value=None, n=n, reason="all rows are equal")
    if noise is not None:
        replicates = [value + each for each in noise]
        more = {"replicates": replicates, "standard_error": jackknife(replicates)} | more
    return Measurement(layer=layer, measure=measure, value=value, n=n, **more)


def noise_of(seed: int, size: float = 0.01) -> list[float]:
    generator = random.Random(seed)
    return [generator.gauss(0, size) for _ in range(GROUPS)]


def report(
    *rows: Measurement,
    name: str = "base",
    draw: str | None = "sha256:draw",
    layers: int | None = 6,
    sample: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Report:
    """A checkpoint's report; two with the same draw saw the same sequences."""
    facts: dict[str, Any] = {
        "corpora": [CorpusShare(name="sample", fingerprint="sha256:corpus", sequences=100)],
        "sequences": 100, "rows": 1000, "points": 1000, "pooling": "tokens", "max_length": 128, "seed": 0,
        "fingerprint": draw,
    }  # fmt: skip
    made_with = {
        "tokens": "all", "layers": "last", "split": None, "isoscore_zeta": 0.0,
        "isoscore_reference": "scaled-identity",
        "quantizer": {"kind": "lsq", "codebooks": 4, "bits": 8, "seed": 0, "implementation": "geoscope"},
        "two_nn_discard": 0.1, "duplicate_tolerance": 1e-5,
    }  # fmt: skip
    return Report(
        subject=Subject(name=name, kind="checkpoint", fingerprint=f"sha256:{name}", layers=layers),
        sample=Sample(**(facts | dict(sample or {}))),
        settings=made_with | dict(settings or {}),
        measurements=list(rows),
        environment={},
    )
