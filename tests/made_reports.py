"""Reports made up for tests, with noise that is known."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from geoscope.catalogue import DEFAULT, ONE_NUMBER, TRAITS
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


def layered(layers: int, name: str = "model", shift: float = 0.0) -> Report:
    """Every measure of so many layers, 64 dimensions wide, with errors and nulls; the middle layer is the narrowest."""
    rows = []
    for layer in range(layers):
        part = abs(layer - layers // 2) / max(layers // 2, 1)
        isoscore = 0.1 + 0.3 * part + shift
        values = {"isoscore_star": isoscore, "isoscore": isoscore, "participation_ratio": 1 + 63 * isoscore,
                  "participation_ratio_corrected": 2 + 63 * isoscore,
                  "average_cosine_similarity": 0.6 - 0.5 * part}  # fmt: skip
        for place, measure in enumerate(TRAITS[key] for key in DEFAULT):
            value = values.get(measure.key, (place + 1 + part) / 40 * (100 if measure.highest is None else 1) + shift)
            value = value if measure.warning is None else value / 10
            noise = noise_of(place, 1e-3 * value)
            if measure.key in ONE_NUMBER:
                noise = [each * (63 if measure.key == ONE_NUMBER[-1] else 1) for each in noise_of(0, 1e-3 * isoscore)]
            null = value * (1.5 if place % 7 else 1.0)
            rows.append(row(measure.key, value, layer=layer, noise=noise, null=null, null_kind=measure.null_kind))
    made = report(*rows, name=name, layers=max(layers - 1, 1))
    return made.model_copy(update={"subject": made.subject.model_copy(update={"hidden_size": 64})})
