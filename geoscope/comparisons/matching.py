"""Which layers and numbers of two reports belong together, and whether the numbers can be subtracted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geoscope.catalogue import DENSITY, ROWS, SEQUENCES, moves
from geoscope.comparisons.difference_errors import Draws, draws_of
from geoscope.errors import GeoscopeError

if TYPE_CHECKING:
    from geoscope.report import Measurement, Report

N_TOLERANCE = 0.05
"""How far sizes of samples may differ, as a share of the smaller, before a measure that moves with them has none."""

Layers = list[tuple[int | None, int | None]]


@dataclass(frozen=True)
class Match:
    """Two measurements that belong together, and how their samples stand to one another."""

    label: str
    base: Measurement
    candidate: Measurement
    draws: Draws


def matches_of(base: Report, candidate: Report, label: str) -> list[Match]:
    draws = draws_of(base, candidate)
    theirs = {(row.layer, row.measure): row for row in candidate.measurements}
    to = dict(match_layers(base, candidate))
    return [
        Match(label, row, theirs[to[row.layer], row.measure], draws)
        for row in base.measurements
        if row.layer in to and (to[row.layer], row.measure) in theirs
    ]


def match_layers(base: Report, candidate: Report) -> Layers:
    """Which layer of the candidate each layer of the base is held against, in the base's order.

    Layers are paired as `pair_layers` says. Two reports of one layer each match whatever its number where both are the
    last of their model, or where one is a file's only cloud. Raises GeoscopeError where no layer matches.
    """
    ours, theirs = base.layers, candidate.layers
    if len(ours) == len(theirs) == 1 and (_alone(base, candidate) or (_is_last(base) and _is_last(candidate))):
        return [(ours[0], theirs[0])]
    depths = base.subject.layers, candidate.subject.layers
    matched = pair_layers(ours, theirs, depths)
    if matched:
        return matched
    told = [(_listed(report), report.subject.name, report.subject.layers) for report in (base, candidate)]
    if differ_in_depth(*depths):
        held = " and ".join(f"{layers} of {name}'s {blocks} blocks" for layers, name, blocks in told)
        raise GeoscopeError(
            f"expected two reports with a layer at the same relative depth, got {held}; measure --layers last or all "
            "of both, or layers that are the same share of each model's blocks"
        )
    held = " and ".join(f"{layers} of {name}" for layers, name, _ in told)
    raise GeoscopeError(f"expected two reports with a layer in common, got {held}; measure the same --layers of both")


def differ_in_depth(blocks: int | None, others: int | None) -> bool:
    """Whether two models are known to have different numbers of blocks, so that layers do not go by number."""
    return blocks is not None and others is not None and blocks != others


def pair_layers(
    ours: Sequence[int | None], theirs: Sequence[int | None], depths: tuple[int | None, int | None]
) -> Layers:
    """Which of two models' layers belong together, in the order of ours; depths: how many blocks each model has.

    By number, unless the depths are known and differ. Then a layer's share of the blocks decides: 0 goes with 0, the
    last with the last, and any other with the nearest that is at most half a block of the shallower model away. No
    layer is taken twice; the nearest pairs are taken first.
    """
    others = set(theirs)
    both: Layers = [(layer, layer) for layer in ours if layer in others]
    if not differ_in_depth(*depths):
        return both
    one, other = (depth or 0 for depth in depths)
    reach, numbered = max(one, other), sorted(layer for layer in others if layer is not None)
    ranked = sorted(
        # Distances times both numbers of blocks are whole numbers; ties fall the same whichever model comes first.
        (abs(a * other - b * one), *((a, b) if one < other else (b, a)), a, b)
        for a in ours
        if a is not None
        for b in _within(numbered, 2 * a * other - reach, 2 * a * other + reach, 2 * one)
        if _end(a, one) == _end(b, other)
    )
    partner: dict[int | None, int | None] = {None: None} if (None, None) in both else {}
    taken = set(partner.values())
    for distance, _, _, a, b in ranked:
        if 2 * distance <= reach and a not in partner and b not in taken:
            partner[a] = b
            taken.add(b)
    return [(layer, partner[layer]) for layer in ours if layer in partner]


def _within(numbers: Sequence[int], low: int, high: int, unit: int) -> Sequence[int]:
    """Those of sorted numbers that are from low to high of a unit: not all, so that many layers pair in little time."""
    unit = max(unit, 1)
    return numbers[bisect_left(numbers, -(-low // unit)) : bisect_right(numbers, high // unit)]


def _end(layer: int, depth: int) -> int:
    """Which end of a model a layer is at: -1 the embedding layer, 1 the last, 0 neither."""
    return -1 if layer == 0 else int(layer == depth)


def _is_last(report: Report) -> bool:
    return report.layers[0] is not None and report.layers[0] == report.subject.layers


def _alone(base: Report, candidate: Report) -> bool:
    """Whether one of two single clouds has no number, and neither is the union of a model's layers unless both are."""
    unnumbered = None in (base.layers[0], candidate.layers[0])
    return unnumbered and _is_union(base) == _is_union(candidate)


def _is_union(report: Report) -> bool:
    return report.settings.get("layers") == "union"


def _listed(report: Report) -> str:
    if not report.layers:
        return "no layer"
    if report.layers == [None]:
        return "the union of layers" if _is_union(report) else "one cloud"
    return f"layer{'s' if len(report.layers) > 1 else ''} {', '.join(str(layer) for layer in report.layers)}"


def why_no_difference(match: Match) -> str | None:
    """Why two measurements cannot be subtracted; None where they can."""
    for side, row in (("base", match.base), ("candidate", match.candidate)):
        if row.value is None:
            return f"undefined in the {side}: {row.reason}"
    return why_size_forbids(match.base, match.candidate, match.draws)


def share_of(change: float, base: float) -> float | None:
    """A change relative to the size of the base's value; None where that is 0."""
    relative = change / abs(base) if base else None
    return relative if relative is not None and abs(relative) < float("inf") else None


def why_size_forbids(base: Measurement, candidate: Measurement, draws: Draws | None = None) -> str | None:
    """Why two numbers cannot be subtracted because of the samples they are from; None where they can."""
    unequal = unequal_size(base, candidate, draws)
    if unequal is None:
        return None
    what, sizes = unequal
    return (
        f"it depends on {what}, which differs by more than {100 * N_TOLERANCE:.0f} % ({sizes}); "
        "given what they were measured on, --align measures again at the common size"
    )


def unequal_size(base: Measurement, candidate: Measurement, draws: Draws | None = None) -> tuple[str, str] | None:
    """In what that moves the measure two samples differ, and how far; None where they are alike.

    draws: how the samples stand to one another; without, only the rows that the numbers are from are looked at.
    """
    if moves(base.measure, ROWS) and _apart(base.n, candidate.n):
        return "n", f"{base.n:,} and {candidate.n:,} rows"
    if draws is None:
        return None
    ours, theirs = draws.base, draws.candidate
    if moves(base.measure, SEQUENCES) and _apart(ours.sequences, theirs.sequences):
        return "the number of sequences", f"{ours.sequences:,} and {theirs.sequences:,}"
    if moves(base.measure, DENSITY) and _apart(ours.sampled, theirs.sampled):
        shares = f"{100 * ours.sampled:.3g} % and {100 * theirs.sampled:.3g} %"
        return "the share of the rows that are points", shares
    return None


def _apart(one: float | None, other: float | None) -> bool:
    """Whether two sizes differ by more than the tolerance; what is not known does not."""
    if one is None or other is None:
        return False
    few, many = sorted((one, other))
    return many > few * (1 + N_TOLERANCE)
