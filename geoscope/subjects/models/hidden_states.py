"""States: where in a model the hidden states of its layers are, and how a forward pass hands them over."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from geoscope.errors import GeoscopeError


@dataclass(frozen=True)
class Outline:
    """What a probe found of a model.

    last: the last layer's number, and so how many blocks there are. layers: the numbers of those that have one state a
    token. size: numbers of the last layer's state. causal: whether a state sees earlier tokens only.
    blocks: names of the modules that make the layers, one after another; hooked: whether the layers before the last are
    what goes into them, so that no state of another layer is held. renumbered: whether the model's own list of hidden
    states begins elsewhere or is not there. streams: whether a token has several states, which the model makes one
    after the last block. listed: whether the last state stands in the model's own list alone. norm: name of the final
    norm. cut: whether states go on past the text's end and may be cut there. padding: whether rows beside padding are
    those without it. steady: whether reading leaves the model's parts as they were. decoder: whether the layers are
    those of an encoder-decoder's decoder, which reads the same text.
    """

    last: int
    layers: tuple[int, ...]
    size: int
    causal: bool
    blocks: tuple[str, ...] = ()
    hooked: bool = False
    renumbered: bool = False
    streams: bool = False
    listed: bool = False
    norm: str | None = None
    cut: bool = False
    padding: bool = True
    steady: bool = True
    decoder: bool = False


def cache_off(model: Any) -> dict[str, bool]:
    """`use_cache=False` for models that have a cache to switch off."""
    if not hasattr(model.config, "use_cache"):
        return {}
    taken = inspect.signature(model.forward).parameters.values()
    known = any(each.name == "use_cache" or each.kind is inspect.Parameter.VAR_KEYWORD for each in taken)
    return {"use_cache": False} if known else {}


def device_of(model: Any) -> Any:
    """Where a model reads: the device of its first weight that is on one, the CPU where all are in files."""
    import torch

    return next((each.device for each in model.parameters() if each.device.type != "meta"), torch.device("cpu"))


def cuda_devices(model: Any) -> list[Any]:
    """The GPUs that a model's weights are on, each once."""
    return list({each.device for each in model.parameters() if each.device.type == "cuda"})


def read_states(
    model: Any, outline: Outline, ids: Any, mask: Any, layers: Collection[int], *, before_norm: bool = False
) -> dict[int, Any]:
    """(B, T, d) per asked layer from one forward pass over ids (B, T); the last is the model's output.

    mask: (B, T), 0 at padding, or None where there is none. before_norm: the last as it goes into the final norm.
    Raises GeoscopeError for a layer that has not one state a token.
    """
    last, inner = outline.last, [layer for layer in layers if layer != outline.last]
    wanted = {outline.blocks[layer]: layer for layer in inner} if outline.hooked else {}
    if before_norm and outline.norm is not None and last in layers:
        wanted[outline.norm] = last
    last_block = outline.blocks[-1:] if outline.streams and inner else ()
    with inputs_of(model, wanted) as taken, outputs_of(model, last_block, whole=True) as made:
        listed = outline.listed or (bool(inner) and not outline.hooked)
        output = forward(model, ids, mask, states=listed, decoder=outline.decoder)
    states = output.get("hidden_states")
    found = {wanted[name]: state for name, state in taken.items()}
    if outline.hooked and not outline.renumbered and not all(_of_tokens(found[layer], ids) for layer in inner):
        # blocks that are given more than the text's tokens; what of it is theirs shows in the model's own list
        listing = replace(outline, hooked=False)
        return read_states(model, listing, ids, mask, layers, before_norm=before_norm)
    for layer in layers:
        if layer not in found:
            found[layer] = last_of(output) if layer == last else states[layer]
    if outline.streams and inner:
        beside = made[outline.blocks[-1]]
        found |= {layer: _one_stream(model, outline, found[layer], beside, ids, mask) for layer in inner}
    longer = any(found[layer].ndim == 3 and found[layer].shape[1] > ids.shape[1] for layer in inner)
    cut = outline.cut or (longer and states is not None and _goes_on(model, outline, states, ids, mask))
    del output, states
    return {layer: _one_a_token(model, found.pop(layer), layer, tuple(ids.shape), cut) for layer in layers}


def forward(model: Any, ids: Any, mask: Any, *, states: bool, decoder: bool = False) -> Any:
    """What a model gives for ids (B, T): its last hidden state, and with `states` the list of all.

    decoder: of an encoder-decoder, whose halves read the same tokens. Its decoder sees no token after its own, and so
    needs no mask beside the encoder's.
    """
    masks = {} if mask is None else {"attention_mask": mask}
    if not decoder:
        return model(input_ids=ids, output_hidden_states=states, **masks, **cache_off(model))
    output = model(input_ids=ids, decoder_input_ids=ids, output_hidden_states=states, **masks, **cache_off(model))
    return {"last_hidden_state": output.get("last_hidden_state"), "hidden_states": output.get("decoder_hidden_states")}


