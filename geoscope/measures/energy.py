"""Warning signs: shares of the energy that few rows or few dimensions hold, and with them most other numbers."""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.moments import Moments

TOP_DIMENSIONS = 3


@measure(
    undefined="no row is known to stand at position 0 (pooled rows don't), or fewer than two rows differ",
    heeds=("positions",),
)
def first_position_energy(moments: Moments) -> float:
    """Share of the centred energy sum |x - mean|^2 in the rows of position 0.

    In decoders an attention sink can hold most of it.

    >>> rows = [[3, 0], [-1, 0], [-1, 0], [-1, 0]]
    >>> first_position_energy(rows, positions=[0, 1, 2, 3])  # 9 of 12
    0.75
    """
    if moments.first_count == 0:
        raise Undefined("no row is known to stand at position 0")
    return min(moments.first_energy / moments.energy, 1.0)


@measure(undefined="rows have no more than 3 dimensions, or fewer than two rows differ")
def top_dimension_energy(moments: Moments) -> float:
    """Share of the centred energy sum |x - mean|^2 in the 3 coordinates that hold most. Not rotation invariant.

    >>> import numpy as np
    >>> half = np.diag([2.0, 1.0, 1.0, 1.0, 1.0])
    >>> round(top_dimension_energy(np.vstack([half, -half])), 10)  # 4 + 1 + 1 of 8
    0.75
    """
    if moments.dimension <= TOP_DIMENSIONS:
        raise Undefined(f"rows have no more than {TOP_DIMENSIONS} dimensions")
    return float(np.sort(np.diag(moments.scatter))[-TOP_DIMENSIONS:].sum() / moments.energy)
