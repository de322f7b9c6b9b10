"""Collapse: the bounds that rows must keep for texts to be told apart by them, named together. Loads no numpy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geoscope.catalogue import SIGNS
from geoscope.comparisons.limits import AT_LAYER, Aim, Bound, Limit, aim_of, aimed_layers, parse_bound, parse_limit
from geoscope.errors import GeoscopeError

if TYPE_CHECKING:
    from geoscope.report import Report

NAME = "collapse"
EMBEDDINGS = 0
"""The layer that is judged only where it is asked for: before the model, rows of one token are one row."""

_COLLAPSE = re.compile(rf"\s*{NAME}\s*{AT_LAYER}")


@dataclass(frozen=True)
class Collapse:
    """Every sign of collapse, on one layer or on every one above the embeddings."""

    aim: Aim = None

    def __str__(self) -> str:
        """As a user types it."""
        return self.target

    @property
    def target(self) -> str:
        """What it is about: a later limit on the same target takes its place."""
        return NAME if self.aim is None else f"{NAME}@{self.aim}"

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """What it is made of."""
        return tuple(Bound(key, self.aim, sign.operator, sign.number) for key, sign in SIGNS.items())

    def layers_of(self, report: Report) -> list[int | None]:
        """The layers it is about; GeoscopeError where the report lacks them."""
        layers = aimed_layers(self.aim, report, self.target)
        if self.aim is None:
            layers = [layer for layer in layers if layer != EMBEDDINGS]
        if not layers:
            raise GeoscopeError(
                f"expected a layer above the embeddings in {report.subject.name}'s report for {NAME}, got layer "
                f"{EMBEDDINGS} alone; measure further --layers, or ask for {NAME}@{EMBEDDINGS}"
            )
        return layers


def parse_change(text: str) -> Limit | Collapse:
    """What `compare` can be held to: a limit on a change, or `collapse`; GeoscopeError for anything else."""
    return collapse_of(text) or parse_limit(text)


def parse_value(text: str) -> Bound | Collapse:
    """What one report can be held to: a bound on a value, or `collapse`; GeoscopeError for anything else."""
    return collapse_of(text) or parse_bound(text)


def collapse_of(text: str) -> Collapse | None:
    """`collapse` or `collapse@LAYER`; None for anything else."""
    found = _COLLAPSE.fullmatch(text)
    return Collapse(aim_of(found["layer"])) if found else None
