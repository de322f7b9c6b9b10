"""Layer matrices: how alike the layers of one subject are, two and two, as a part of its report."""

from __future__ import annotations

from pydantic import Field, model_validator

from geoscope.files import is_none
from geoscope.result import Part

Matrix = list[list[float | None]]
"""Of L layers L lists of L numbers: from the layer of the list, to the layer of the place in it."""


class LayerMatrix(Part):
    """One measure of every two layers."""

    measure: str = Field(description="linear_cka_debiased, information_imbalance or mutual_neighbours")
    n: int = Field(ge=0, description="rows the numbers were computed from, the same of every layer")
    matrix: Matrix = Field(description="a list a layer: from it, to each of the layers in their order")
    null: float | None = Field(description="what layers give on average whose rows do not belong together")
    p: Matrix | None = Field(
        default=None,
        exclude_if=is_none,
        description="share of permutations, the rows' own order among them, that make the layers as alike",
    )
    p_adjusted: Matrix | None = Field(
        default=None, exclude_if=is_none, description="p allowing for the choice of the best layer for that of the list"
    )
    reason: str | None = Field(default=None, description="why a number is null, in a sentence")

    @model_validator(mode="after")
    def _null_has_a_reason(self) -> LayerMatrix:
        if not self.reason and any(value is None for row in self.matrix for value in row):
            raise ValueError("a null value needs a reason")
        return self


class BetweenLayers(Part):
    """How alike layers are."""

    layers: list[int] = Field(description="in the order of every matrix's lists")
    points: int = Field(ge=0, description="sampled rows, the same of every layer, before copies are left out")
    permutations: int = Field(default=0, ge=0, description="random orders of the points that p values are of")
    matrices: list[LayerMatrix]

    @model_validator(mode="after")
    def _square(self) -> BetweenLayers:
        size = len(self.layers)
        for each in self.matrices:
            for matrix in (each.matrix, each.p, each.p_adjusted):
                if matrix is not None and [len(row) for row in matrix] != [size] * size:
                    raise ValueError(f"{each.measure} needs {size} lists of {size} numbers, one a layer")
        return self

    def value(self, measure: str, one: int, other: int) -> float | None:
        """A measure's number from one layer to another; raises KeyError or ValueError for what is not there."""
        found = {each.measure: each.matrix for each in self.matrices}[measure]
        return found[self.layers.index(one)][self.layers.index(other)]
