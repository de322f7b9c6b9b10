"""Patchiness as a loss: soft counts of points in the cells of codebooks that stay as they are."""

from __future__ import annotations

from typing import Any

import torch

from geoscope.errors import GeoscopeError
from geoscope.regularizers.frozen_codebooks import BLOCK_ROWS, Costs, FrozenCodebooks
from geoscope.regularizers.points import Tensor, as_loss, checked, no_loss
from geoscope.settings.fine_tuning import TEMPERATURE


def patchiness_loss(points: Tensor, codebooks: FrozenCodebooks, *, temperature: float = TEMPERATURE) -> Tensor:
    """Minus Morisita's index of the soft counts of (n, d) points in codebooks' cells: -K to 0. A scalar.

    I = K/(n(n-1)) sum_k (S_k^2 - sum_i a_ik^2), S_k = sum_i a_ik, mean over the M codebooks of K codes: K times the
    chance that two points fall in one cell, whatever n is; 1 where all cells are equally likely. Point i is in cell k
    by a_ik = softmax_k(-|t_i - e_k|^2 / T), t_i what the codes of the other codebooks leave of x_i. These codes, and
    all of the codebooks, are constants of the gradient. With counts that are hard (T towards 0) I is Lloyd's index but
    for its degrees of freedom: the measure `patchiness` is 1 + (I (n-1)/n - 1 + K/n) K/(K-1) - K/n.
    codebooks: of `learn_codebooks`, or `frozen_codebooks` of your own.
    temperature: above 0; T in units of the mean squared distance of points from their reconstructions, as it was when
    the codebooks were frozen. .1 to .3 have a gradient that is neither near 0 nor all at the cells' borders.

    Points flee frozen codebooks: learn them anew as training goes on, and judge by what new ones count on points they
    were not learnt from (`patchiness_heldout`), never by this loss.
    Fewer than two points give 0 with zero gradient. Computed in float64, some rows at a time.
    """
    if not 0.0 < temperature < float("inf"):
        raise GeoscopeError(f"expected a temperature above 0, got {temperature}")
    x = checked(points)[0]
    if x.shape[1] != codebooks.tables.shape[2]:
        raise GeoscopeError(
            f"expected points of {codebooks.tables.shape[2]} dimensions, as the codebooks have, got {x.shape[1]}"
        )
    if len(x) < 2:
        return no_loss(points, "a patchiness takes two points at least")
    books = codebooks.to(x.device)
    return as_loss(-_SoftIndex.apply(books.scaled(x), books, temperature), points)


class _SoftIndex(torch.autograd.Function):  # type: ignore[misc]  # torch's types are not followed
    """I of scaled points, float64. Memberships are made again for the gradient: none are kept."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, books: FrozenCodebooks, temperature: float) -> Tensor:
        m, k, _ = books.tables.shape
        sums, squares = points.new_zeros(m, k), points.new_zeros(())
        codes = []
        for block in points.split(BLOCK_ROWS):
            unary = books.costs.unary(block)
            codes.append(books.costs.nearest(unary))
            shares = _memberships(books.costs, unary, codes[-1], temperature)
            sums += shares.sum(dim=0)
            squares += shares.square().sum()
        ctx.save_for_backward(points, sums, torch.cat(codes))
        ctx.books, ctx.temperature = books, temperature
        ctx.scale = k / (len(points) * (len(points) - 1) * m)
        return (sums.square().sum() - squares) * ctx.scale

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """From dI/dx_i = 2K/(n(n-1)) (2/T) sum_k (S_k - a_ik) a_ik (e_k - sum_l a_il e_l), mean over codebooks."""
        points, sums, codes = ctx.saved_tensors
        costs, found = ctx.books.costs, []
        for block, chosen in zip(points.split(BLOCK_ROWS), codes.split(BLOCK_ROWS), strict=True):
            shares = _memberships(costs, costs.unary(block), chosen, ctx.temperature)
            pull = (sums - shares) * shares
            pull -= shares * pull.sum(dim=2, keepdim=True)
            found.append(pull.flatten(1) @ ctx.books.tables.flatten(0, 1))
        return torch.cat(found) * (gradient * ctx.scale * 4.0 / ctx.temperature), None, None


def _memberships(costs: Costs, unary: Tensor, codes: Tensor, temperature: float) -> Tensor:
    """a (n, M, K) of points with these costs of single codes and these codes (n, M)."""
    given = torch.stack([costs.given(unary, codes, m) for m in range(costs.codebooks)], dim=1)
    return torch.softmax(given / -temperature, dim=2)
