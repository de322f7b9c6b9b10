"""Persistent entropy as a loss: H0 bars are edges of the minimum spanning tree, measured again with gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures import persistent_entropy_deficit
from geoscope.regularizers.bars import bars_of
from geoscope.regularizers.points import Tensor, as_loss, checked, no_loss, warn_once
from geoscope.regularizers.selections import published_count, relative_count, strict_count, whole_count
from geoscope.rows import Float64, IntArray

_COUNTS: dict[str, Callable[[Float64, float], int]] = {
    "all": whole_count,
    "strict": strict_count,
    "relative": relative_count,
    "published": published_count,
    "random": published_count,
}

SELECTIONS = tuple(_COUNTS)


@dataclass(frozen=True)
class SelectedBars:
    """Of a class: how many bars it has, how many the selection kept, and ln of that less their entropy (0: alike)."""

    bars: int
    kept: int
    deficit: float


@dataclass(frozen=True)
class ClassEntropies:
    """What a persistent entropy loss is made of.

    loss: minus the entropies' sum, a scalar. classes: how many labels there were. skipped: how many had no value.
    selected: the bars of each class that had one. flat: whether nothing can move the loss, since no class kept two bars
    and there is no noise term.
    """

    loss: Tensor
    classes: int
    skipped: int
    selected: tuple[SelectedBars, ...]
    flat: bool


def persistent_entropy_loss(
    points: Tensor,
    labels: Tensor | None = None,
    *,
    selection: str = "all",
    selection_factor: float = 1.0,
    noise_weight: float = 0.0,
    generator: Tensor | None = None,
) -> Tensor:
    """Minus the persistent entropy of (n, d) points, summed over classes: -sum_c ln m_c (m_c bars) to 0. A scalar.

    The entropy of a class is -sum p ln p (nats), p = bar / sum of bars, over the bars that `selection` keeps of its
    finite H0 Vietoris-Rips bars: edges of the Euclidean minimum spanning tree. The tree is a constant of the gradient.
    Bars below 1e-5 of the class's RMS radius join duplicates; they are no bars and get zero gradient.
    labels: (n,) integers, the points' classes; None: one class.
    selection: "all"; "strict" (R2 without the bar that fails its test), "published" (R2 with it, as released) and
    "relative" (R1, maybe none) keep some of the longest; "random" draws as many as "published" keeps, by `generator`
    (a CPU torch.Generator; None: torch's own).
    selection_factor: of R2, above 0: what Q, the most bars that may pass its test, is multiplied by; more keeps more.
    noise_weight: above 0 also subtracts noise_weight * mean length of the bars not kept, which LENGTHENS them: the
    sign of the released code, whose README means the other.
    A class of fewer than two distinct points (five where R2 selects) is skipped, with one warning. Without any other
    class the loss is 0 with zero gradient; the gradient is zero too, with one warning, where no class keeps two bars,
    as "strict" and "relative" may. `class_entropies` counts all of these. Computed in float64.
    Kudriashov et al. 2025, arXiv 2501.05502.
    """
    found = class_entropies(
        points, labels, selection=selection, selection_factor=selection_factor, noise_weight=noise_weight,
        generator=generator,
    )  # fmt: skip
    if found.flat and found.selected:
        warn_once(
            f"the selection {selection!r} kept fewer than two bars in every class: the loss has no gradient",
            stacklevel=3,
        )
    return found.loss


def class_entropies(
    points: Tensor,
    labels: Tensor | None = None,
    *,
    selection: str = "all",
    selection_factor: float = 1.0,
    noise_weight: float = 0.0,
    generator: Tensor | None = None,
) -> ClassEntropies:
    """`persistent_entropy_loss` and what it was made of: classes, and the bars that the selection kept of each."""
    if selection not in SELECTIONS:
        raise GeoscopeError(f"expected a selection of {', '.join(SELECTIONS)}, got {selection!r}")
    if not 0.0 <= noise_weight < np.inf:
        raise GeoscopeError(f"expected a noise weight of 0 or more, got {noise_weight}")
    if not 0.0 < selection_factor < np.inf:
        raise GeoscopeError(f"expected a selection factor above 0, got {selection_factor}")
    x = checked(points)[0].double()
    terms: list[Tensor] = []
    selected: list[SelectedBars] = []
    skipped = 0
    for rows in _classes(labels, x):
        members = x[rows]
        edges, bars = bars_of(members.detach().cpu().numpy())
        try:
            kept = _kept(bars, selection, selection_factor, generator)
        except Undefined:
            skipped += 1
            continue
        terms.append(_term(members, edges, kept, float(bars[-1]), noise_weight))
        selected.append(SelectedBars(len(bars), len(kept), _deficit(bars[kept])))
    if not terms:
        loss = no_loss(points, "no class has the distinct points that a persistent entropy takes")
    else:
        loss = as_loss(-sum(terms), points)
    if terms and skipped:
        warn_once(
            "classes with too few distinct points for a persistent entropy are skipped; `class_entropies` counts them"
        )
    lengthens = noise_weight > 0.0 and any(each.kept < each.bars for each in selected)
    flat = not lengthens and all(each.kept < 2 for each in selected)
    return ClassEntropies(loss, len(terms) + skipped, skipped, tuple(selected), flat)


def _classes(labels: Tensor | None, x: Tensor) -> Iterator[Tensor]:
    """Which points are of each class, by increasing label."""
    if labels is None:
        yield torch.arange(len(x), device=x.device)
        return
    labels = torch.as_tensor(labels, device=x.device)
    if labels.shape != (len(x),) or labels.is_floating_point():
        raise GeoscopeError(
            f"expected an integer label for each of {len(x)} points, got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    for label in torch.unique(labels):
        yield torch.nonzero(labels == label)[:, 0]


def _kept(bars: Float64, selection: str, factor: float, generator: Tensor | None) -> IntArray:
    """Which bars, sorted shortest first, the selection keeps; raises Undefined where there are too few to select."""
    if len(bars) == 0:
        raise Undefined("there is no bar")
    count = _COUNTS[selection](bars, factor)
    if selection == "random":
        drawn: IntArray = torch.randperm(len(bars), generator=generator)[:count].numpy()
        return drawn
    return np.arange(len(bars) - count, len(bars))


def _deficit(kept: Float64) -> float:
    """By how much the entropy of the kept bars is below its most; of none there is nothing to even out."""
    return persistent_entropy_deficit.formula(kept) if len(kept) else 0.0


def _term(members: Tensor, edges: IntArray, kept: IntArray, longest: float, noise_weight: float) -> Tensor:
    """The entropy of the kept bars, and the published noise term, with gradient."""
    one, other = torch.from_numpy(edges.copy()).to(members.device).T
    lengths = torch.linalg.vector_norm((members[one] - members[other]) / longest, dim=1)
    among = torch.zeros(len(edges), dtype=torch.bool, device=members.device)
    among[torch.from_numpy(kept).to(members.device)] = True
    chosen = lengths[among]
    entropy = torch.special.entr(chosen / chosen.sum()).sum()
    if noise_weight > 0.0 and len(kept) < len(edges):
        entropy = entropy + noise_weight * longest * lengths[~among].mean()
    return entropy
