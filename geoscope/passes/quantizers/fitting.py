"""The least squares that codebooks are fitted by: what both places that rows may lie in have of it in common."""

from __future__ import annotations

from typing import Any

import torch

REGULARIZATION = 0.01
"""Added to the counts of each cell: what keeps empty cells, and codebooks that say the same, solvable."""
CROWDED = 4000
"""B'B's largest eigenvalue, at most, up to which float32 resolves REGULARIZATION beside it."""

Tensor = Any
"""A torch tensor (torch's own types are not followed)."""


def crowded(codebooks: int, fullest: int) -> bool:
    """Whether cells of at most `fullest` rows are so full that the fit takes float64."""
    return codebooks * fullest > CROWDED


def solved(pairs: Tensor, sums: Tensor) -> Tensor:
    """The codebooks, float32 (M K, d): (B'B + REGULARIZATION I) C = sums, in the precision of both.

    pairs: B'B (M K, M K), how many rows hold each two codes; its diagonal is added to. sums: B'(X - shift), (M K, d).
    """
    pairs.diagonal().add_(REGULARIZATION)
    factor = torch.linalg.cholesky(pairs)
    # two triangular solves are faster than cholesky_solve, and from the right they need no copies
    half = torch.linalg.solve_triangular(factor.T, sums.T, upper=True, left=False)
    return torch.linalg.solve_triangular(factor, half, upper=False, left=False).T.float().contiguous()
