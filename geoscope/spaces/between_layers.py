"""Between layers: how alike the layers of one subject are, two and two, from rows that each of them has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.layer_matrices import BetweenLayers, LayerMatrix, Matrix
from geoscope.passes.fitted_transforms import TransformedRows
from geoscope.passes.gathering import Gathering
from geoscope.passes.pairs import MEMORY
from geoscope.passes.passes import PassSettings
from geoscope.progress import Progress, in_parts
from geoscope.rows import Batch, Float64, FloatArray, IntArray, Layer, Source
from geoscope.spaces.common_rows import CommonRows, common_rows
from geoscope.spaces.cross_products import CrossProducts
from geoscope.spaces.imbalance import enough_rows, imbalance
from geoscope.spaces.neighbour_overlap import NEIGHBOURS, enough_neighbours, overlap
from geoscope.spaces.permutations import (
    Axes,
    Orders,
    p_values,
    permuted_imbalances,
    permuted_kernels,
    permuted_overlaps,
)
from geoscope.spaces.ranks import ranks_in
from geoscope.subjects.embeddings.embeddings import Embeddings

MEASURES = ("linear_cka_debiased", "information_imbalance", "mutual_neighbours")


@dataclass
class LayersBetween:
    """Layers to be held against each other: what is listened to while their rows stream by, and then measured."""

    layers: Sequence[Layer]
    _products: CrossProducts | None = None
    _unread: Source | None = None

    @classmethod
    def of(cls, layers: Sequence[Layer], *, union: bool) -> LayersBetween:
        """GeoscopeError where there are not two layers."""
        if union or len(layers) < 2:
            got = "their union" if union else f"{len(layers)}"
            raise GeoscopeError(f"expected two layers or more for --between layers, got {got}; give --layers all")
        return cls(layers)

    def listener(self, source: Source, changed: TransformedRows | None) -> Callable[[Batch], None] | None:
        """What takes in each batch as it is read; None for embeddings, which hand over layer after layer.

        changed: what the rows come from where transforms may have left some out.
        """
        left_out = list(changed.left_out.values()) if changed is not None else []
        self._products = CrossProducts(self.layers, np.unique(np.concatenate(left_out)) if left_out else None)
        if not isinstance(source, Embeddings):
            return self._products.add
        self._unread = changed or source
        return None

    def measured(
        self, clouds: Sequence[Gathering], settings: PassSettings, permutations: int, seed: int
    ) -> BetweenLayers:
        """Of clouds whose points have not been taken, a layer each."""
        if self._products is None:
            raise ValueError("the layers were asked for before any batch was listened to")
        if self._unread is not None:
            for batch in in_step(self._unread, self.layers):
                self._products.add(batch)
        shared = reduce(np.intersect1d, [next(iter(cloud.sample.values())) for cloud in clouds])
        points = {cloud.layer: cloud.points_at(shared) for cloud in clouds}
        return between_layers(
            self._products, points, permutations=permutations, seed=seed, device=settings.device,
            memory=settings.block_bytes, progress=settings.progress,
        )  # fmt: skip


def in_step(source: Source, layers: Sequence[Layer]) -> Iterator[Batch]:
    """Batches of all layers, of a source that hands over layer after layer, each in the rows' order."""
    streams = {layer: source.batches([layer]) for layer in layers}
    held: dict[Layer, FloatArray] = {}
    start = 0
    while start < len(source.index):
        for layer, stream in streams.items():
            if not len(held.get(layer, ())):
                held[layer] = next(stream).rows[layer]
        stop = start + min(map(len, held.values()))
        yield Batch(np.arange(start, stop), {layer: rows[: stop - start] for layer, rows in held.items()})
        held = {layer: rows[stop - start :] for layer, rows in held.items()}
        start = stop


