"""Information imbalance: how far, ranked in one space, a row's nearest neighbour in another lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.pairs import MEMORY, Cloud
from geoscope.passes.pairs.neighbours import search
from geoscope.rows import FloatArray, IntArray
from geoscope.spaces.common_rows import common_rows
from geoscope.spaces.paired_rows import PairedRows
from geoscope.spaces.ranks import ranks_in
from geoscope.subjects.row_files.groups import grouped


def information_imbalance(x: FloatArray, y: FloatArray, *, groups: npt.ArrayLike | None = None) -> float:
    """From x (n, d1) to y (n, d2): the mean over rows of 2 r / (c + 1), c the others, r the rank in y of x's nearest.

    r - 1 of the others are nearer to the row in y than its nearest neighbour in x is, so 2/n to 2 (n-1)/n: 2/n where
    both have the same nearest neighbours, 1 on average where the spaces know nothing of each other. Not symmetric:
    low from x to y and high back, x knows what y does and more. groups (n,) says which sequence each row is of; only
    rows of other sequences then count. Exact; neighbours equally far go by place. Rows that another equals in either
    space, to 1e-5 of its RMS radius, are left out first. Depends on n: compare at equal n. Blind to shift, rotation,
    scale, and to all beyond the first neighbour. Raises Undefined where three distinct rows, or with groups rows of
    three sequences, are not left. Glielmo et al. 2022, doi 10.1093/pnasnexus/pgac039.
    """
    pair = PairedRows.of(x, y)
    rows = common_rows([pair.x, pair.y], 1)
    enough_rows(len(rows))
    if groups is None:
        return imbalance(ranks_in(pair.y[rows.kept], rows.nearest[0].T)[0])
    if np.shape(groups) != (len(pair),):
        raise GeoscopeError(f"expected groups for each of {len(pair)} rows, got shape {np.shape(groups)}; give as many")
    own = grouped(np.asarray(groups), len(pair), "groups").sequences[rows.kept]
    if len(np.unique(own)) < 3:
        raise Undefined(f"it needs distinct rows of at least three sequences, and they are of {len(np.unique(own))}")
    every = np.arange(len(rows))
    nearest, _ = search(Cloud(pair.x[rows.kept]), every, 1, memory=MEMORY, groups=own)
    others = len(own) - np.bincount(own)[own]
    return imbalance(ranks_in(pair.y[rows.kept], nearest.T, groups=own)[0], others)


def imbalance(ranks: IntArray, others: IntArray | None = None) -> float:
    """The mean of 2 r / (c + 1) over rows of those ranks (n,) among so many others (n,), or among all (None)."""
    return float(np.mean(2 * ranks / (len(ranks) if others is None else others + 1)))


def enough_rows(count: int) -> None:
    """Undefined below three: of two rows each is the other's nearest in any space."""
    if count < 3:
        raise Undefined(f"it needs at least three rows in common that differ in both spaces, and there are {count}")
