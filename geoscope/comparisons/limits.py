"""Limits: how far a measure may move between two reports, and between which bounds it must lie in one.

A limit on a change is `measure:amount` or `measure@layer:amount`. The amount's sign says which way is limited:
`-` a drop, `+` a rise, none either way; a `%` makes it relative to the base's value. A bound on a value is
`measure<number` with any of `<`, `<=`, `>`, `>=`. A layer is a number (of the base's, where they differ) or `last`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from geoscope.catalogue import KEYS
from geoscope.errors import GeoscopeError
from geoscope.wording import meant

if TYPE_CHECKING:
    from geoscope.report import Report

Aim = int | Literal["last"] | None
"""Which layer a limit is about: a number (negative: from the end), the last, or every one."""

AT_LAYER = r"(?:@\s*(?P<layer>last|-?[0-9]{1,9})\s*)?"
"""What may follow the name of whatever is limited."""

_TARGET = rf"\s*(?P<measure>\w+)\s*{AT_LAYER}"
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"  # digits in one way only, or a long wrong one takes minutes
_LIMIT = re.compile(rf"{_TARGET}:\s*(?P<amount>[+-]?\s*{_NUMBER}\s*%?)\s*", re.ASCII)
_AMOUNT = re.compile(rf"\s*(?P<sign>[+-]?)\s*(?P<number>{_NUMBER})\s*(?P<percent>%?)\s*", re.ASCII)
_BOUND = re.compile(rf"{_TARGET}(?P<operator><=|>=|<|>)\s*(?P<number>[+-]?{_NUMBER})\s*", re.ASCII)


@dataclass(frozen=True)
class Limit:
    """How far one measure may move from the base.

    direction: -1 limits a drop, 1 a rise, 0 either way. amount: not negative; a share of the base's absolute value
    where `relative`.
    """

    measure: str
    aim: Aim
    direction: int
    amount: float
    relative: bool

    def __str__(self) -> str:
        """As a user types it."""
        sign = {-1: "-", 0: "", 1: "+"}[self.direction]
        amount = f"{_typed(self.amount, 100)}%" if self.relative else _typed(self.amount)
        return f"{_target(self.measure, self.aim)}:{sign}{amount}"

    @property
    def target(self) -> str:
        """What it is about: a later limit on the same target takes its place."""
        return _target(self.measure, self.aim)

    def allowed(self, base: float) -> float:
        """How far the measure may move from a base value."""
        return self.amount * abs(base) if self.relative else self.amount


@dataclass(frozen=True)
class Bound:
    """On which side of a number one measure's value must lie."""

    measure: str
    aim: Aim
    operator: str
    number: float

    @property
    def target(self) -> str:
        """What it is about: a later bound on the same target takes its place."""
        return _target(self.measure, self.aim)

    def __str__(self) -> str:
        return f"{_target(self.measure, self.aim)}{self.operator}{_typed(self.number)}"

    def holds(self, value: float) -> bool:
        """Whether a value lies where it must."""
        if self.operator.startswith("<"):
            return value < self.number or (self.operator == "<=" and value == self.number)
        return value > self.number or (self.operator == ">=" and value == self.number)


class Aimed(Protocol):
    """What is held: a limit, a bound, or several by one name."""

    @property
    def target(self) -> str:
        """What it is about."""


Held = TypeVar("Held", bound=Aimed)


def parse_limit(text: str) -> Limit:
    """A limit on a change, such as `isoscore_star:-10%`; GeoscopeError for anything else."""
    found = _LIMIT.fullmatch(text)
    if not found:
        raise GeoscopeError(
            f"expected a limit such as isoscore_star:-10%, two_nn@6:2.0, anisotropy:+0.05 or collapse, got {text!r}; "
            "write MEASURE[@LAYER]:[+|-]AMOUNT[%]"
        )
    return limit_on(found["measure"], aim_of(found["layer"]), found["amount"], text)


