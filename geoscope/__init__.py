"""geoscope: the geometry of transformer latent spaces, measured.

The names below load when they are first used, so that importing geoscope costs nothing.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geoscope.comparing import compare
    from geoscope.comparisons.checks import Check, check
    from geoscope.comparisons.comparison import Comparison
    from geoscope.comparisons.noise_floor import NoiseFloor
    from geoscope.comparisons.size_curve import SizeCurve
    from geoscope.correlations.correlate import correlate
    from geoscope.correlations.correlations import Correlations
    from geoscope.errors import GeoscopeError, NotComparable
    from geoscope.extracting import extract
    from geoscope.finetuning.outcome import FineTuning
    from geoscope.finetuning.sweeps import finetune
    from geoscope.measuring import measure
    from geoscope.noise_floors import noise_floor
    from geoscope.report import Report
    from geoscope.size_curves import size_curve
    from geoscope.studies.study import perturb
    from geoscope.subjects.embeddings.embeddings import Embeddings

__version__ = "0.1.0"

__all__ = [
    "Check",
    "Comparison",
    "Correlations",
    "Embeddings",
    "FineTuning",
    "GeoscopeError",
    "NoiseFloor",
    "NotComparable",
    "Report",
    "SizeCurve",
    "__version__",
    "check",
    "compare",
    "correlate",
    "extract",
    "finetune",
    "measure",
    "noise_floor",
    "perturb",
    "size_curve",
]

_HOME = {
    "Check": "geoscope.comparisons.checks",
    "Comparison": "geoscope.comparisons.comparison",
    "Correlations": "geoscope.correlations.correlations",
    "Embeddings": "geoscope.subjects.embeddings.embeddings",
    "FineTuning": "geoscope.finetuning.outcome",
    "GeoscopeError": "geoscope.errors",
    "NoiseFloor": "geoscope.comparisons.noise_floor",
    "NotComparable": "geoscope.errors",
    "Report": "geoscope.report",
    "SizeCurve": "geoscope.comparisons.size_curve",
    "check": "geoscope.comparisons.checks",
    "compare": "geoscope.comparing",
    "correlate": "geoscope.correlations.correlate",
    "extract": "geoscope.extracting",
    "finetune": "geoscope.finetuning.sweeps",
    "measure": "geoscope.measuring",
    "noise_floor": "geoscope.noise_floors",
    "perturb": "geoscope.studies.study",
    "size_curve": "geoscope.size_curves",
}

if "torch" not in sys.modules:  # which reads it as it is loaded
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads that spin slow each other's libraries down


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'geoscope' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def presentation() -> Any:
    """What shows results to people. They stand below it, and ask for it here when they are to be shown."""
    return import_module("geoscope.documents.rendering")


def __dir__() -> list[str]:
    return sorted(__all__)
