"""Variances and Vasicek's entropies of many parts of each of many samples, compiled: every sample is sorted once."""

# numba carries no types, so its decorators count as untyped; what they decorate is annotated
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numba import njit

from geoscope.rows import BoolArray, Float64, FloatArray, IntArray

_AT_ONCE = 16
"""Samples a thread takes at a time."""
_LOGS = 4
"""Gaps multiplied before their logarithm is taken: so many float32 numbers can't leave float64's range."""


def part_spacings(samples: FloatArray, parts: Sequence[BoolArray], windows: Sequence[int]) -> tuple[Float64, Float64]:
    """Variances (p, c) with m - 1 and entropies (p, c) in nats of the kept values of samples (c, n), by parts (p, n).

    windows: (p,) how many places on either side of a value its gap spans.
    """
    variances, entropies = np.empty((2, len(parts), len(samples)))
    kept, window = np.stack(parts), np.array(windows)

    def some(start: int) -> None:
        block = samples[start : start + _AT_ONCE]
        _fill(block, block.argsort(axis=1), kept, window, variances[:, start:], entropies[:, start:])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(some, range(0, len(samples), _AT_ONCE)))
    return variances, entropies


@njit(nogil=True, cache=True)
def _fill(
    samples: FloatArray, order: IntArray, kept: BoolArray, window: IntArray, variances: Float64, entropies: Float64
) -> None:
    line = np.empty(samples.shape[1])
    for one in range(len(samples)):
        for part in range(len(kept)):
            m, total = 0, 0.0
            for row in order[one]:
                if kept[part, row]:
                    line[m] = samples[one, row]
                    total += line[m]
                    m += 1
            mean, squares, logs, gaps, reach = total / m, 0.0, 0.0, 1.0, window[part]
            for place in range(m):
                squares += (line[place] - mean) ** 2
                gaps *= line[min(place + reach, m - 1)] - line[max(place - reach, 0)]
                if place % _LOGS == _LOGS - 1:
                    logs += np.log(gaps)  # of 0, where many are equal: minus infinity, no entropy power
                    gaps = 1.0
            variances[part, one] = squares / (m - 1)
            entropies[part, one] = (logs + np.log(gaps)) / m + np.log(m / (2.0 * reach))
