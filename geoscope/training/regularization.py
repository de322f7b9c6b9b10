"""Regularization: which penalty is added to a task's loss, with which settings, on which hidden states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.regularizers import (
    SELECTIONS,
    ClassEntropies,
    class_entropies,
    cosine_loss,
    isotropy_loss,
    patchiness_loss,
)
from geoscope.rows import IntArray
from geoscope.settings.fine_tuning import CODEBOOK_POINTS, REFERENCE_POINTS, TEMPERATURE
from geoscope.settings.measuring import MeasureChoice
from geoscope.settings.option import default_of
from geoscope.training.arms import REGULARIZERS
from geoscope.training.penalised_points import POINTS, first_states, hidden_states, token_states

_PAPERS_POINTS = {"none": "tokens", "istar": "tokens", "cosreg": "last", "entropy": "first", "patchiness": "last"}


@dataclass(frozen=True)
class Regularization:
    """What is added to the task's loss: weight * penalty(points of the batch).

    kind: istar (1 - IsoScore*: a weight above 0 raises isotropy, below 0 lowers it), cosreg (mean cosine: a weight
    above 0 lowers it), entropy (minus the persistent entropy, summed over classes: a weight above 0 raises it),
    patchiness (minus the patchiness of soft counts: a weight above 0 raises it), none.
    shrinkage: istar's zeta, the weight on the reference covariance, which every epoch takes anew from
    `reference_points` states of training data drawn by `seed`.
    selection, selection_factor, noise_weight: of `persistent_entropy_loss`.
    temperature: of `patchiness_loss`. quantizer, codebooks, bits: of the codebooks that it counts by, which are learnt
    of half of `codebook_points` states of training data, drawn by `seed`: anew before every epoch and, unless None,
    after every `codebook_steps` steps.
    points_from: tokens (the states of every layer but the embeddings', as one cloud), last (the last layer's), first
    (its first token of each sequence), padding never among them; published: as the paper's code has it, padding
    included. None: tokens for istar, last for cosreg and patchiness, first for entropy. Of a model that reads pixels,
    tokens are patches, and first is its class token.
    """

    kind: str = "none"
    weight: float = 1.0
    shrinkage: float = 0.2
    selection: str = "published"
    noise_weight: float = 0.0
    points_from: str | None = None
    reference_points: int = REFERENCE_POINTS
    seed: int = 0
    selection_factor: float = 1.0
    temperature: float = TEMPERATURE
    codebook_points: int = CODEBOOK_POINTS
    codebook_steps: int | None = None
    quantizer: str = default_of(MeasureChoice, "quantizer")
    codebooks: int = default_of(MeasureChoice, "codebooks")
    bits: int = default_of(MeasureChoice, "bits")

    def __post_init__(self) -> None:
        for name, given, allowed in (
            ("regularizer", self.kind, REGULARIZERS),
            ("selection", self.selection, SELECTIONS),
            ("points_from", self.points_from, (None, *POINTS)),
        ):
            if given not in allowed:
                raise GeoscopeError(f"expected {name} to be one of {', '.join(map(str, allowed))}, got {given!r}")
        if not 0.0 <= self.shrinkage <= 1.0:
            raise GeoscopeError(f"expected a shrinkage between 0 and 1, got {self.shrinkage}")
        if self.codebook_steps is not None and self.codebook_steps < 1:
            raise GeoscopeError(f"expected codebook_steps of 1 or more, or None, got {self.codebook_steps}")

    @property
    def cloud(self) -> str:
        """Where the points are from: tokens, last or first."""
        own = _PAPERS_POINTS[self.kind]
        return own if self.points_from in (None, "published") else str(self.points_from)

    @property
    def masked(self) -> bool:
        """Whether padding is kept out of the points."""
        return self.points_from != "published"

    @property
    def acts(self) -> bool:
        """Whether there is anything to add to the loss."""
        return self.kind != "none" and self.weight != 0.0

    @property
    def needs_covariance(self) -> bool:
        """Whether it shrinks towards a covariance of training data."""
        return self.acts and self.kind == "istar" and self.shrinkage > 0.0

    @property
    def needs_codebooks(self) -> bool:
        """Whether it counts by codebooks that are learnt of training data."""
        return self.acts and self.kind == "patchiness"

    def points_of(self, outputs: Any, attention_mask: Any | None) -> Any:
        """The penalised points (n, d) of a model's output."""
        return self._chosen(hidden_states(outputs), attention_mask)

    def owners_of(self, outputs: Any, attention_mask: Any | None) -> IntArray:
        """Which example of the batch each of these points (n,) is of."""
        states = hidden_states(outputs)
        places = states[-1].new_tensor(range(len(states[-1])))[:, None, None]
        owners = self._chosen([places.expand(*layer.shape[:2], 1) for layer in states], attention_mask)
        return np.asarray(owners[:, 0].cpu(), dtype=np.int64)

    def _chosen(self, states: Sequence[Any], attention_mask: Any | None) -> Any:
        if self.cloud == "first":
            return first_states(states[-1], attention_mask)
        layers = states[1:] if self.cloud == "tokens" else states[-1:]
        return token_states(layers, attention_mask if self.masked else None)

    def penalty(self, points: Any, labels: Any | None = None, reference: Any | None = None) -> Any:
        """The penalty of points (n, d), before the weight. labels: the class of each, for entropy.

        reference: istar's covariance (d, d), or the codebooks that patchiness counts by.
        """
        if self.kind == "istar":
            return isotropy_loss(points, shrinkage=self.shrinkage, reference=reference)
        if self.kind == "patchiness":
            if reference is None:
                raise GeoscopeError("expected codebooks as the reference of a patchiness penalty, got none; learn some")
            return patchiness_loss(points, reference, temperature=self.temperature)
        if self.kind == "cosreg":
            return cosine_loss(points)
        return self.entropies(points, labels).loss

    def entropies(self, points: Any, labels: Any | None = None) -> ClassEntropies:
        """What the penalty of entropy is made of."""
        of_points = None if labels is None or labels.shape != points.shape[:1] or labels.is_floating_point() else labels
        return class_entropies(
            points, of_points, selection=self.selection, noise_weight=self.noise_weight,
            selection_factor=self.selection_factor,
        )  # fmt: skip

    def why_flat(self, penalties: Mapping[str, float]) -> str:
        """A sentence on batches without gradient, as `Penalties` tells of them."""
        share = 100 * penalties["penalty_without_gradient"]
        kept, bars = penalties.get("penalty_bars_kept"), penalties.get("penalty_bars")
        if kept is None:
            why = "their points have no value (too few, or all alike), or the weights behind them are fixed"
        else:
            why = (
                f"the selection {self.selection!r} keeps {kept:.3g} of {bars:.3g} bars a class on average, and fewer "
                "than two have no entropy to change"
            )
        return f"the {self.kind} penalty has no gradient in {share:.3g} % of batches, which train without it: {why}"
