"""Training: regularized training with transformers' Trainer, and geometry measured on the way.

trainer = RegularizedTrainer(model=..., args=..., regularization=Regularization("istar", weight=1.0))
trainer.add_callback(GeometryCallback(trainer, texts))
trainer.train()

The names below load when they are first used: transformers' Trainer takes seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geoscope.training.geometry_callback import GeometryCallback
    from geoscope.training.regularization import Regularization
    from geoscope.training.trainer import RegularizedTrainer

_HOMES = {"GeometryCallback": "geometry_callback", "Regularization": "regularization", "RegularizedTrainer": "trainer"}

__all__ = ["GeometryCallback", "Regularization", "RegularizedTrainer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'geoscope.training' has no attribute {name!r}")
    return getattr(import_module(f"geoscope.training.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
