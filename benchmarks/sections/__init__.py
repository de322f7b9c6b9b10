"""The comparisons, one a file: `run(settings)` measures the cases and says what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from benchmarks.results import Section
from benchmarks.settings import Settings

NAMES = (
    "pairs", "growth", "three_measures", "moments", "extraction", "quantizer", "agreement", "memory", "regularizers",
    "errors", "field_errors", "small_draws", "readers",
)  # fmt: skip


def section(name: str) -> Callable[[Settings], Section]:
    """The section of that name."""
    found: Callable[[Settings], Section] = import_module(f"benchmarks.sections.{name}").run
    return found
