"""Transforms: what may be done to rows before they are measured, by name. Loads no numpy.

They are fitted in `geoscope/passes/fitted_transforms.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from geoscope.errors import GeoscopeError
from geoscope.wording import meant

MOST_STEPS = 8
"""Each may take a sweep over all rows."""


@dataclass(frozen=True)
class Transform:
    """One transform: what it does, and the amount that it takes, if any.

    letter: what stands for the amount. least, most: between what it lies; whole: whether it is a whole number. above:
    whether the least is itself no amount. levels: those that a study is made at.
    """

    name: str
    does: str
    letter: str = ""
    least: float = 0.0
    most: float = float("inf")
    whole: bool = False
    above: bool = False
    levels: tuple[float, ...] = (0.0, 1.0)

    @property
    def written(self) -> str:
        """How it is typed."""
        return f"{self.name}={self.letter}" if self.letter else self.name

    @property
    def starts_at_none(self) -> bool:
        """Whether an amount of 0 leaves rows as they are."""
        return not self.above

    def takes(self, amount: float) -> bool:
        """Whether it is an amount of this transform."""
        enough = amount > self.least if self.above else amount >= self.least
        return isfinite(amount) and enough and amount <= self.most and (not self.whole or amount == int(amount))

    @property
    def amounts(self) -> str:
        """The amounts that it takes, in words."""
        told = "a whole number" if self.whole else "a number"
        least = f"above {self.least:g}" if self.above else f"from {self.least:g}"
        return f"{told} {least}" + ("" if self.most == float("inf") else f" to {self.most:g}")


_COUNTS = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0)

TRANSFORMS: Mapping[str, Transform] = {
    each.name: each
    for each in (
        Transform("center", "x - mu, mu the mean of all rows"),
        Transform(
            "drop-top", "without the mean and the K directions of most variance (Mu and Viswanath 2018)",
            "K", whole=True, levels=_COUNTS,
        ),
        Transform(
            "whiten",
            "U L^(-A/2) U' (x - mu), U and L the covariance's eigenvectors and eigenvalues; A = 1 is ZCA; directions "
            "below rounding become 0",
            "A", most=1.0, levels=(0.0, 0.25, 0.5, 0.75, 1.0),
        ),
        Transform(
            "drop-dims", "the K dimensions of most centred energy set to their mean", "K", whole=True, levels=_COUNTS
        ),
        Transform(
            "clip", "each entry held to C standard deviations about its dimension's mean",
            "C", above=True, levels=(1.0, 2.0, 3.0, 4.0),
        ),
        Transform(
            "standardize", "each dimension to mean 0 and deviation 1, constant ones 0 (Timkey and van Schijndel 2021)"
        ),
        Transform("unit", "x / |x|, rows of length 0 left out"),
    )
}  # fmt: skip
"""Every transform by its name."""

WRITTEN = tuple(each.written for each in TRANSFORMS.values())
"""How each is typed."""


@dataclass(frozen=True)
class Step:
    """One transform with its amount, where it takes one."""

    transform: Transform
    amount: float | None = None

    def __str__(self) -> str:
        return self.transform.name if self.amount is None else f"{self.transform.name}={self.amount:.12g}"

    @property
    def name(self) -> str:
        return self.transform.name

    @property
    def changes_nothing(self) -> bool:
        """Whether it leaves every row as it is, to the bit."""
        return self.amount == 0 and self.transform.starts_at_none


def transform_named(name: str) -> Transform:
    """The transform of that name; raises GeoscopeError for a name of none."""
    if name not in TRANSFORMS:
        raise GeoscopeError(
            f"expected a transform, {', '.join(WRITTEN)}, got {name!r}; {meant(name, TRANSFORMS, 'give one of them')}"
        )
    return TRANSFORMS[name]


def step_of(text: str) -> Step:
    """A step such as "whiten=0.5"; raises GeoscopeError for what is none, or has an amount that it cannot have."""
    name, equals, given = str(text).strip().partition("=")
    transform = transform_named(name.strip())
    if not transform.letter:
        if equals:
            raise GeoscopeError(f"expected {name} without an amount, got {text!r}; leave it out")
        return Step(transform)
    return step_at(transform, given.strip())


def step_at(transform: Transform, given: str | float) -> Step:
    """A transform at an amount; of one without, 0 is nothing and 1 the transform."""
    try:
        amount = float(given)
    except ValueError:
        amount = float("nan")
    if not transform.letter and amount == 1:
        return Step(transform)
    if not (transform.takes(amount) if transform.letter else amount == 0):
        takes = f"{transform.written} with {transform.amounts}" if transform.letter else f"{transform.name} at 0 or 1"
        raise GeoscopeError(f"expected {takes}, got {given!r}; give another")
    return Step(transform, amount + 0.0)


def steps_of(given: str | Sequence[str] | None) -> tuple[Step, ...]:
    """The steps that a text, or several, ask for in order, without those that change nothing."""
    texts = [given] if isinstance(given, str) else list(given or [])
    found = [step_of(each) for text in texts for each in str(text).split(",") if each.strip()]
    kept = tuple(step for step in found if not step.changes_nothing)
    if len(kept) > MOST_STEPS:
        raise GeoscopeError(f"expected at most {MOST_STEPS} transforms, got {len(kept)}; leave some out")
    return kept


def in_words(steps: Sequence[Step] | Sequence[str] | None) -> str:
    """Steps as they are typed, "none" for no step."""
    return ",".join(map(str, steps or [])) or "none"
