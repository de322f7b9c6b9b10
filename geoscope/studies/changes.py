"""States: what a study does to a model, and the levels and seeds at which it does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geoscope.bounds import STATES
from geoscope.errors import GeoscopeError
from geoscope.settings.option import choices_of, default_of
from geoscope.settings.studying import DEFAULT_LEVELS, Perturbing
from geoscope.studies.levels import amounts_of, parse_levels
from geoscope.transforms import Step, Transform, step_at, transform_named

KINDS = ("noise", "shuffle-embeddings", "untrained", "swap-embeddings=CHECKPOINT", "transform=T")
"""Noise in the weights; rows of the word embeddings in another order; new weights; another's word embeddings; the
weights as they are, their rows transformed."""

_OF_ANOTHER = ("swap-embeddings", "transform")

NOISE_KINDS = choices_of(Perturbing, "noise_kind")
"""Scale of the noise: N(0, 1) whatever the weights are (as published), or times each weight's own deviation."""


@dataclass(frozen=True)
class State:
    """The model of one part of a study: at a noise level (percent), changed by a seed. Level 0 has no seed.

    amount: of a transform of its rows.
    """

    level: float | None
    seed: int | None
    amount: float | None = None

    @property
    def keys(self) -> dict[str, Any]:
        """The key columns of its rows."""
        found = {"noise_level": self.level, "noise_seed": self.seed, "transform_level": self.amount}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def name(self) -> str:
        """Such as level-0.5-seed-1, transform-0.5, or changed."""
        parts = [] if self.level is None else [f"level-{self.level:zg}"]
        parts += [] if self.amount is None else [f"transform-{self.amount:zg}"]
        parts += [] if self.seed is None else [f"seed-{self.seed}"]
        return "-".join(parts) or "changed"


@dataclass(frozen=True)
class Change:
    """What is done to the weights: one of KINDS, and of noise its scale, its draws and targets (None: as published).

    Raises GeoscopeError for words that are none of these.
    """

    kind: str = default_of(Perturbing, "kind")
    noise_kind: str = default_of(Perturbing, "noise_kind")
    targets: str | None = None
    noise_draws: str = default_of(Perturbing, "noise_draws")

    def __post_init__(self) -> None:
        name, _, of = self.kind.partition("=")
        known = [kind.partition("=")[0] for kind in KINDS]
        if name not in known or bool(of) != (name in _OF_ANOTHER):
            raise GeoscopeError(f"expected --kind to be one of {', '.join(KINDS)}, got {self.kind!r}; give one of them")
        if self.noise_kind not in NOISE_KINDS:
            raise GeoscopeError(
                f"expected --noise-kind to be {' or '.join(NOISE_KINDS)}, got {self.noise_kind!r}; give one of them"
            )
        if self.kind != "noise" and self.targets is not None:
            raise GeoscopeError(f"expected --targets only of noise, got it with --kind {self.kind}; leave it out")
        _ = self.transform

    @property
    def donor(self) -> str | None:
        """The checkpoint whose embeddings are taken."""
        name, _, of = self.kind.partition("=")
        return of if name == "swap-embeddings" else None

    @property
    def transform(self) -> Transform | None:
        """What is done to the rows; raises GeoscopeError for what is no transform."""
        name, _, of = self.kind.partition("=")
        return transform_named(of) if name == "transform" else None

    def steps(self, state: State) -> tuple[Step, ...]:
        """What is done to the rows in a state."""
        step = None if self.transform is None or state.amount is None else step_at(self.transform, state.amount)
        return () if step is None or step.changes_nothing else (step,)

    def states(self, levels: str | Sequence[float] | None, seeds: int, first_seed: int) -> tuple[State, ...]:
        """Every level with every seed, from first_seed on; the untouched model, the swapped and each transform once."""
        if seeds < 1:
            raise GeoscopeError(f"expected at least 1 of --seeds, got {seeds}; give how many times to draw the noise")
        numbers = range(first_seed, first_seed + seeds)
        if self.kind == "noise":
            wanted = parse_levels(DEFAULT_LEVELS if levels is None else levels)
            if len(wanted) * seeds > STATES:
                raise GeoscopeError(
                    f"expected at most {STATES:,} models, got {len(wanted):,} --levels times {seeds:,} --seeds; ask "
                    "for fewer"
                )
            return tuple(State(level, seed) for level in wanted for seed in (numbers if level else (None,)))
        if self.transform is not None:
            return tuple(State(None, None, amount) for amount in amounts_of(self.transform, levels))
        if levels is not None:
            raise GeoscopeError(
                f"expected --levels only of noise or a transform, got it with --kind {self.kind}; leave it out"
            )
        return (State(None, None),) if self.donor else tuple(State(None, seed) for seed in numbers)
