"""Penalised points: which hidden states of a batch a regularizer sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.settings.fine_tuning import Training
from geoscope.settings.option import choices_of

POINTS = choices_of(Training, "points_from")
"""Token states of every layer but the embeddings', of the last, its first of each sequence, or the paper's choice."""


def hidden_states(outputs: Any) -> Sequence[Any]:
    """The (B, T, d) states of a model's output, embeddings first; of an encoder-decoder its encoder's."""
    for name in ("hidden_states", "encoder_hidden_states"):
        states = getattr(outputs, name, None)
        if states is not None:
            if any(layer.ndim != 3 for layer in states):
                shapes = ", ".join(str(tuple(layer.shape)) for layer in states)
                raise GeoscopeError(
                    f"expected hidden states of (batch, positions, dimensions), got {shapes} of "
                    f"{type(outputs).__name__}; take a model of tokens or patches"
                )
            return tuple(states)
    raise GeoscopeError(
        f"expected hidden states in {type(outputs).__name__}, got none; take a model that takes output_hidden_states"
    )


def token_states(states: Sequence[Any], attention_mask: Any | None) -> Any:
    """(n, d): the states of every position of some layers' (B, T, d), padding left out where there is a mask (B, T)."""
    import torch

    widths = dict.fromkeys(int(layer.shape[-1]) for layer in states)
    if len(widths) > 1:
        raise GeoscopeError(
            f"expected layers of one width to make one cloud of, got {', '.join(map(str, widths))}; take the points of "
            "the last layer (points_from, --points-from)"
        )
    if attention_mask is None:
        return torch.cat([layer.reshape(-1, layer.shape[-1]) for layer in states])
    real = attention_mask.bool()
    return torch.cat([layer[real] for layer in states])


def first_states(layer: Any, attention_mask: Any | None) -> Any:
    """(B, d): the state of each sequence's first real token, of one layer's (B, T, d)."""
    import torch

    if attention_mask is None:
        return layer[:, 0]
    first = attention_mask.long().argmax(dim=1)
    return layer[torch.arange(len(layer), device=layer.device), first]
