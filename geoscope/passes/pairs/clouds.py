"""A cloud: rows made ready for distances, by matrix product with a proven error bound or by exact differences."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from geoscope.errors import GeoscopeError
from geoscope.passes.pairs.differences import pair_distances
from geoscope.passes.row_products import tensor_of
from geoscope.rows import FloatArray, IntArray
from geoscope.torch_state import runs_compiled

SINGLE, DOUBLE = 2.0**-24, 2.0**-53
"""Unit roundoffs of float32 and float64."""

Tensor = Any
"""A torch tensor (torch's own types are not followed)."""


def tallest_block(device: Any) -> int:
    """Rows of a block of pairs at most: of one that stays in a CPU's cache, or that keeps a GPU at work."""
    return 1024 if runs_compiled(device) else 4096


class Cloud:
    """n rows of a larger array, ready for pairwise distances.

    Everything here is in units of 2**exponent, so that squares neither overflow nor vanish; a distance times
    `2**exponent` is in the units of the rows. "Half square" means squared distance over two.

    rows: (N, d) floats, or a tensor of float32 or float64; never copied whole where they are on the device.
    chosen: (n,) which of them make up the cloud, in this order (None: all).
    double: whether `product` works in float64 (small clouds) or float32.
    """

    def __init__(
        self, rows: FloatArray | Tensor, chosen: IntArray | None = None, *, device: str = "cpu", double: bool = True
    ) -> None:
        self.rows = rows.to(device) if isinstance(rows, torch.Tensor) else as_tensor(rows, device)
        self.device = self.rows.device
        self.chosen = torch.arange(len(rows)) if chosen is None else torch.from_numpy(chosen.copy())
        self.chosen = self.chosen.to(self.device)
        self.exponent = _exponent(self.rows)
        self.double = double

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def dimension(self) -> int:
        return int(self.rows.shape[1])

    @property
    def roundoff(self) -> float:
        """c such that a half square by `product` is within c (|x|^2 + |y|^2) of the true one, |.| from the centre.

        The probabilistic bound lambda sqrt(d) u with lambda 8 (Higham and Mary 2019, A New Approach to Probabilistic
        Rounding Error Analysis: exceeded with probability below 2 exp(-lambda^2 / 2)), and the rounding of the inputs.
        """
        return float(8 * np.sqrt(self.dimension + 2) + 12) * (DOUBLE if self.double else SINGLE)

    def places(self, which: npt.NDArray[Any]) -> Tensor:
        """An array of row numbers as a tensor beside the rows."""
        return torch.from_numpy(which).to(self.device)

    def take(self, which: Tensor) -> Tensor:
        """Rows `which` of the cloud in float64, in units of 2**exponent, not centred: (m, d)."""
        return self.rows.index_select(0, self.chosen[which]).double().mul_(2.0**-self.exponent)

    @cached_property
    def centre(self) -> Tensor:
        """Coordinate-wise median of up to 1,024 rows: unlike the mean it stays in the bulk when a few rows are huge."""
        spaced = torch.linspace(0, len(self) - 1, min(len(self), 1024), device=self.device).long()
        some = self.take(spaced).sort(dim=0).values  # torch has no deterministic median on CUDA
        return some[(len(some) - 1) // 2].clone()

    @cached_property
    def right(self) -> Tensor:
        """(n, width): centred row, 1, half its square; `left` @ `right`.T are half squares.

        The width is d + 2; on other devices than the CPU the next multiple of 8, filled with zeros: others are slow.
        """
        kind, d = torch.float64 if self.double else torch.float32, self.dimension
        width = d + 2 if runs_compiled(self.device) else -(-(d + 2) // 8) * 8
        made = torch.empty(len(self), width, dtype=kind, device=self.device)
        for start in range(0, len(self), 2048):
            block = self.take(torch.arange(start, min(start + 2048, len(self)), device=self.device)) - self.centre
            part = made[start : start + len(block)]
            part[:, :d] = block
            part[:, d] = 1
            part[:, d + 1] = part[:, :d].double().square().sum(dim=1).div_(2)
            part[:, d + 2 :] = 0
        return made

    @cached_property
    def norms(self) -> Tensor:
        """(n,) float64: distance of each row from the centre."""
        return self.right[:, self.dimension + 1].double().mul(2).sqrt_()

    def reorder(self, low: int, order: Tensor) -> None:
        """Give the rows from `low` on a new order: row `low + i` becomes what row `order[i]` was."""
        self.chosen[low:] = self.chosen[order]
        for part in self.right[low:].split(128, dim=1):  # by columns: the copy in between stays small
            part.copy_(part[order - low])

    def left(self, which: Tensor | slice) -> Tensor:
        """(m, width): minus the centred row, half its square, 1."""
        block, d = self.right[which], self.dimension
        block = -block if isinstance(which, slice) else block.neg_()  # a slice is a view, rows by number are a copy
        block[:, d] = -block[:, d + 1]
        block[:, d + 1] = 1
        return block

    def slack(self, which: Tensor | slice, half_squares: Tensor) -> Tensor:
        """How far below its product half square a pair of row i may truly be, given that it is at most `half_squares`.

        The other row is then no further from the centre than |x_i| + distance.
        """
        norms = self.norms[which]
        reach = norms + (2 * half_squares.double().clamp_min(0)).sqrt()
        return self.roundoff * (norms.square() + reach.square())

    def measure(self, one: Tensor, other: Tensor) -> Tensor:
        """Exact distances (float64, units of 2**exponent) between rows `one` and rows `other`: (m,)."""
        scale = 2.0**-self.exponent
        first, second = self.chosen[one], self.chosen[other]
        if runs_compiled(self.device):
            return torch.from_numpy(pair_distances(self.rows.numpy(), first.numpy(), second.numpy(), scale))
        found = torch.empty(len(one), dtype=torch.float64, device=self.device)
        tall = max(256, min(2**16, 2**26 // self.dimension))
        for start in range(0, len(one), tall):
            gap = self.rows.index_select(0, first[start : start + tall]).double()
            gap -= self.rows.index_select(0, second[start : start + tall])
            found[start : start + tall] = torch.linalg.vector_norm(gap.mul_(scale), dim=1)
        return found


def as_tensor(rows: FloatArray, device: str = "cpu") -> Tensor:
    """The rows as a float32 or float64 tensor, without a copy where there is no need of one."""
    if rows.ndim != 2:
        raise GeoscopeError(f"expected a two-dimensional array of rows, got shape {rows.shape}; reshape it to (n, d)")
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float32 if rows.dtype == np.float16 else np.float64)
    return tensor_of(rows).to(device)


def _exponent(rows: Tensor) -> int:
    """e such that the largest entry of the rows is between 2**(e - 1) and 2**e."""
    if rows.numel() == 0:
        return 0
    low, high = torch.aminmax(rows)
    largest = max(abs(float(low)), abs(float(high)))
    if not np.isfinite(largest):
        raise GeoscopeError("expected finite rows, got NaN or infinity in some; leave those rows out")
    return int(np.clip(np.frexp(largest)[1], -1000, 1000)) if largest > 0 else 0
