"""IsoScore* as a loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from geoscope.errors import GeoscopeError
from geoscope.passes.moments import safe_scale
from geoscope.passes.row_products import add_upper, mirror_upper
from geoscope.regularizers.points import Tensor, as_loss, checked, largest, no_loss
from geoscope.torch_state import full_precision

_BLOCK_ROWS = 4096  # so many rows' products are added up in float32 before they go to float64
_WIDE = 64  # of fewer dimensions, float32's rounding cancels too little to be exact to 1e-6, and float64 costs little
_ORDINARY = (1e-10, 1e10)  # points of this size have squares, and gradients, that float32 can hold
_OVERFLOWING = 1e140  # the square of more leaves the range of float64
_KNOWN_GOOD = WeakTensorKeyDictionary()  # references that were found to be covariances, with their version then


def isotropy_loss(points: Tensor, *, shrinkage: float = 0.0, reference: Tensor | None = None) -> Tensor:
    """1 - IsoScore* of (n, d) points: 0 (variance alike in all directions) to 1 (all in one). A scalar.

    IsoScore* = (PR - 1)/(d - 1) with PR = (tr S)^2 / tr S^2, S = (1 - shrinkage) C + shrinkage C0, and C the
    covariance of the points, n - 1 in the denominator. Nothing is decomposed: forward and backward cost a matrix
    product each, of the points' Gram matrix where n < d.
    shrinkage: in [0, 1], the weight on the reference (the released code's convention).
    reference: C0, a symmetric positive semi-definite (d, d) covariance on the points' own scale, a constant; or None
    for (tr C / d) I, differentiated through.
    Exact to 1e-6, and to 1e-12 for float64 points. One point, one dimension or equal points give 0 with zero gradient.
    Rudman and Eickhoff 2024, arXiv 2305.19358.
    """
    if not 0.0 <= shrinkage <= 1.0:
        raise GeoscopeError(f"expected a shrinkage between 0 and 1, got {shrinkage}")
    x, size = checked(points)
    n, d = x.shape
    scale = safe_scale(np.array([size]))
    target = None if reference is None or shrinkage == 0.0 else _checked_reference(reference, x, (n - 1) * scale, scale)
    if n < 2 or d < 2:
        return no_loss(points, "isotropy takes two points of two dimensions at least")
    x = x if scale == 1.0 else x * scale
    trace, square, cross = _Traces.apply(x, target, size * scale) if d <= n else _traces_of_few(x, target)
    if float(trace.detach()) <= n * d * (8 * torch.finfo(torch.float64).eps * size * scale) ** 2:
        return no_loss(points, "equal points have no isotropy")
    if target is None:
        target_trace, cross, target_square = trace, trace**2 / d, trace**2 / d
    else:
        target_trace, target_square = target.trace(), _inner(target, target)
    keep = 1.0 - shrinkage
    trace = keep * trace + shrinkage * target_trace
    square = keep**2 * square + 2.0 * keep * shrinkage * cross + shrinkage**2 * target_square
    return as_loss((d - trace**2 / square) / (d - 1.0), points)


def _traces_of_few(points: Tensor, target: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """tr P, tr P^2 and tr P T (0 without T) of the points' scatter P, (d, d), for fewer points than dimensions."""
    x = points.double()
    x = x - x.mean(dim=0)
    product = x @ x.T
    trace = product.trace()
    return trace, _inner(product, product), torch.zeros_like(trace) if target is None else _inner(x @ target, x)


class _Traces(torch.autograd.Function):  # type: ignore[misc]  # torch's types are not followed
    """The same for many points, block by block: no copy is kept of more than one block.

    Wide points of float32 or less are multiplied in float32 and added up in float64. They are centred first, about
    their mean as float32 has it: how far that is from the mean is measured, and taken off the product again.
    """

    @staticmethod
    def forward(ctx: Any, points: Tensor, target: Tensor | None, size: float) -> tuple[Tensor, Tensor, Tensor]:
        kind = _working_type(points, size)
        origin = points.mean(dim=0, dtype=kind)
        d = points.shape[1]
        product = torch.zeros(d, d, dtype=torch.float64, device=points.device)
        total = torch.zeros(d, dtype=torch.float64, device=points.device)
        with full_precision():
            for x in _blocks(points, origin):
                part = torch.zeros(d, d, dtype=kind, device=points.device)
                add_upper(part, x)
                mirror_upper(part)  # before float64: half the bytes to move
                product += part
                total += x.sum(dim=0)
        shift = total / len(points)
        product.addr_(shift, shift, alpha=-len(points))
        only = x if len(points) <= _BLOCK_ROWS else None
        ctx.save_for_backward(points, only, target, origin, shift, product)
        trace = product.trace()
        return trace, _inner(product, product), torch.zeros_like(trace) if target is None else _inner(product, target)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, trace: Tensor, square: Tensor, cross: Tensor) -> tuple[Tensor, None, None]:
        """From the gradients of the three."""
        points, only, target, origin, shift, product = ctx.saved_tensors
        slope = 4.0 * square * product  # of tr P^2 = |P|^2, P symmetric: 2 P both ways
        slope.diagonal().add_(2.0 * trace)
        if target is not None:
            slope.addcmul_(2.0 * cross, target)
        shifted, slope = -(shift @ slope).to(origin), slope.to(origin)
        found = torch.empty_like(points, dtype=slope.dtype)
        with full_precision():  # the gradient sums to 0 over points: centring adds nothing to it
            blocks = _blocks(points, origin) if only is None else [only]
            for x, part in zip(blocks, found.split(_BLOCK_ROWS), strict=True):
                torch.addmm(shifted, x, slope, out=part)
        return found.to(points), None, None


