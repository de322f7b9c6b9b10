"""Fitted transforms: rows changed before they are measured, each step fitted on all of them by a sweep of its own.

A step is fitted on every row of its cloud as the steps before have left it, and applied in float64. Where it makes
small directions large it lifts rounding with them: a report tells how far, as a share of the radius. The definitions
are in `geoscope/transforms.py`. Rows that are equal up to rounding have no directions to fit: each becomes their mean.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.passes.by_device.group_sums import moments_of
from geoscope.passes.eigenvalues import eigenvectors
from geoscope.passes.moments import BLOCK_ROWS, Frame, Moments, Sums
from geoscope.passes.rounding import STEPS, step_of
from geoscope.progress import Progress, in_parts
from geoscope.rows import Batch, Float64, FloatArray, IntArray, Layer, RowIndex, Source
from geoscope.transforms import Step
from geoscope.wording import layer_in_words

_TIE = 1e-9
"""Eigenvalues so close, as a share of the larger, have no order between their directions."""

Applied = Callable[[Float64], Float64]


@dataclass(frozen=True)
class FittedStep:
    """A step as it is applied to rows (m, d) in float64, and what a report tells of its fit."""

    step: Step
    applied: Applied
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class FittedTransform:
    """The steps of one cloud, in order. left_out: of each layer, the places in the index of its rows of length 0."""

    steps: list[FittedStep] = field(default_factory=list)
    left_out: dict[Layer, IntArray] = field(default_factory=dict)

    def applied(self, rows: FloatArray) -> Float64:
        """Rows (m, d) in float64 with every step made, as an array of its own where there is one."""
        changed: Float64 = np.asarray(rows, dtype=np.float64)
        for step in self.steps:
            changed = step.applied(changed)
        return changed

    @property
    def told(self) -> list[dict[str, Any]]:
        """What a report says of each step's fit."""
        return [{"transform": str(each.step), **each.told} for each in self.steps]


class TransformedRows:
    """A source's rows with their transforms made, as a source: float64, a batch at a time."""

    def __init__(self, source: Source, fitted: Mapping[Layer, FittedTransform]) -> None:
        self._source, self._fitted = source, fitted

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self._source.layers if layer in self._fitted)

    @property
    def index(self) -> RowIndex:
        return self._source.index

    @property
    def left_out(self) -> dict[Layer, IntArray]:
        """Of each layer, the places in the index of rows that have no direction, increasing."""
        return {layer: each.left_out[layer] for layer, each in self._fitted.items() if layer in each.left_out}

    @property
    def told(self) -> list[dict[str, Any]]:
        """What a report says of every fit, once where layers share it."""
        clouds: dict[int, tuple[list[Layer], FittedTransform]] = {}
        for layer, each in self._fitted.items():
            clouds.setdefault(id(each), ([], each))[0].append(layer)
        return [
            {"layer": None if len(layers) > 1 else layers[0], **told}
            for layers, each in clouds.values()
            for told in each.told
        ]

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """Every row of every asked layer once, as the source hands them over."""
        for batch in self._source.batches(self.layers if layers is None else layers):
            yield Batch(batch.offsets, {layer: self._fitted[layer].applied(rows) for layer, rows in batch.rows.items()})


def transformed(
    source: Source, layers: Sequence[Layer], steps: Sequence[Step], *, union: bool, progress: Progress | None = None
) -> TransformedRows:
    """Fit the steps on every row of each layer, or with `union` of all of them as one cloud.

    Raises GeoscopeError for a step that these rows cannot have.
    """
    shared = FittedTransform()
    fitted = {layer: shared if union else FittedTransform() for layer in layers}
    rows = TransformedRows(source, fitted)
    for step in in_parts(steps, progress, "transforms"):
        sums: dict[int, _Swept] = {id(each): _Swept() for each in fitted.values()}
        for batch in source.batches(layers):
            for layer, block in batch.rows.items():
                sums[id(fitted[layer])].add(layer, batch.offsets, block, fitted[layer], step)
            del batch, block  # or they would stay during the next forward pass
        for each in {id(each): each for each in fitted.values()}.values():
            swept = sums[id(each)]
            moments = swept.moments()
            where = "" if union or layers == (None,) else f" of {layer_in_words(_layer_of(fitted, each))}"
            each.steps.append(fitted_step(step, moments, where))
            each.left_out |= swept.left_out(each.left_out, step, len(source.index), where)
    return rows


def why_biased(made: Sequence[str]) -> str | None:
    """Why rows with these steps made have no estimates that the sample does not bias; None where they have."""
    whitened = next((step for step in made if step.partition("=")[0] == "whiten"), None)
    if whitened is None:
        return None
    return f"{whitened} was fitted to these rows, so that what corrects for their number would correct too much"


