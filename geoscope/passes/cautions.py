"""Cautions: why what a pass holds says less than it seems to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from geoscope.passes.moments import safe_scale
from geoscope.passes.pairs import Pairs
from geoscope.passes.quantizers.codebooks import origin_caution, rows_a_cell_caution
from geoscope.passes.rounding import rounding_distance
from geoscope.rows import FloatArray

if TYPE_CHECKING:
    from geoscope.passes.passes import Passes

DUPLICATE_TOLERANCE = 1e-5
"""Rows closer than this share of the cloud's RMS radius are one point (rounding tells them apart, nothing else)."""

_MANY_CLUMPED = 0.02
"""Above this share of points left out that are not equal up to rounding, what is left is not the cloud."""


def clumped(pairs: Pairs, points: FloatArray) -> int:
    """How many points lie nearer to another than the tolerance, but further than rounding puts equal rows apart."""
    if pairs.tree is None:
        return 0
    lengths = pairs.tree.lengths
    return int(np.sum((lengths < pairs.tolerance) & (lengths > rounding_distance(points) * safe_scale(points))))


def mostly_copies(passes: Passes) -> str | None:
    points, left = len(passes.points), len(passes.get("pairs").distinct)
    clumped = passes.get("clumped")
    if clumped > _MANY_CLUMPED * points:
        return (
            f"{clumped:,} of {points:,} points lie within {DUPLICATE_TOLERANCE:g} of the cloud's radius of another "
            "without being equal, and are left out: look for rows far off the others"
        )
    if 2 * left >= points:
        return None
    return (
        f"{points - left:,} of {points:,} points are the same as another up to rounding and left out: it tells of the "
        f"{left:,} others; look at the rows"
    )


def few_unequal(name: str) -> Callable[[Passes], str | None]:
    """Of the pass of that name: that it is of few of the distinct points."""

    def caution(passes: Passes) -> str | None:
        distinct, used = len(passes.get("pairs").distinct), len(passes.get(name))
        if distinct - used <= _MANY_CLUMPED * distinct:
            return mostly_copies(passes)
        return (
            f"{distinct - used:,} of {distinct:,} distinct points are left out, whose two neighbours are equally far "
            "or lacking, as rows on a grid have them; look at the rows"
        )

    return caution


def few_rows(passes: Passes) -> str | None:
    return _of_codebooks(passes, len(passes.points))


def few_rows_of_half(passes: Passes) -> str | None:
    return _of_codebooks(passes, len(passes.points) - int(passes.get("heldout_rows").sum()))


def _of_codebooks(passes: Passes, trained: int) -> str | None:
    chosen = passes.settings.quantizer
    found = [rows_a_cell_caution(trained, chosen)]
    if chosen.kind == "lsq-faiss":
        found.append(
            origin_caution(np.linalg.norm(passes.points.mean(axis=0, dtype=np.float64)) / passes.get("radius"))
        )
    return "; ".join(filter(None, found)) or None
