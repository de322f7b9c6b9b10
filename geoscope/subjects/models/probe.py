"""The probe: a few tokens read when a checkpoint is loaded, to find its layers and what moves them.

It takes at most 10 forward passes of 16 tokens each, and leaves the model as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, is_out_of_memory
from geoscope.subjects.models.hidden_states import (
    Outline,
    device_of,
    first_tensor,
    forward,
    inputs_of,
    last_of,
    moved_at,
    one_length,
    outputs_of,
    read_states,
)
from geoscope.subjects.models.modalities import modality_of, never_text, why_not
from geoscope.subjects.models.tokenizers import padding_id
from geoscope.subjects.models.untouched import untouched
from geoscope.torch_state import full_precision

_TOKENS = 16
FEWEST_TRIED = 5
"""Tokens of the shortest text that is read."""

_SAME = {"float32": 1e-5, "float64": 1e-5, "float16": 1e-2, "bfloat16": 5e-2}
"""How far apart, of a row's norm, states may be that differ by rounding alone."""


def probe(subject: str, model: Any, tokenizer: Any, rows: int | None, *, decoder: bool = False) -> Outline:
    """Where the model's layers are, and whether padding moves them.

    rows: of the model's embedding table, None where it has none. decoder: of an encoder-decoder, whose decoder's layers
    are meant. Raises GeoscopeError, naming what the model reads,
    where it does not read these tokens alone.
    """
    import torch

    never = never_text(type(model), model.config)
    if never is not None:
        raise refused(subject, model, never)
    ids = torch.from_numpy(_ids(tokenizer, rows)).to(device_of(model))
    try:
        with full_precision(), untouched(model) as changed, torch.inference_mode():
            outline = _with_padding(model, _outline(subject, model, ids, decoder), ids, padding_id(tokenizer, rows))
        return replace(outline, steady=not changed)
    except GeoscopeError:
        raise
    except Exception as error:  # whatever a model's own code raises
        if is_out_of_memory(error):
            raise
        raise refused(subject, model, why_not(model, error)) from error


def refused(subject: str, model: Any, why: str) -> GeoscopeError:
    """The error for a model that does not give what is measured."""
    return GeoscopeError(
        f"expected a checkpoint that gives one hidden state a token of text read alone, got '{subject}' "
        f"({type(model).__name__}), which reads {modality_of(type(model), model.config)} and does not: {why}; "
        "choose another"
    )


