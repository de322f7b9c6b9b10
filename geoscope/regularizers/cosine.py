"""The mean cosine as a loss."""

from __future__ import annotations

import torch

from geoscope.regularizers.points import Tensor, as_loss, checked, no_loss


def cosine_loss(points: Tensor) -> Tensor:
    """CosReg of (n, d) points: (|sum of unit rows|^2 - n)/n^2, -1/n to 1 - 1/n. A scalar.

    The mean cosine of different rows times (n - 1)/n; no n x n matrix is made. Rows of length 0 have no direction:
    they are left out, of n too, and get zero gradient. Fewer than two others give 0 with zero gradient.
    Computed in float64. Gao et al. 2019, arXiv 1907.12009.
    """
    x = checked(points)[0].double()
    sizes = x.detach().abs().amax(dim=1, keepdim=True)
    directed = sizes[:, 0] > 0
    x = x[directed] / sizes[directed]  # the squares of extreme coordinates would leave the range
    n = len(x)
    if n < 2:
        return no_loss(points, "cosines take two points with a direction at least")
    total = (x / torch.linalg.vector_norm(x, dim=1, keepdim=True)).sum(dim=0)
    return as_loss((total @ total - n) / n**2, points)
