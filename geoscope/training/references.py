"""References: what a penalty holds a batch against, taken anew of training data as training goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, Undefined
from geoscope.measures import patchiness
from geoscope.passes.quantizers.codebooks import QuantizerSettings, quantized, split_groups
from geoscope.regularizers.frozen_codebooks import FrozenCodebooks, as_frozen
from geoscope.rows import IntArray
from geoscope.torch_state import full_precision
from geoscope.training.covariances import StreamedCovariance, sample_examples, undisturbed
from geoscope.training.penalised_points import hidden_states
from geoscope.training.regularization import Regularization


@dataclass(frozen=True)
class LearntCodebooks:
    """Codebooks, and the patchiness (`patchiness_heldout`) that they count on points they were not learnt from.

    held_out is None where those points have none.
    """

    codebooks: FrozenCodebooks
    held_out: float | None


def reference_covariance(trainer: Any, regularization: Regularization, epoch: int = 0) -> Any:
    """The covariance (d, d), float64, of the points that a regularizer would see of some training data.

    Each epoch draws its own examples. In a distributed run each process takes its share of them, as published.
    """
    sums = StreamedCovariance()
    for points, _ in _training_points(trainer, regularization, regularization.reference_points, epoch):
        sums.add(points)
    covariance = sums.covariance()
    if not covariance.any():
        raise GeoscopeError(
            f"expected hidden states that differ to take istar's reference covariance from, got {sums.count:,} that "
            "are all the same; take other ones (points_from, --points-from)"
        )
    return covariance


@full_precision()
def learnt_codebooks(trainer: Any, regularization: Regularization, draw: int = 0) -> LearntCodebooks:
    """Codebooks of the points that a regularizer would see of some training data: half learnt from, half counted.

    Halves are of examples. Each draw takes its own, and the quantizer's seed with it. In a distributed run each process
    learns its own, of its share of them.
    """
    import torch

    taken = list(_training_points(trainer, regularization, regularization.codebook_points, draw))
    rows = torch.cat([points.float().cpu() for points, _ in taken]).numpy()
    owners = np.concatenate([examples for _, examples in taken])
    chosen = regularization
    settings = QuantizerSettings(chosen.quantizer, chosen.codebooks, chosen.bits, chosen.seed + draw)
    try:
        trains = split_groups(owners, settings.seed)
        books, codes = quantized(rows[~trains], settings, train_on=rows[trains], device=str(trainer.model.device))
        held_out: float | None = patchiness.formula(codes)
    except Undefined as error:
        raise GeoscopeError(
            f"expected points to learn patchiness's {settings} codebooks of, got {len(rows):,} of {len(set(owners)):,} "
            f"examples ({error}); take more (codebook_points, --codebook-points, --train-examples), fewer bits, or "
            "points of another kind (points_from, --points-from)"
        ) from error
    return LearntCodebooks(as_frozen(books, torch.from_numpy(rows[trains])).to(trainer.model.device), held_out)


def _training_points(
    trainer: Any, regularization: Regularization, wanted: int, draw: int
) -> Iterator[tuple[Any, IntArray]]:
    """Batch by batch, some `wanted` points (n, d) of training data, and the example (n,) that each is of."""
    from torch.utils.data import Subset

    model, data = trainer.model, trainer.train_dataset
    if not hasattr(data, "__len__"):
        raise GeoscopeError(
            f"expected a training set with a length, to draw {regularization.kind}'s reference from; got an iterable "
            "one"
        )
    with undisturbed(model, regularization.seed + draw):
        layers, size = _layers_and_sizes(trainer)
        cloud = regularization.cloud
        chosen = sample_examples(
            data, -(-wanted // (layers if cloud == "tokens" else 1)), (regularization.seed, draw),
            size if cloud != "first" else lambda example: 1,
        )  # fmt: skip
        if regularization.masked:  # else the padding that chance makes is among the points
            chosen.sort(key=lambda place: size(data[place]))
        done = 0
        for outputs, mask in _read(trainer, Subset(data, chosen)):
            owners = regularization.owners_of(outputs, mask)
            yield regularization.points_of(outputs, mask), owners + done
            done += int(owners.max(initial=-1)) + 1


def _layers_and_sizes(trainer: Any) -> tuple[int, Callable[[Any], int]]:
    """How many layers' states a model has, but for the embeddings, and how many positions an example.

    Of text its ids tell; what else is read makes as many positions of one example as of another.
    """
    from torch.utils.data import Subset

    if "input_ids" in trainer.train_dataset[0]:
        return int(trainer.model.config.num_hidden_layers), lambda example: len(example["input_ids"])
    outputs, _ = next(_read(trainer, Subset(trainer.train_dataset, [0])))
    states = hidden_states(outputs)
    positions = int(states[-1].shape[1])
    return len(states) - 1, lambda example: positions


def _read(trainer: Any, data: Any) -> Iterator[tuple[Any, Any | None]]:
    """Batch by batch, what the model makes of data, and its mask (B, T), where it has one."""
    for batch in trainer.get_eval_dataloader(data):
        inputs = trainer._prepare_inputs(batch)
        yield trainer.model(**{**inputs, "output_hidden_states": True}), inputs.get("attention_mask")
