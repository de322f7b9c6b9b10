"""Training steps' share of a regularizer: the loss of a batch of points and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def isotropy(route: str, n: int, d: int, shrinkage: float, steps: int) -> Callable[[], dict[str, Any]]:
    """1 - IsoScore* of n x d float32 points by geoscope, or from singular values or eigenvalues, in so many steps.

    A step has been made before: a training makes thousands in one process. The reference covariance is float64, as the
    published training has it from numpy, and leads its products there.
    """
    import torch

    from geoscope.regularizers import isotropy_loss

    def step(points: Any, reference: Any) -> Any:
        points.grad = None  # as an optimizer's zero_grad leaves it
        if route == "geoscope":
            loss = isotropy_loss(points, shrinkage=shrinkage, reference=reference)
        else:
            loss = 1.0 - _isoscore(_eigenvalues(points, route, shrinkage, reference))
        loss.backward()
        return loss.detach()

    generator = torch.Generator().manual_seed(0)

    def drawn(rows: int, columns: int) -> Any:
        return torch.randn(rows, columns, generator=generator) * torch.linspace(0.2, 2.0, columns) + 0.5

    def all_steps() -> dict[str, Any]:
        losses = [step(points, reference) for _ in range(steps)]
        return {"loss": float(losses[-1]), "gradient": float(points.grad.norm())}

    points, reference = drawn(n, d).requires_grad_(), torch.cov(drawn(2 * n, d).T).double()
    step(points, reference)
    return all_steps


def _eigenvalues(points: Any, route: str, shrinkage: float, reference: Any) -> Any:
    import torch

    if route == "svdvals of the rows":
        return torch.linalg.svdvals(points - points.mean(dim=0)).square()
    covariance = torch.cov(points.T)
    if shrinkage > 0.0:
        covariance = (1.0 - shrinkage) * covariance + shrinkage * reference
    return torch.linalg.eigvalsh(covariance) if route == "eigvalsh" else torch.linalg.svdvals(covariance)


def _isoscore(values: Any) -> Any:
    """By the published steps: the isotropy defect of the eigenvalues, and from it the score."""
    d = len(values)
    defect = (values * d**0.5 / values.norm() - 1.0).norm() / (2.0 * (d - d**0.5)) ** 0.5
    return ((d - defect**2 * (d - d**0.5)) ** 2 - d) / (d * (d - 1.0))
