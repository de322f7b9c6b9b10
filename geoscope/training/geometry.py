"""The geometry of a model in training: measures of its hidden states over a fixed set of examples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geoscope.catalogue import select
from geoscope.errors import GeoscopeError, first_line
from geoscope.estimates.estimator import Estimator, measured
from geoscope.passes.gathering import Gathering, union_sample
from geoscope.passes.passes import Passes, PassSettings
from geoscope.passes.quantizers.codebooks import QuantizerSettings
from geoscope.rows import IntArray, RowIndex
from geoscope.settings.measuring import Quantizer
from geoscope.settings.option import default_of
from geoscope.subjects.models.tokenization import batch_sequences
from geoscope.torch_state import full_precision, with_float64
from geoscope.training.covariances import undisturbed
from geoscope.training.penalised_points import first_states, hidden_states

CLOUDS = ("union", "last", "first")
"""Token states of every layer but the embeddings' as one cloud, those of the last, its first token of each sequence."""

EACH = "layers"
"""Asked for as a cloud: token states of each layer but the last, embeddings too, each a cloud of its own."""

_LAYER = "layer-"  # and a layer's number: the name of its cloud

_BATCH_TOKENS = 4096


@dataclass(frozen=True)
class MeasuredGeometry:
    """One measure of one cloud; value is None where it is undefined, and then reason says why."""

    cloud: str
    measure: str
    value: float | None
    n: int
    reason: str | None = None


def layer_of(cloud: str, layers: int) -> int | None:
    """Which layer a cloud is of, in a model of so many; None for the union of them."""
    if cloud.startswith(_LAYER):
        return int(cloud.removeprefix(_LAYER))
    return None if cloud == "union" else layers


@full_precision()
def measure_model(
    model: Any,
    pad: Callable[..., Any] | None,
    examples: Sequence[Mapping[str, Any]],
    measures: Iterable[str],
    *,
    clouds: Sequence[str] = CLOUDS,
    points: int = 2000,
    quantizer: str = default_of(Quantizer, "quantizer"),
    seed: int = 0,
) -> list[MeasuredGeometry]:
    """The measures of the clouds that a model's states over some encoded examples make, in evaluation mode.

    pad: a tokenizer's `pad`; None for examples that are stacked as they are, such as `pixel_values` of one size.
    clouds: of CLOUDS and EACH. points: rows that the measures of pairs see; the spectral ones see every row.
    The numbers are those of `geoscope measure`, without errors; the model and torch's random state stay as they were.
    """
    keys, device = select(list(measures)), with_float64(model.device)
    with undisturbed(model, seed):
        lengths = _lengths(model, pad, examples)
        gathered: dict[str, Gathering] = {}
        for sequences in batch_sequences(lengths, _BATCH_TOKENS):
            states, mask = _read(model, pad, [examples[place] for place in sequences])
            if not gathered:
                asked = {name for key in keys for name in measured(key).passes}
                gathered = _empty_clouds(lengths, len(states) - 1, clouds, points, seed, asked, device)
            for cloud, gathering in gathered.items():
                _add(gathering, cloud, states, mask, sequences, lengths)
    settings = PassSettings(QuantizerSettings(quantizer, seed=seed), device)
    found: list[MeasuredGeometry] = []
    for cloud, gathering in gathered.items():
        passes = Passes(gathering.moments, gathering.take_points(), gathering.sequences, settings)
        estimator = Estimator(passes, {}, None, null="none")
        for key in keys:
            estimate = estimator.estimate(key)
            found.append(MeasuredGeometry(cloud, key, estimate.value, estimate.n, estimate.reason))
    return found


def _lengths(model: Any, pad: Callable[..., Any] | None, examples: Sequence[Mapping[str, Any]]) -> IntArray:
    """Positions of each example: of text by its mask, of others as many as the first has."""
    if pad is None:
        positions = int(_read(model, pad, examples[:1])[1].shape[1])
        return np.full(len(examples), positions, dtype=np.int64)
    return np.array([_length(example) for example in examples], dtype=np.int64)


def _length(example: Mapping[str, Any]) -> int:
    mask = example.get("attention_mask")
    return len(example["input_ids"]) if mask is None else int(np.sum(np.asarray(mask)))


def _read(
    model: Any, pad: Callable[..., Any] | None, examples: Sequence[Mapping[str, Any]]
) -> tuple[Sequence[Any], Any]:
    """The states of one batch, and its mask as a boolean (B, T)."""
    if pad is None:
        states = hidden_states(model(**_stacked(model, examples), output_hidden_states=True))
        return states, states[-1].new_ones(states[-1].shape[:2]).bool()
    names = ("input_ids", "attention_mask", "token_type_ids")
    kept = [{name: example[name] for name in names if name in example} for example in examples]
    batch = pad(kept, return_tensors="pt").to(model.device)
    return hidden_states(model(**batch, output_hidden_states=True)), batch["attention_mask"].bool()


def _stacked(model: Any, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What of examples the model reads, but for labels, stacked."""
    from transformers import default_data_collator

    names = set(inspect.signature(model.forward).parameters) - {"labels"}
    try:
        batch = default_data_collator([{name: each[name] for name in each if name in names} for each in examples])
    except (RuntimeError, ValueError) as error:
        raise GeoscopeError(
            f"expected examples of one size, to be stacked, got others ({first_line(error)}); crop or pad them"
        ) from error
    return {name: value.to(model.device) for name, value in batch.items()}


def _empty_clouds(
    lengths: IntArray,
    layers: int,
    clouds: Sequence[str],
    points: int,
    seed: int,
    asked: Collection[str],
    device: str,
) -> dict[str, Gathering]:
    """A gathering for each cloud, its sampled points chosen by a hash of layer, sequence and position."""
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    sequences = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    positions = np.arange(len(sequences), dtype=np.int64) - starts
    tokens = RowIndex(sequences, positions, np.full(len(sequences), -1, dtype=np.int64))
    first = tokens.take(np.flatnonzero(positions == 0).astype(np.int64))
    made: dict[str, Gathering] = {}
    each = [f"{_LAYER}{number:02d}" for number in range(layers)]
    for cloud in [name for asked in clouds for name in (each if asked == EACH else [asked])]:
        index = first if cloud == "first" else tokens
        sample = union_sample(_numbers(cloud, layers), index, points, seed)
        made[cloud] = Gathering(None, sample, index, parts=1, positions=cloud != "first", asked=asked, device=device)
    return made


def _add(
    gathering: Gathering, cloud: str, states: Sequence[Any], mask: Any, sequences: IntArray, lengths: IntArray
) -> None:
    """Hand one batch's rows to a cloud, a sequence's rows next to each other."""
    if cloud == "first":
        present = np.cumsum(lengths > 0) - 1
        gathering.add(present[sequences], {len(states) - 1: gathering.taken(first_states(states[-1], mask))})
        return
    starts = np.cumsum(lengths) - lengths
    offsets = np.concatenate([np.arange(starts[s], starts[s] + lengths[s], dtype=np.int64) for s in sequences])
    gathering.add(
        offsets,
        {
            number: gathering.taken(states[number][mask.to(states[number].device)])
            for number in _numbers(cloud, len(states) - 1)
        },
    )


def _numbers(cloud: str, layers: int) -> Sequence[int]:
    """The layers whose states a cloud is of, in a model of so many."""
    layer = layer_of(cloud, layers)
    return range(1, layers + 1) if layer is None else (layer,)
