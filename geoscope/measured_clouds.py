"""Measured clouds: every measure of some clouds of rows, as a report's measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geoscope.catalogue import QUANTIZED
from geoscope.codebooks import QuantizerSettings
from geoscope.estimates import Estimate, Estimator
from geoscope.gathering import Gathering
from geoscope.memory import hand_back
from geoscope.passes import Passes, PassSettings
from geoscope.report import Measurement
from geoscope.rows import Layer

_LARGE = 2**22  # bytes of points; what smaller clouds leave behind is not worth the time


@dataclass(frozen=True)
class CloudOptions:
    """What the estimates need beside the rows; grid: the quantizers to measure by in turn, instead of passes' own."""

    passes: PassSettings
    settings: dict[str, Any]
    errors: bool
    null: str
    fraction: float
    grid: tuple[QuantizerSettings, ...] = ()


def measure_clouds(
    clouds: Sequence[Gathering], keys: Sequence[str], options: CloudOptions
) -> tuple[list[Measurement], list[dict[str, Any]]]:
    """Every key of every cloud, and the rows left out of each cloud that had some."""
    rows: list[Measurement] = []
    dropped: list[dict[str, Any]] = []
    for cloud in clouds:
        passes = Passes(cloud.moments, cloud.take_points(), cloud.sequences, options.passes)
        estimator = Estimator(
            passes,
            options.settings,
            cloud.moments_without if options.errors else None,
            fraction=options.fraction,
            seen=len(passes.points) / cloud.rows,
            null=options.null,
        )
        if passes.points.nbytes > _LARGE:
            hand_back()  # what reading, or the cloud before, has let go of
        rows += _rows(cloud.layer, keys, estimator, options.grid)
        if passes.duplicates or cloud.zero_rows:
            dropped.append({"layer": cloud.layer, "duplicates": passes.duplicates, "zero_rows": cloud.zero_rows})
    return rows, dropped


def _rows(
    layer: Layer, keys: Sequence[str], estimator: Estimator, grid: Sequence[QuantizerSettings]
) -> list[Measurement]:
    """A measurement a key, or of a quantized one a measurement a quantizer of the grid."""
    on_grid = [key for key in keys if grid and key in QUANTIZED]
    found = {key: [_measurement(layer, key, estimator.estimate(key))] for key in keys if key not in on_grid}
    for quantizer in grid:  # one quantizer's codes are forgotten before the next is trained
        by_it = estimator.by(quantizer)
        size = {"codebooks": quantizer.codebooks, "bits": quantizer.bits}
        for key in on_grid:
            found.setdefault(key, []).append(_measurement(layer, key, by_it.estimate(key)).model_copy(update=size))
    return [row for key in keys for row in found[key]]


def _measurement(layer: Layer, key: str, estimate: Estimate) -> Measurement:
    return Measurement(layer=layer, measure=key, **vars(estimate))
