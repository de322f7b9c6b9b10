"""Recipes: how a run is trained, by default and as the papers did it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from geoscope.errors import GeoscopeError
from geoscope.settings.fine_tuning import (
    BATCH_SIZE,
    EPOCHS,
    LEARNING_RATE,
    MAX_LENGTH,
    SEEDS,
    SELECTION,
    SHRINKAGES,
)
from geoscope.training.arms import Arm


@dataclass(frozen=True)
class Hyperparameters:
    """Of one run's training by AdamW. warmup: share of the steps. clip: the most a gradient's norm may be; 0: no bound.

    grouped: batches of alike length, which costs less padding than drawing them at random.
    """

    epochs: int = EPOCHS
    batch_size: int = BATCH_SIZE
    learning_rate: float = LEARNING_RATE
    max_length: int = MAX_LENGTH
    weight_decay: float = 0.01
    schedule: str = "linear"
    warmup: float = 0.1
    clip: float = 1.0
    grouped: bool = True

    def of(self, arm: Arm) -> Hyperparameters:
        """These, but for what is the arm's own."""
        return replace(self, **arm.training)

    def steps(self, examples: int) -> int:
        """How many there are over so many training examples."""
        return math.ceil(examples / self.batch_size) * self.epochs

    def check(self, examples: int) -> None:
        """Refuse a training of which nothing can be learnt: the first step of warm-up has a learning rate of 0."""
        if self.warmup > 0 and self.steps(examples) == 1:
            raise GeoscopeError(
                f"expected a training of at least two steps, since the first one of warm-up has a learning rate of 0, "
                f"got one ({examples:,} examples in batches of {self.batch_size:,}); give more epochs or examples, or "
                "smaller batches"
            )


@dataclass(frozen=True)
class Recipe:
    """What a paper did, as far as it is known; `unknown` says what is not."""

    paper: str
    unknown: str
    regularizers: tuple[str, ...]  # as --regularizer takes them
    shrinkages: tuple[float, ...] = SHRINKAGES
    seeds: int = SEEDS
    selection: str = SELECTION
    points_from: str | None = None
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)


DEFAULT = Recipe(paper="", unknown="", regularizers=("none",))

RECIPES: Mapping[str, Recipe] = {
    "istar2024": Recipe(
        paper="Rudman and Eickhoff 2024, arXiv 2305.19358",
        unknown="batch size, learning rate and epochs were searched per task and are not published; these are of the "
        "released example (SST-2, BERT: 4 epochs of batches of 32) and of its script's default (1e-5)",
        regularizers=("none", "istar=-5,-3,-1,1,3,5", "cosreg=1"),
        shrinkages=(0.2, 0.4, 0.6, 0.8),
        seeds=5,
        points_from="published",
        hyperparameters=Hyperparameters(
            epochs=4, batch_size=32, learning_rate=1e-5, max_length=256, weight_decay=0.0, schedule="constant",
            warmup=0.0, clip=0.0, grouped=False,
        ),
    ),
    "shrink2025": Recipe(
        paper="Kudriashov et al. 2025, arXiv 2501.05502",
        unknown="which of the released objectives made the tables (this one is the paper's: the entropy alone), how "
        "many seeds, and whether gradients were clipped (not here); its 8 accumulated batches of 8 are one of 64 here",
        regularizers=("none", "entropy=1"),
        seeds=5,
        points_from="published",
        hyperparameters=Hyperparameters(
            epochs=10, batch_size=64, learning_rate=8e-5, max_length=512, weight_decay=8e-6, schedule="cosine",
            warmup=0.1, clip=0.0, grouped=False,
        ),
    ),
    "trainer-defaults": Recipe(
        paper="transformers' TrainingArguments and its run_glue.py (which cuts to 128 tokens)",
        unknown="",
        regularizers=("none",),
        hyperparameters=Hyperparameters(batch_size=8, weight_decay=0.0, warmup=0.0, grouped=False),
    ),
}  # fmt: skip
