"""Warning signs: shares of the energy that few rows or few dimensions hold, and with them most other numbers."""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.formula import measure
from geoscope.moments import Moments

TOP_DIMENSIONS = 3


@measure
def first_position_energy(moments: Moments) -> float:
    """Share of the centred energy sum |x - mean|^2 in the rows of position 0: 0 to 1.

    In decoders an attention sink can hold most of it. Undefined for pooled rows and where position 0 is left out.
    Xiao et al. 2023, arXiv 2309.17453.
    """
    if moments.first_count == 0:
        raise Undefined("no row is known to stand at position 0")
    return min(moments.first_energy / moments.energy, 1.0)


@measure
def top_dimension_energy(moments: Moments) -> float:
    """Share of the centred energy in the 3 coordinates that hold most: 3/d to 1. Not rotation invariant.

    Undefined for d <= 3. Timkey and van Schijndel 2021, arXiv 2109.04404.
    """
    if moments.dimension <= TOP_DIMENSIONS:
        raise Undefined(f"rows have no more than {TOP_DIMENSIONS} dimensions")
    return float(np.sort(np.diag(moments.scatter))[-TOP_DIMENSIONS:].sum() / moments.energy)