def between_layers(
    products: CrossProducts,
    points: Mapping[Layer, FloatArray],
    *,
    permutations: int = 0,
    seed: int = 0,
    device: str = "cpu",
    memory: int = MEMORY,
    progress: Progress | None = None,
) -> BetweenLayers:
    """The measures of this file between all layers: CKA of the products' rows, the others of points (p, d).

    Row i of each layer's points is row i of every other's. Points that another equals in any layer, to 1e-5 of its RMS
    radius, are left out of all, so that every number is of the same rows.
    """
    layers = list(points)
    cka, why = products.matrix()
    rows = common_rows(list(points.values()), NEIGHBOURS, device=device, memory=memory, progress=progress)
    imbalances, no_imbalances = _imbalances(list(points.values()), rows, device, memory, progress)
    overlaps, no_overlaps = _overlaps(rows)
    found = {
        "linear_cka_debiased": (products.count, cka, 0.0, why),
        "information_imbalance": (len(rows), imbalances, 1.0, no_imbalances),
        "mutual_neighbours": (len(rows), overlaps, NEIGHBOURS / max(1, len(rows) - 1), no_overlaps),
    }
    p: Mapping[str, tuple[Matrix, Matrix]] = {}
    if permutations:
        orders = Orders(len(next(iter(points.values()))), permutations, seed)
        p = _p_values(list(points.values()), rows, orders, device, progress)
    matrices = []
    for measure in MEASURES:
        n, matrix, null, reason = found[measure]
        there = any(value is not None for row in matrix for value in row)
        own, adjusted = p.get(measure, (None, None)) if there else (None, None)
        matrices.append(
            LayerMatrix(
                measure=measure, n=n, matrix=matrix, null=null if there else None, p=own, p_adjusted=adjusted,
                reason=reason,
            )
        )  # fmt: skip
    return BetweenLayers(
        layers=[layer for layer in layers if layer is not None],
        points=len(next(iter(points.values()))),
        permutations=permutations,
        matrices=matrices,
    )


def _imbalances(
    spaces: Sequence[FloatArray], rows: CommonRows, device: str, memory: int, progress: Progress | None
) -> tuple[Matrix, str | None]:
    """From every layer to every other: one pass over the pairs of each layer ranks the neighbours in all of them."""
    try:
        enough_rows(len(rows))
    except Undefined as why:
        return _nothing(len(spaces)), str(why)
    nearest = np.stack([lists[:, 0] for lists in rows.nearest])
    columns = [
        [imbalance(ranks) for ranks in ranks_in(space[rows.kept], nearest, device=device, memory=memory)]
        for space in in_parts(spaces, progress, "ranks")
    ]
    return [list(row) for row in zip(*columns, strict=True)], None


def _overlaps(rows: CommonRows) -> tuple[Matrix, str | None]:
    try:
        enough_neighbours(len(rows), NEIGHBOURS)
    except Undefined as why:
        return _nothing(len(rows.nearest)), str(why)
    found: Matrix = [[None] * len(rows.nearest) for _ in rows.nearest]
    for one, ours in enumerate(rows.nearest):
        for other, theirs in list(enumerate(rows.nearest))[one:]:
            found[one][other] = found[other][one] = overlap(ours, theirs)
    return found, None


def _nothing(size: int) -> Matrix:
    return [[None] * size for _ in range(size)]


def _p_values(
    spaces: Sequence[FloatArray], rows: CommonRows, orders: Orders, device: str, progress: Progress | None
) -> dict[str, tuple[Matrix, Matrix]]:
    """p and p adjusted for the choice of the best layer, by measure; CKA's of the sampled points, as are the others'.

    The rows of the layer that a list is of are dealt anew, in the same orders for all of the layers it goes to.
    """
    size, among = len(spaces), list(orders.among(rows.kept))
    axes = [Axes.of(space, device) for space in spaces]
    alike = {measure: np.zeros((size, size, orders.count + 1)) for measure in MEASURES}
    for other in in_parts(range(size), progress, "permutations"):
        if len(rows) > 2:
            nearest = [lists[:, 0] for lists in rows.nearest]
            dealt = permuted_imbalances(nearest, spaces[other][rows.kept], among, device=device)
            alike["information_imbalance"][:, other] = -dealt
        for one in range(size):
            if one == other:
                continue
            if orders.size > 3:
                alike["linear_cka_debiased"][one, other] = permuted_kernels(axes[one], axes[other], orders)[1]
            alike["mutual_neighbours"][one, other] = permuted_overlaps(rows.nearest[one], rows.nearest[other], among)
    return {measure: _by_list(each) for measure, each in alike.items()}


def _by_list(alike: Float64) -> tuple[Matrix, Matrix]:
    """Of how alike (L, L, N + 1) layers are: p, and p adjusted among the layers that a list's layer is held against."""
    size = len(alike)
    own, adjusted = _nothing(size), _nothing(size)
    for one in range(size):
        others: IntArray = np.array([other for other in range(size) if other != one])
        for at, each, best in zip(others, *p_values(alike[one, others]), strict=True):
            own[one][at], adjusted[one][at] = float(each), float(best)
    return own, adjusted


def told_work(points: int, dimension: int, layers: int, permutations: int) -> str:
    """How long permutations take, in sweeps over the pairs of a layer's points."""
    sweeps = 2 * layers * (layers - 1) * permutations * dimension / max(1, points)
    return (
        f"{permutations:,} permutations of {layers} layers take up to {max(1, round(sweeps)):,} times as long as one "
        "layer's neighbours"
    )
