"""Training: regularized training with transformers' Trainer, and geometry measured on the way.

trainer = RegularizedTrainer(model=..., args=..., regularization=Regularization("istar", weight=1.0))
trainer.add_callback(GeometryCallback(trainer, texts))
trainer.train()

The names below load when they are first used: transformers' Trainer takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geoscope.training.trainer import GeometryCallback, Regularization, RegularizedTrainer

__all__ = ["GeometryCallback", "Regularization", "RegularizedTrainer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'geoscope.training' has no attribute {name!r}")
    from geoscope.training import trainer

    return getattr(trainer, name)


def __dir__() -> list[str]:
    return sorted(__all__)
