"""Arms: the regularizers of a study, each with one weight and its settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.settings.texts import numbers_of

REGULARIZERS = ("none", "istar", "cosreg", "entropy")

UP = {
    "istar": "istar's w above 0 raises isotropy (IsoScore*), below 0 lowers it",
    "cosreg": "cosreg's w above 0 lowers the mean cosine",
    "entropy": "entropy's w above 0 raises the persistent entropy",
}
"""What the sign of a weight does."""


@dataclass(frozen=True)
class Arm:
    """One regularizer with its settings; what a regularizer does not have is None. `none` has no settings at all."""

    regularizer: str
    weight: float | None = None
    shrinkage: float | None = None
    selection: str | None = None
    noise_weight: float | None = None
    points_from: str | None = None
    reference_points: int | None = None

    @property
    def name(self) -> str:
        """What its folder is called, and its line in a table."""
        if self.regularizer == "none":
            return "none"
        parts = [self.regularizer, f"w{self.weight:g}"]
        parts += [f"z{self.shrinkage:g}"] if self.shrinkage is not None else []
        parts += [self.selection] if self.selection is not None else []
        parts += [f"noise{self.noise_weight:g}"] if self.noise_weight else []
        parts += [self.points_from] if self.points_from is not None else []
        return "_".join(parts)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that there are, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def grid(
    regularizers: Iterable[str],
    weights: Sequence[float],
    shrinkages: Sequence[float],
    *,
    selection: str,
    noise_weight: float,
    points_from: str | None,
    reference_points: int,
) -> list[Arm]:
    """The arms of every regularizer, weight and (istar) shrinkage, `none` first; each once.

    regularizers: NAME, or NAME=W,W,... with weights of its own. Weight 0 is `none`, which does the same.
    """
    wrong = [shrinkage for shrinkage in shrinkages if not 0.0 <= shrinkage <= 1.0]
    if wrong:
        raise GeoscopeError(f"expected a shrinkage between 0 and 1, got {wrong[0]:g}")
    arms: list[Arm] = []
    for spec in regularizers:
        name, own = parse_regularizer(spec)
        for weight in [0.0] if name == "none" else own or weights:
            if weight == 0.0:
                arms.append(Arm("none"))
            elif name == "istar":
                arms += [
                    Arm(name, weight, shrinkage, points_from=points_from or "tokens", reference_points=reference_points)
                    for shrinkage in shrinkages
                ]
            elif name == "cosreg":
                arms.append(Arm(name, weight, points_from=points_from or "last"))
            else:
                arms.append(
                    Arm(
                        name, weight, selection=selection, noise_weight=noise_weight,
                        points_from=points_from or "first",
                    )
                )  # fmt: skip
    return sorted(dict.fromkeys(arms), key=lambda arm: arm.regularizer != "none")


def parse_regularizer(spec: str) -> tuple[str, tuple[float, ...]]:
    """NAME or NAME=W,W,... as the name and its own weights."""
    name, _, weights = spec.partition("=")
    if name not in REGULARIZERS:
        raise GeoscopeError(f"expected --regularizer to be {', '.join(REGULARIZERS)} or NAME=W,W,..., got {spec!r}")
    return name, numbers_of(weights, "--regularizer") if weights else ()