def _inner(one: Tensor, other: Tensor) -> Tensor:
    return torch.vdot(one.flatten(), other.flatten())


def _blocks(points: Tensor, origin: Tensor) -> Iterator[Tensor]:
    """The points less the origin, in its type, a block of rows at a time."""
    for block in points.split(_BLOCK_ROWS):
        yield block.to(origin) - origin


def _working_type(points: Tensor, size: float) -> Any:
    """float32 where the points' own type, width and size, and their distance from the mean (of some), allow."""
    if points.dtype == torch.float64 or points.shape[1] < _WIDE:
        return torch.float64
    low, high = _ORDINARY
    some = points[:64].double()
    ordinary = size < high and largest(some - some.mean(dim=0)) > low
    return torch.float32 if ordinary else torch.float64


def _checked_reference(reference: Tensor, x: Tensor, *units: float) -> Tensor:
    """The reference covariance in float64 beside x, times the units; or a GeoscopeError that says what is wrong."""
    d = x.shape[1]
    matrix = torch.as_tensor(reference).detach().to(x.device).double()
    if matrix.shape != (d, d):
        raise GeoscopeError(f"expected a reference covariance of shape ({d}, {d}), got {tuple(matrix.shape)}")
    size = largest(matrix)
    version = reference._version if isinstance(reference, torch.Tensor) else None
    if version is None or _KNOWN_GOOD.get(reference) != version:
        _check_covariance(matrix, size)
        if version is not None:
            _KNOWN_GOOD[reference] = version
    for unit in units:
        matrix, size = matrix if unit == 1.0 else matrix * unit, size * unit
    if size > _OVERFLOWING:
        raise GeoscopeError("expected a reference covariance on the points' own scale, got one larger by far")
    return matrix


def _check_covariance(matrix: Tensor, size: float) -> None:
    """Raise GeoscopeError unless a matrix, whose largest entry is of that size, may be a covariance."""
    if not np.isfinite(size) or size == 0.0 or largest(matrix - matrix.T) > 1e-6 * size:
        raise GeoscopeError("expected a symmetric, finite, nonzero reference covariance, got another")
    lifted = matrix / size
    lifted.diagonal().add_(1e-6 * len(matrix))
    if int(torch.linalg.cholesky_ex(lifted).info):  # far cheaper than eigenvalues
        raise GeoscopeError(
            "expected a positive semi-definite reference covariance, got one with a negative eigenvalue"
        )