def transform_fitted_on(rows: FloatArray, steps: Sequence[Step]) -> FittedTransform:
    """The steps fitted on an (n, d) array in memory; rows without a direction stay 0 under `unit`."""
    fitted = FittedTransform()
    for step in steps:
        moments: Moments | Undefined
        try:
            found = moments_of(fitted.applied(rows))
            moments = replace(found, step=max(found.step, step_of(rows.dtype)))
        except Undefined as reason:
            moments = reason.anew()
        fitted.steps.append(fitted_step(step, moments, ""))
    return fitted


def _layer_of(fitted: Mapping[Layer, FittedTransform], wanted: FittedTransform) -> Layer:
    return next(layer for layer, each in fitted.items() if each is wanted)


class _Swept:
    """What a sweep finds of one cloud: its sums, and where its rows of length 0 are."""

    def __init__(self) -> None:
        self._sums: Sums | None = None
        self._zero: dict[Layer, list[IntArray]] = {}

    def add(self, layer: Layer, offsets: IntArray, given: FloatArray, before: FittedTransform, step: Step) -> None:
        """Take in the rows (m, d) at some places as the steps before leave them, but for those that are left out."""
        left_out, rows = before.left_out.get(layer), before.applied(given)
        if left_out is not None:
            kept = ~np.isin(offsets, left_out)
            offsets, rows = offsets[kept], rows[kept]
        if step.name == "unit":
            zero = ~rows.any(axis=1)
            if zero.any():
                self._zero.setdefault(layer, []).append(offsets[zero])
        if len(rows) == 0:
            return
        if self._sums is None:
            self._sums = Sums(Frame.around(rows[:BLOCK_ROWS]))
        self._sums.add(rows)
        self._sums.step = max(self._sums.step, step_of(given.dtype))  # float64 mends no rounding of before

    def moments(self) -> Moments | Undefined:
        return Undefined("there are no rows") if self._sums is None else self._sums.moments()

    def left_out(self, before: Mapping[Layer, IntArray], step: Step, rows: int, where: str) -> dict[Layer, IntArray]:
        """The places of each layer's rows that are left out from now on."""
        found = {}
        for layer, places in self._zero.items():
            found[layer] = np.unique(np.concatenate([before.get(layer, np.empty(0, np.int64)), *places]))
            if len(found[layer]) == rows:
                raise GeoscopeError(
                    f"expected rows{where} with a length above 0 for --transform {step}, got none; leave it out"
                )
        return found


def fitted_step(step: Step, moments: Moments | Undefined, where: str) -> FittedStep:
    """A step fitted on rows by their moments; where: what errors and warnings say the rows are of."""
    if isinstance(moments, Undefined):
        raise GeoscopeError(f"expected rows{where} to fit --transform {step} on, got none; leave it out")
    try:
        _ = moments.energy
    except Undefined:  # nothing but rounding tells them apart
        return FittedStep(step, _constant(step, moments), {"rows": moments.count, "rank": 0})
    if step.name == "unit":
        return FittedStep(step, _unit, {"rows": moments.count})
    applied, told = _FITS[step.name](step, moments, where)
    return FittedStep(step, applied, {"rows": moments.count, **told})


def _constant(step: Step, moments: Moments) -> Applied:
    """Every row as the mean of all, or as 0 where the step takes the mean away."""
    keeps_mean = step.name in ("drop-dims", "clip", "unit")
    row = moments.mean / moments.scale if keeps_mean else np.zeros(moments.dimension)
    if step.name == "unit":
        row = _unit(row[None])[0]
    return lambda rows: np.tile(row, (len(rows), 1))


Fit = tuple[Applied, dict[str, Any]]


def _center(step: Step, moments: Moments, where: str) -> Fit:
    mean, scale = moments.mean, moments.scale
    return (lambda rows: (rows * scale - mean) / scale), {}


def _drop_top(step: Step, moments: Moments, where: str) -> Fit:
    """Without the mean and the first directions: (I - U U') (x - mu)."""
    count = _count(step, moments, where)
    values, vectors, rank = _directions(moments)
    if count < rank and values[count - 1] - values[count] <= _TIE * values[count - 1]:
        warnings.warn(
            f"directions {count} and {count + 1} of the rows{where} have the same variance, so that which of them "
            f"{step} takes away is arbitrary",
            stacklevel=2,
        )
    top, mean, scale = np.ascontiguousarray(vectors[:, :count]), moments.mean, moments.scale

    def applied(rows: Float64) -> Float64:
        if count >= rank:
            return np.zeros_like(rows)
        centred = rows * scale - mean
        centred -= _product(_product(centred, top), top.T)
        return centred / scale

    return applied, {"rank": rank, "taken": float(values[:count].sum() / values.sum())}


