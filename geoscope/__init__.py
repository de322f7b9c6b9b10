"""geoscope: the geometry of transformer latent spaces, measured.

The names below load when they are first used, so that importing geoscope costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geoscope.comparing import compare
    from geoscope.comparisons.comparison import Comparison
    from geoscope.errors import GeoscopeError
    from geoscope.measuring import measure
    from geoscope.report import Report
    from geoscope.subjects.embeddings.embeddings import Embeddings
    from geoscope.subjects.text_subjects import extract

__version__ = "0.1.0"

__all__ = ["Comparison", "Embeddings", "GeoscopeError", "Report", "__version__", "compare", "extract", "measure"]

_HOME = {
    "Comparison": "geoscope.comparisons.comparison",
    "Embeddings": "geoscope.subjects.embeddings.embeddings",
    "GeoscopeError": "geoscope.errors",
    "Report": "geoscope.report",
    "compare": "geoscope.comparing",
    "extract": "geoscope.subjects.text_subjects",
    "measure": "geoscope.measuring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'geoscope' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
