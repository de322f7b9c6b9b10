"""How far the values of each dimension reach: sums of their powers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoscope.passes.asked_sums.sums import AskedSums, Block
from geoscope.rows import Float64

_AT_ONCE = 2**17  # numbers whose powers stay in cache


@dataclass
class DimensionTails(AskedSums):
    """Of each dimension, (d,), the sums of y^2, y^3 and y^4 about the origin of the moments' frame, in float64."""

    second: Float64
    third: Float64
    fourth: Float64

    @classmethod
    def empty(cls, dimension: int) -> DimensionTails:
        return cls(dimension, *np.zeros((3, dimension)))

    def add(self, block: Block) -> None:
        tall = max(_AT_ONCE // self.dimension, 1)
        for start in range(0, len(block.about), tall):
            some = block.about[start : start + tall].astype(np.float64, copy=False)
            squares = some * some
            self.second += squares.sum(axis=0)
            self.third += np.einsum("ij,ij->j", squares, some)
            self.fourth += np.einsum("ij,ij->j", squares, squares)