def _whiten(step: Step, moments: Moments, where: str) -> Fit:
    """U L^(-a/2) U' (x - mu) over the directions above rounding: no ridge, and 0 along the others."""
    power = float(step.amount or 0.0)
    values, vectors, rank = _directions(moments)
    kept = vectors[:, :rank]
    matrix = _product(kept * values[:rank] ** (-power / 2), np.ascontiguousarray(kept.T))
    mean, scale = moments.mean, moments.scale
    back = scale ** (power - 1.0)
    lifted = _rounding(moments) * float(values[rank - 1]) ** (-power / 2)
    radius = float(np.sqrt(np.sum(values[:rank] ** (1.0 - power))))
    return (lambda rows: _product(rows * scale - mean, matrix) * back), {"rank": rank, "rounding": lifted / radius}


def _drop_dims(step: Step, moments: Moments, where: str) -> Fit:
    count = _count(step, moments, where)
    energies = np.diag(moments.scatter)
    chosen = np.argsort(-energies, kind="stable")[:count]
    means = (moments.mean / moments.scale)[chosen]

    def applied(rows: Float64) -> Float64:
        changed = rows.copy()
        changed[:, chosen] = means
        return changed

    told = {"dimensions": chosen.tolist(), "taken": float(energies[chosen].sum() / energies.sum())}
    return applied, told


def _clip(step: Step, moments: Moments, where: str) -> Fit:
    reach = float(step.amount or 0.0) * _deviations(moments)
    low, high = ((moments.mean + side * reach) / moments.scale for side in (-1, 1))
    return (lambda rows: np.clip(rows, low, high)), {}


def _standardize(step: Step, moments: Moments, where: str) -> Fit:
    deviations, mean, scale = _deviations(moments), moments.mean, moments.scale
    factors = np.divide(1.0, deviations, out=np.zeros_like(deviations), where=deviations > 0)
    rank = int(np.count_nonzero(deviations))
    lifted = STEPS * moments.step * float(np.linalg.norm(factors * np.sqrt(_squares(moments))))
    return (lambda rows: (rows * scale - mean) * factors), {"rank": rank, "rounding": lifted / max(rank, 1) ** 0.5}


_FITS: dict[str, Callable[[Step, Moments, str], Fit]] = {
    "center": _center,
    "drop-top": _drop_top,
    "whiten": _whiten,
    "drop-dims": _drop_dims,
    "clip": _clip,
    "standardize": _standardize,
}


def _unit(rows: Float64) -> Float64:
    """x / |x|; rows of length 0 stay so. By the largest entry first, whose square may leave the range."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.where(largest > 0, largest, 1.0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    changed: Float64 = scaled / np.where(lengths > 0, lengths, 1.0)
    return changed


def _directions(moments: Moments) -> tuple[Float64, Float64, int]:
    """The covariance's eigenvalues (d,), largest first, its eigenvectors as columns (d, d), and how many are above
    rounding: of the decomposition, and of the rows' own numbers."""
    energy = moments.energy
    values, vectors = eigenvectors(moments.scatter / energy)
    own = (STEPS * moments.step) ** 2 * float(_squares(moments).max()) * moments.count / energy
    floor = max(moments.dimension * float(np.finfo(np.float64).eps) * float(values[0]), own)
    rank = max(1, int(np.count_nonzero(values[: max(moments.count - 1, 1)] > floor)))
    scaled = np.array(values * (energy / (moments.count - 1)), dtype=np.float64)
    return scaled, np.array(vectors, dtype=np.float64), rank


def _squares(moments: Moments) -> Float64:
    """(d,) the mean square of each dimension's numbers, whatever their mean."""
    squares: Float64 = np.diag(moments.scatter) / moments.count + moments.mean**2
    return squares


def _rounding(moments: Moments) -> float:
    """How far rounding may put equal rows apart."""
    return STEPS * moments.step * float(np.sqrt(_squares(moments).sum()))


def _deviations(moments: Moments) -> Float64:
    """(d,) each dimension's standard deviation, n - 1; 0 where that is rounding of its mean."""
    found = np.sqrt(np.clip(np.diag(moments.covariance), 0.0, None))
    return np.where(found > STEPS * moments.step * np.abs(moments.mean), found, 0.0)


def _count(step: Step, moments: Moments, where: str) -> int:
    """A number of directions or dimensions, of those that there are."""
    count = int(step.amount or 0)
    if count > moments.dimension:
        raise GeoscopeError(
            f"expected {step.name} of at most {moments.dimension}, the dimensions of the rows{where}, got {count}; "
            "take fewer away"
        )
    return count


def _product(left: Float64, right: Float64) -> Float64:
    """The product of two matrices, by torch: see `row_products`."""
    import torch

    one, other = (torch.from_numpy(np.ascontiguousarray(each)) for each in (left, right))
    found: Float64 = one.mm(other).numpy()
    return found