def limit_of_target(target: str, amount: str, where: str) -> Limit:
    """A limit whose target (`two_nn`, `two_nn@6`) and amount (`-10%`) are apart, as in a configuration file."""
    found = re.fullmatch(_TARGET, target)
    if not found:
        raise GeoscopeError(
            f"expected a limit's key to be MEASURE or MEASURE@LAYER, got {target!r} in {where}; mend it"
        )
    return limit_on(found["measure"], aim_of(found["layer"]), amount, f"{target} = {amount} in {where}")


def limit_on(measure: str, aim: Aim, amount: str, whole: str) -> Limit:
    """A limit from its parts; whole is what errors quote."""
    found = _AMOUNT.fullmatch(amount)
    if not found:
        raise GeoscopeError(f"expected a limit's amount such as -10%, +0.05 or 2.0, got {whole!r}; mend it")
    number = float(found["number"]) / (100 if found["percent"] else 1)
    if not isfinite(number):
        raise GeoscopeError(f"expected a limit's amount to be a finite number, got {whole!r}; give a smaller one")
    direction = {"-": -1, "": 0, "+": 1}[found["sign"]]
    return Limit(known(measure), aim, direction, number, bool(found["percent"]))


def parse_bound(text: str) -> Bound:
    """A bound on a value, such as `anisotropy<0.5`; GeoscopeError for anything else."""
    found = _BOUND.fullmatch(text)
    number = float(found["number"]) if found else 0.0
    if not found or not isfinite(number):
        raise GeoscopeError(
            f"expected a limit such as 'anisotropy<0.5', 'isoscore@6>=0.1' or collapse, got {text!r}; "
            "write MEASURE[@LAYER] then <, <=, > or >=, then a number, in quotes"
        )
    return Bound(known(found["measure"]), aim_of(found["layer"]), found["operator"], number)


def bound_of_target(target: str, side: str, where: str) -> Bound:
    """A bound whose target (`two_nn@6`) and side (`<0.5`) are apart, as in a configuration file."""
    try:
        return parse_bound(f"{target}{side}")
    except GeoscopeError as error:
        raise GeoscopeError(f"expected a bound on {target} in {where}, got another: {error}") from error


def known(measure: str) -> str:
    """The measure, if there is one of that name; GeoscopeError that offers a near one otherwise."""
    if measure in KEYS:
        return measure
    advice = meant(measure, KEYS, "`geoscope measures` lists them")
    raise GeoscopeError(f"expected the name of a measure, got {measure!r}; {advice}")


def override(earlier: Iterable[Held], later: Iterable[Held]) -> tuple[Held, ...]:
    """Both, less those of the earlier whose target is among the later's."""
    named = list(later)
    taken = {limit.target for limit in named}
    return tuple([limit for limit in earlier if limit.target not in taken] + named)


def aimed_layers(aim: Aim, report: Report, whole: str) -> list[int | None]:
    """The report's layers that an aim is about; GeoscopeError where it lacks the one aimed at."""
    layers = report.layers
    if aim is None or layers == [None]:
        if aim not in (None, "last"):
            raise GeoscopeError(
                f"expected a report with numbered layers for {whole}, got one cloud from {report.subject.name}; "
                "leave @ out"
            )
        return layers
    depth = report.subject.layers
    if depth is None:
        depth = max(layer for layer in layers if layer is not None)
    layer = depth if aim == "last" else aim if aim >= 0 else aim + depth + 1
    if layer not in layers:
        held = ", ".join(str(number) for number in layers)
        raise GeoscopeError(
            f"expected layer {layer} in {report.subject.name}'s report for {whole}, got layers {held}; "
            "measure it with --layers"
        )
    return [layer]


def aim_of(text: str | None) -> Aim:
    """The layer that is written after an @."""
    if text is None:
        return None
    return "last" if text == "last" else int(text)


def _typed(number: float, whole: int = 1) -> str:
    """A number, of so many to the whole, as somebody would type it: in the fewest digits that are read as the same."""
    tried = (f"{number * whole:.{digits}g}" for digits in range(12, 18))
    return next((text for text in tried if float(text) / whole == number), repr(number * whole))


def _target(measure: str, aim: Aim) -> str:
    return measure if aim is None else f"{measure}@{aim}"