def _of_tokens(state: Any, ids: Any) -> bool:
    return state is not None and state.ndim == 3 and state.shape[:2] == ids.shape


def last_of(output: Any) -> Any:
    """A model's last hidden state; the last of its list where it gives no other."""
    last, states = output.get("last_hidden_state"), output.get("hidden_states")
    return states[-1] if last is None and states else last


@contextmanager
def inputs_of(model: Any, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """What goes into some modules of a model, by name, of each the first time it runs."""
    taken: dict[str, Any] = {}

    def keep(name: str) -> Any:
        def hook(module: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
            taken.setdefault(name, first_tensor((*given, *named.values())))

        return hook

    with _hooked([model.get_submodule(n).register_forward_pre_hook(keep(n), with_kwargs=True) for n in names]):
        yield taken


@contextmanager
def outputs_of(model: Any, names: Collection[str], *, whole: bool = False) -> Iterator[dict[str, Any]]:
    """What comes out of some modules of a model, by name, of each the last time it runs; whole: all of it."""
    taken: dict[str, Any] = {}

    def keep(name: str) -> Any:
        def hook(module: Any, given: Any, made: Any) -> None:
            taken[name] = made if whole else first_tensor(made)

        return hook

    with _hooked([model.get_submodule(n).register_forward_hook(keep(n)) for n in names]):
        yield taken


@contextmanager
def _hooked(hooks: Collection[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def first_tensor(given: Any) -> Any:
    """What a module is given or gives, less what comes beside it."""
    import torch

    if isinstance(given, (tuple, list)):
        return next((each for each in given if isinstance(each, torch.Tensor)), None)
    return given if isinstance(given, torch.Tensor) else None


def _one_stream(model: Any, outline: Outline, state: Any, made: Any, ids: Any, mask: Any) -> Any:
    """(B, T, d) of several states a token, made one as the model does after its last block.

    Its blocks are passed over: the last one gives the state, beside whatever else it made before. What the final norm
    would get is what counts.
    """
    given = (state, *made[1:]) if isinstance(made, tuple) else state
    blocks = [model.get_submodule(name) for name in outline.blocks]
    norm = outline.norm or ""
    own = [vars(block).get("forward") for block in blocks]
    try:
        for block in blocks:
            block.forward = lambda *arguments, **named: given
        with inputs_of(model, [norm]) as taken:
            forward(model, ids, mask, states=False, decoder=outline.decoder)
    finally:
        for block, kept in zip(blocks, own, strict=True):
            del block.forward
            if kept is not None:
                block.forward = kept
    return taken[norm]


def _goes_on(model: Any, outline: Outline, states: Any, ids: Any, mask: Any) -> bool:
    """Whether states are those of the text's tokens in their order, with further ones behind them.

    Another last token must change the first layer at that token's place and nowhere else.
    """
    other = ids.clone()
    other[:, -1] = (ids[:, -1] - 1).where(ids[:, -1] > 0, ids[:, -1] + 1)
    again = forward(model, other, mask, states=True, decoder=outline.decoder)["hidden_states"]
    inner = [first_tensor(state) for state in states[:-1]]
    return one_length(inner) and moved_at(inner[0], first_tensor(again[0]), ids.shape[1] - 1)


def one_length(states: Sequence[Any]) -> bool:
    """Whether the states of some layers are of one shape, (B, T', d)."""
    return all(state is not None and state.ndim == 3 and state.shape == states[0].shape for state in states)


def moved_at(one: Any, other: Any, place: int) -> bool:
    """Whether two (B, T', d) differ at one place and nowhere else."""
    moved = (one != other).any(-1)
    return bool(moved[:, place].all()) and int(moved.sum()) == len(moved)


def _one_a_token(model: Any, state: Any, layer: int, shape: tuple[int, ...], cut: bool) -> Any:
    """A layer's states as (B, T, d), what is past the text's end cut off where that is known to be right."""
    if state.ndim == 3 and tuple(state.shape[:2]) == shape:
        return state
    if cut and state.ndim == 3 and state.shape[0] == shape[0] and state.shape[1] > shape[1]:
        return state[:, : shape[1]]
    raise GeoscopeError(
        f"expected one hidden state a token in layer {layer} of {type(model).__name__}, got a tensor of "
        f"{' x '.join(map(str, state.shape))} for {shape[0]} texts of {shape[1]} tokens; measure --layers last"
    )
