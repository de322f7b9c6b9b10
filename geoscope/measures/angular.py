"""How alike the rows' directions are."""

from __future__ import annotations

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.moments import Units


@measure(undefined="fewer than two rows have a length")
def average_cosine_similarity(units: Units) -> float:
    """Mean cosine over all ordered pairs of different rows, exact: (|sum u|^2 - n)/(n (n - 1)), u the unit rows.

    Rows of length 0 are left out of n. Not shift invariant. (The paper samples pairs.)

    >>> rows = [[2, 0], [-2, 0], [0, 1], [0, -1]]
    >>> round(average_cosine_similarity(rows), 10)  # -1/(n - 1): the unit rows sum to 0
    -0.3333333333
    """
    n = units.count
    if n < 2:
        raise Undefined("fewer than two rows have a direction")
    return float((units.total @ units.total - n) / (n * (n - 1)))
