"""Arms: the regularizers of a study, each with one weight and its settings, and the training that is its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from math import inf
from typing import Any, get_args

from geoscope.errors import GeoscopeError
from geoscope.settings.fine_tuning import Regularizer, Selection
from geoscope.settings.texts import numbers_of

REGULARIZERS = get_args(Regularizer)

UP = {
    "istar": "istar's w above 0 raises isotropy (IsoScore*), below 0 lowers it",
    "cosreg": "cosreg's w above 0 lowers the mean cosine",
    "entropy": "entropy's w above 0 raises the persistent entropy",
    "patchiness": "patchiness's w above 0 raises the patchiness",
}
"""What the sign of a weight does."""

TRAINING = ("epochs", "batch_size", "learning_rate")
"""What of the training may be an arm's own."""

_OWN_POINTS = {"istar": "tokens", "cosreg": "last", "entropy": "first", "patchiness": "last"}


@dataclass(frozen=True)
class Arm:
    """One regularizer with its settings; what a regularizer does not have is None. `none` has none of these.

    epochs, batch_size, learning_rate: of the arm's own training, where a study has several; else None.
    """

    regularizer: str
    weight: float | None = None
    shrinkage: float | None = None
    selection: str | None = None
    noise_weight: float | None = None
    points_from: str | None = None
    reference_points: int | None = None
    selection_factor: float | None = None
    temperature: float | None = None
    codebook_points: int | None = None
    codebook_steps: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None

    @property
    def name(self) -> str:
        """What its folder is called, and its line in a table."""
        parts = [self.regularizer]
        parts += [f"w{self.weight:g}"] if self.weight is not None else []
        parts += [f"z{self.shrinkage:g}"] if self.shrinkage is not None else []
        parts += [self.selection] if self.selection is not None else []
        parts += [f"q{self.selection_factor:g}"] if self.selection_factor is not None else []
        parts += [f"t{self.temperature:g}"] if self.temperature is not None else []
        parts += [f"noise{self.noise_weight:g}"] if self.noise_weight else []
        parts += [self.points_from] if self.points_from is not None else []
        parts += [f"e{self.epochs}"] if self.epochs is not None else []
        parts += [f"b{self.batch_size}"] if self.batch_size is not None else []
        parts += [f"lr{self.learning_rate:g}"] if self.learning_rate is not None else []
        return "_".join(parts)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that there are, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @property
    def training(self) -> dict[str, Any]:
        """What of the training is its own, by name."""
        return {name: getattr(self, name) for name in TRAINING if getattr(self, name) is not None}

    @property
    def penalty(self) -> Arm:
        """The same regularizer and settings under a training that is not the arm's own."""
        return self.without(*TRAINING)

    def without(self, *names: str) -> Arm:
        """The same but for some settings, which it then does not have."""
        kept: dict[str, Any] = {name: None if name in names else value for name, value in vars(self).items()}
        return Arm(**kept)


COLUMNS = tuple(
    field.name for field in fields(Arm) if field.name not in ("reference_points", "codebook_points", "codebook_steps")
)
"""What tells the arms of a study apart: a folder's name tells no more of an arm."""


def grid(
    regularizers: Iterable[str],
    weights: Sequence[float],
    shrinkages: Sequence[float],
    *,
    selections: Sequence[str],
    selection_factors: Sequence[float],
    trainings: Mapping[str, Sequence[float]],
    **settings: Any,
) -> list[Arm]:
    """The arms of every regularizer, weight, training and (istar) shrinkage or (entropy) selection; each once.

    regularizers: NAME, or NAME=W,W,... with weights of its own. Weight 0 is `none`, which does the same and comes first
    of a training. trainings: values of what of TRAINING differs between arms. settings: the others that arms have; a
    regularizer takes those that are its own.
    """
    _check("a --shrinkage between 0 and 1", [value for value in shrinkages if not 0.0 <= value <= 1.0])
    known = get_args(Selection)
    _check("a finite --selection-factor above 0", [value for value in selection_factors if not 0.0 < value < inf])
    _check(f"a --selection of {', '.join(known)}", [value for value in selections if value not in known])
    _check("a finite --temperature above 0", [value for value in [settings["temperature"]] if not 0.0 < value < inf])
    penalties: list[Arm] = []
    for spec in regularizers:
        name, own = parse_regularizer(spec)
        for weight in [0.0] if name == "none" else own or weights:
            if weight == 0.0:
                penalties.append(Arm("none"))
                continue
            points = settings["points_from"] or _OWN_POINTS[name]
            varied = _varied(name, shrinkages, selections, selection_factors, settings)
            penalties += [Arm(name, weight, points_from=points, **each) for each in varied]
    arms = [
        Arm(**vars(arm) | dict(zip(trainings, values, strict=True)))
        for values in product(*trainings.values())
        for arm in sorted(penalties, key=lambda arm: arm.regularizer != "none")
    ]
    return list(dict.fromkeys(arms))


def _varied(
    name: str,
    shrinkages: Sequence[float],
    selections: Sequence[str],
    selection_factors: Sequence[float],
    settings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The settings of a regularizer's own that its arms have, each combination once."""
    if name == "istar":
        return [{"shrinkage": value, "reference_points": settings["reference_points"]} for value in shrinkages]
    if name == "entropy":
        return [
            {"selection": selection, "noise_weight": settings["noise_weight"]}
            | ({} if factor == 1.0 or selection not in _BY_Q else {"selection_factor": factor})
            for selection in selections
            for factor in selection_factors
        ]
    if name == "patchiness":
        return [{key: settings[key] for key in ("temperature", "codebook_points", "codebook_steps")}]
    return [{}]


_BY_Q = ("strict", "published", "random")  # selections that Q bears on


def _check(what: str, wrong: Sequence[Any]) -> None:
    if wrong:
        raise GeoscopeError(f"expected {what}, got {wrong[0]}; give one")


def parse_regularizer(spec: str) -> tuple[str, tuple[float, ...]]:
    """NAME or NAME=W,W,... as the name and its own weights."""
    name, _, weights = spec.partition("=")
    if name not in REGULARIZERS:
        raise GeoscopeError(
            f"expected --regularizer to be {', '.join(REGULARIZERS)} or NAME=W,W,..., got {spec!r}; give one"
        )
    return name, numbers_of(weights, "--regularizer") if weights else ()
