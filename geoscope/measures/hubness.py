"""Hubs: rows that are among the nearest of many others, and rows that are among the nearest of none.

All are blind to shift, rotation and scale; rows closer than 1e-5 of the cloud's RMS radius are one row. Both numbers
rise with the number of rows and with the dimension where there is no structure at all: read them beside the null.
"""

from __future__ import annotations

import numpy as np

from geoscope.errors import Undefined
from geoscope.measures.calling.formula import measure
from geoscope.passes.making import CHOSEN
from geoscope.rows import IntArray

_FEW = f"fewer than {CHOSEN + 1} rows differ"
_FEW_ACROSS = f"{_FEW}, rows are of fewer than three sequences, or no row has {CHOSEN} rows of other sequences"


@measure(undefined=f"{_FEW}, or every row is chosen as often")
def hubness_skewness(occurrences: IntArray) -> float:
    """m3/m2^(3/2) of how many rows have each row among their 10 nearest, m2 and m3 the central moments over the rows.

    Of equally near rows the earlier one counts as nearer. Radovanovic, Nanopoulos and Ivanovic 2010, their N_10.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(hubness_skewness(rows), 9)
    1.762032054
    """
    return _skewness(occurrences)


@measure(undefined=_FEW)
def antihub_share(occurrences: IntArray) -> float:
    """Share of the rows that are among the 10 nearest of no other row.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> antihub_share(rows)
    0.048
    """
    return float(np.mean(occurrences == 0))


@measure(undefined=f"{_FEW_ACROSS}, or every row is chosen as often")
def hubness_skewness_across(occurrences_across: IntArray) -> float:
    """hubness_skewness, each row choosing its 10 nearest of other sequences; one that has fewer chooses none.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> round(hubness_skewness_across(rows, groups=np.arange(500) // 10), 9)  # ten rows a sequence
    1.750000103
    """
    return _skewness(occurrences_across)


@measure(undefined=_FEW_ACROSS)
def antihub_share_across(occurrences_across: IntArray) -> float:
    """antihub_share, each row choosing its 10 nearest of other sequences; one that has fewer chooses none.

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).standard_normal((500, 20)) * np.arange(1, 21) ** -0.5
    >>> antihub_share_across(rows, groups=np.arange(500) // 10)
    0.046
    """
    return float(np.mean(occurrences_across == 0))


def _skewness(counts: IntArray) -> float:
    if counts.min() == counts.max():
        raise Undefined("every row is among the nearest of as many others")
    apart = counts - counts.mean()
    return float(np.mean(apart**3) / np.mean(apart**2) ** 1.5)
