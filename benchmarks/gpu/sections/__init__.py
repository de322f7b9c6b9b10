"""What is run on a device, one a file: `run(run)` yields findings, and sentences, as it comes to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from benchmarks.gpu.settings import Run
from benchmarks.results import Finding


@dataclass(frozen=True)
class Planned:
    """least: seconds below which it is not begun. most: seconds after which it is stopped."""

    name: str
    title: str
    least: float
    most: float


class Section(Protocol):
    """A module of this package."""

    run: Callable[[Run], Iterator[Finding | str]]


SECTIONS = (
    Planned("rates", "The device, and the rates of its own products", 15, 60),
    Planned("cuda_tests", "The tests that need CUDA", 15, 90),
    Planned("agreement", "The device's numbers against the CPU's", 20, 90),
    Planned("pairs", "Neighbours and spanning tree", 15, 90),
    Planned("sums", "Sums over rows, by group of sequences", 10, 60),
    Planned("quantizer", "The local search quantizer", 10, 90),
    Planned("whole_job", "A whole job: every layer of a model of BERT-base's size", 30, 180),
    Planned("extraction", "Rows of every layer, against the bare forward pass", 15, 60),
    Planned("spectra", "Eigenvalues", 20, 90),
    Planned("cpu_job", "A smaller job, on the device and on the CPU", 30, 120),
    Planned("faiss_encoder", "FAISS's local search quantizer, its GPU encoder against its CPU", 20, 90),
)
"""By importance: when the seconds are used up, the last are left out."""


def section(name: str) -> Section:
    """The section of that name."""
    return cast(Section, import_module(f"benchmarks.gpu.sections.{name}"))
