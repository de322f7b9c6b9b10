"""What is known of a measure: the columns of its row."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

ENERGY_LIMIT = 0.2
"""Above this share of the energy, a few rows or dimensions decide what the other measures say."""


MATCHED = "Gaussian with the rows' own covariance between and within sequences"  # what these share is no structure
QUANTIZED_NULL = f"{MATCHED}, with `--null matched` only"


@dataclass(frozen=True)
class Sign:
    """What healthy rows keep to, and what is told of others."""

    operator: str
    number: float
    told: str

    def __str__(self) -> str:  # as it is read in lists
        return f"{self.operator}{self.number:g}"


@dataclass(frozen=True)
class Measure:
    """What a reader must know of one number.

    direction says what a larger value means (never whether that is good); null, which structureless points its null is
    of and what these give.
    sees: every row, or the sampled points: each by itself, pairs of those that differ, or their codes by a quantizer.
    moves_with: what its expectation moves with besides the model, so that two numbers can be subtracted only where that
    is equal (in ROWS, the number of rows it is from; SEQUENCES, how many sequences those are of, at the same number of
    rows; DENSITY, the share of the sequences' rows that are points).
    null_by: how the null is computed, a name in `nulls.CLOSED` (of the rows' own covariance where it starts with
    "matched"); or "matched", on a matched Gaussian cloud; or "none".
    error: how the standard error is taken, a name in `resampling.ERRORS`; or "none", and no_error then says why.
    settings: those that a report says and that move this number alone, by name.
    warning: what is said of it above warned_above; {share} (in percent), {times} and {where} are filled in.
    collapsed: what healthy rows keep to; docs/collapse.md says how that was found.
    lowest, highest: where the range ends whatever n and d are (None: nowhere). offset: where the part of the value
    starts that can move, if that is not 0; a margin is a share of the distance from there.
    group: "default" is measured unless others are asked for; others are by key, by family, or all by the group's name.
    """

    key: str
    family: str
    title: str
    range: str
    direction: str
    null: str
    cost: str
    blind_to: str
    paper: str
    _: KW_ONLY
    sees: Sees
    moves_with: tuple[str, ...]
    null_by: str
    error: str
    no_error: str | None = None
    settings: tuple[str, ...] = ()
    warning: str | None = None
    warned_above: float = ENERGY_LIMIT
    collapsed: Sign | None = None
    lowest: float | None = 0.0
    highest: float | None = None
    offset: Literal["0", "1", "ln m"] = "0"
    group: Group = "default"

    @property
    def null_kind(self) -> NullKind | None:
        """What points its null is of; None where it has none."""
        return None if self.null_by == "none" else "matched" if self.null_by.startswith("matched") else "isotropic"


Sees = Literal["rows", "points", "pairs", "codes"]
Group = Literal["default", "field", "skdim"]
NullKind = Literal["isotropic", "matched"]
"""Isotropic Gaussian points of the same n and d, or Gaussian points with the sample's own covariance."""

ROWS, SEQUENCES, DENSITY = "rows", "sequences", "density"
SIZE = (ROWS, SEQUENCES)
TEXT = (ROWS, SEQUENCES, DENSITY)  # how near the nearest points of a sequence lie hangs on all three

# Costs: n rows, p sampled points, d dimensions, N x d x d is one product of the rows with themselves.
STREAM = "n d^2, streamed"
EIGEN = "n d^2 + d^3"
PAIRS = "p^2 d"
TRAIN = "quantizer training"