def _ids(tokenizer: Any, rows: int | None) -> Any:
    """(16,) token ids, none of them special, distinct where there are so many, spread over those there are."""
    most = min(len(tokenizer), rows or len(tokenizer))
    special = set(tokenizer.all_special_ids)
    plain = [number for number in range(most) if number not in special] if most < 4096 else None
    if plain is None:
        places = np.linspace(most // 8, most - most // 8, 4 * _TOKENS).astype(int).tolist()
        plain = [place for place in places if place not in special]
    chosen = [plain[round(place)] for place in np.linspace(0, len(plain) - 1, _TOKENS)] if plain else [0] * _TOKENS
    return np.asarray(chosen, dtype=np.int64)


def _outline(subject: str, model: Any, ids: Any, decoder: bool) -> Outline:
    """What two texts of 8 tokens that differ in their last one, and one of 16, say of the model's layers."""
    import torch

    first = ids[: _TOKENS // 2]
    pair = torch.stack([first, torch.cat([first[:-1], ids[-1:]])])
    half = _name_of(model, model.get_decoder()) if decoder else ""
    lists = _module_lists(model, half)
    norms = [
        name
        for name, module in model.named_modules()
        if _is_norm(name, module) and _within(name, [[half]]) and not _within(name, lists)
    ]
    children = [name for names in lists for name in names]
    with inputs_of(model, [*children, *norms]) as given, outputs_of(model, [*children, *norms]) as made:
        output = forward(model, pair, None, states=True, decoder=decoder)
    states, last = output.get("hidden_states"), last_of(output)
    states = [first_tensor(state) for state in states or ()]
    if last is None or tuple(last.shape[:2]) != tuple(pair.shape):
        shape = "none" if last is None else " x ".join(map(str, last.shape))
        raise refused(subject, model, f"of 2 texts of {len(first)} tokens its last hidden state is {shape}")
    ran = [names for names in lists if all(name in made for name in names)]
    blocks = next((names for names in ran if len(names) == len(states) - 1), max(ran, key=len, default=()))
    norm = next((name for name in reversed(norms) if name in made and _equal(made[name], last)), None)
    change = (last[0, 0].double() - last[1, 0].double()).norm() / last[0, 0].double().norm()
    outline = Outline(
        last=len(states) - 1 if states else len(blocks),
        layers=(), size=int(last.shape[-1]), causal=bool(change < 1e-6), blocks=tuple(blocks), norm=norm,
        listed=output.get("last_hidden_state") is None, decoder=decoder,
    )  # fmt: skip
    return _with_layers(outline, states, pair, given, made)


def _with_layers(outline: Outline, states: Sequence[Any], pair: Any, given: Any, made: Any) -> Outline:
    """The outline with which of the layers before the last can be measured, and how."""
    blocks, last = outline.blocks, outline.last
    every = tuple(range(last + 1))
    inputs = [given.get(name) for name in blocks]
    whole = bool(blocks) and len(blocks) == last and all(_one_a_token(state, pair, outline.size) for state in inputs)
    if not states:
        return replace(outline, layers=every if whole else (last,), hooked=whole, renumbered=whole)
    if whole and not _equal(states[0], inputs[0]) and _equal(states[0], made[blocks[0]]):
        return replace(outline, layers=every, hooked=True, renumbered=True)  # the list begins after the first block
    if whole and all(_equal(state, given) for state, given in zip(states[:-1], inputs, strict=True)):
        return replace(outline, layers=every, hooked=True)
    inner = states[:-1]
    if all(_one_a_token(state, pair, outline.size) for state in inner):
        return replace(outline, layers=every)
    if all(state is not None and state.ndim == 4 for state in inner) and outline.norm and len(blocks) == last:
        return replace(outline, layers=every, streams=True)
    longer = one_length(inner) and inner[0].shape[0] == 2 and inner[0].shape[1] > pair.shape[1]
    if longer and moved_at(inner[0][:1], inner[0][1:], pair.shape[1] - 1):
        return replace(outline, layers=every, cut=True)
    return replace(outline, layers=(last,))


def _one_a_token(state: Any, ids: Any, size: int) -> bool:
    return state is not None and tuple(state.shape) == (*ids.shape, size)


def _with_padding(model: Any, outline: Outline, ids: Any, padding: int) -> Outline:
    """The outline with whether 5 tokens beside padding are as they are alone; a text of 16 is read on the way."""
    import torch

    whole, part = ids[: _TOKENS // 2], ids[:FEWEST_TRIED]
    read_states(model, outline, ids[None], None, outline.layers)
    mask = torch.ones((2, len(whole)), dtype=torch.long, device=ids.device)
    mask[1, len(part) :] = 0
    padded = torch.stack([whole, torch.cat([part, torch.full_like(whole[len(part) :], padding)])])
    try:
        beside = read_states(model, outline, padded, mask, outline.layers)
    except TypeError:  # it takes no mask
        return replace(outline, padding=False)
    alone = read_states(model, outline, part[None], None, outline.layers)
    same = all(
        alike(beside[layer][1, : len(part)], alone[layer][0], str(alone[layer].dtype).removeprefix("torch."))
        for layer in outline.layers
    )
    return replace(outline, padding=same)


def alike(one: Any, other: Any, dtype: str) -> bool:
    """Whether rows (n, d) that were made in a dtype differ by rounding alone."""
    tolerance = _SAME[dtype]
    apart = (one.double() - other.double()).norm(dim=-1)
    return bool((apart <= tolerance * other.double().norm(dim=-1)).all())


def _equal(one: Any, other: Any) -> bool:
    import torch

    return one is not None and one.shape == other.shape and torch.equal(one, other)


def _name_of(model: Any, part: Any) -> str:
    return next(str(name) for name, module in model.named_modules() if module is part)


def _module_lists(model: Any, half: str) -> list[list[str]]:
    """The names of the modules in each list of modules that is in no other, within the half whose name is given."""
    from torch.nn import ModuleList

    lists = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, ModuleList) and len(module) and _within(name, [[half]])
    }
    outer = [name for name in lists if not any(name.startswith(other + ".") for other in lists)]
    return [[f"{name}.{number}" if name else number for number, _ in lists[name].named_children()] for name in outer]


def _within(name: str, lists: Sequence[Sequence[str]]) -> bool:
    return any(child in ("", name) or name.startswith(child + ".") for names in lists for child in names)


def _is_norm(name: str, module: Any) -> bool:
    return "norm" in type(module).__name__.lower() or "norm" in name.rpartition(".")[2]
