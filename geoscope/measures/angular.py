"""How alike the rows' directions are."""

from __future__ import annotations

from geoscope.errors import Undefined
from geoscope.measures.formula import measure
from geoscope.moments import Units


@measure
def average_cosine_similarity(units: Units) -> float:
    """Mean cosine over all ordered pairs of different rows, exact: (|sum u|^2 - n)/(n (n - 1)), u the unit rows.

    -1/(n-1) to 1. Rows of length 0 are left out. Blind to the rows' lengths; not shift invariant.
    Ethayarajh 2019, arXiv 1909.00512 (who samples pairs).
    """
    n = units.count
    if n < 2:
        raise Undefined("fewer than two rows have a direction")
    return float((units.total @ units.total - n) / (n * (n - 1)))
