"""Bringing rows from their device to the CPU without making either wait for the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from geoscope.rows import FloatArray, IntArray


class Coming:
    """Some rows (m, d) of a tensor, on their way; `array()` waits for them where that is still needed."""

    def __init__(self, rows: Any, which: IntArray) -> None:
        chosen = rows.index_select(0, torch.from_numpy(which).to(rows.device, non_blocking=True))
        self._arrived: Any = None
        if rows.device.type == "cuda":
            self._here = torch.empty(chosen.shape, dtype=chosen.dtype, pin_memory=True)
            self._here.copy_(chosen, non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record()
        else:
            self._here = chosen.cpu()

    def array(self) -> FloatArray:
        """The rows, on the CPU."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return np.asarray(self._here.numpy())
