"""Placement: a model's weights put by accelerate on GPUs and in memory, the rest left in their files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.scratch import scratch_folder
from geoscope.subjects.checkpoint_files.hub import Snapshot

_GPU_SHARE = 0.9  # of a GPU's free memory; the rest is for what a forward pass makes


@dataclass(frozen=True)
class Placement:
    """memory: bytes that weights may take, by GPU's number and "cpu".

    folder: of weights that no file holds as they are loaded (of pickles, or made anew from several). It goes when the
    placement does: weights that a safetensors file holds are read from there.
    """

    memory: dict[int | str, int]
    folder: TemporaryDirectory[str] = field(default_factory=scratch_folder)

    @property
    def options(self) -> dict[str, Any]:
        """What `from_pretrained` is told."""
        return {"device_map": "auto", "max_memory": self.memory, "offload_folder": self.folder.name}


def placement(snapshot: Snapshot, subject: str, device: str, room: int | None) -> Placement:
    """Where weights may go: on the GPUs that there are unless `device` is cpu, then in `room` bytes of memory.

    room: None for what is free. Raises GeoscopeError for what accelerate cannot place.
    """
    if find_spec("accelerate") is None:
        raise GeoscopeError("expected accelerate for --device-map, got none installed; pip install 'geoscope[large]'")
    if device not in ("auto", "cpu"):
        raise GeoscopeError(
            f"expected --device auto or cpu with --device-map, which chooses devices itself, got '{device}'; leave one "
            "of them out"
        )
    kinds = {"an adapter": snapshot.adapter, "static embeddings": snapshot.static, "a GGUF file": snapshot.file}
    for kind, there in kinds.items():
        if there:
            raise GeoscopeError(
                f"expected a model's own weights with --device-map, got '{subject}', which is {kind}; leave it out"
            )
    from accelerate.utils import get_max_memory

    free = {name: int(_GPU_SHARE * size) for name, size in get_max_memory().items() if name == "cpu" or device != "cpu"}
    return Placement(free if room is None else {**free, "cpu": min(room, free["cpu"])})


def stored(model: Any, name: str, tensor: Any) -> Any:
    """A tensor of a model's state, read from its file where it is not in memory."""
    if tensor.device.type != "meta":
        return tensor
    return _map_of(model, name)[name.rpartition(".")[2]]


def _map_of(model: Any, name: str) -> Any:
    """What accelerate reads the weights of a module from, of the module that has a weight."""
    hook = model.get_submodule(name.rpartition(".")[0])._hf_hook
    return next(each.weights_map for each in getattr(hook, "hooks", (hook,)) if each.weights_map is not None)


def put_zeros(model: Any, names: Collection[str]) -> None:
    """Have zeros read for weights that were left in files which do not hold them, and that no row depends on."""
    import torch

    for name in _left(model, names):
        held = _map_of(model, name)
        last = name.rpartition(".")[2]
        held.dataset.state_dict[held.prefix + last] = torch.zeros_like(model.get_parameter(name), device="cpu")


def refuse_unstored(subject: str, model: Any, names: Collection[str]) -> None:
    """Refuse weights left in files that do not hold them: those that the model's library makes and never saves."""
    lost = _left(model, names)
    if lost:
        raise GeoscopeError(
            f"expected every weight of '{subject}' in its files with --device-map, got {lost[0]} "
            f"({type(model).__name__}), which is made when it is loaded; leave --device-map out, or give more --memory"
        )


def _left(model: Any, names: Collection[str]) -> list[str]:
    return sorted(name for name, each in model.named_parameters() if name in names and each.device.type == "meta")


def resident(model: Any) -> int:
    """Bytes of a placed model's weights that are in memory at a time: those put there and the largest other."""
    held, beside = 0, 0
    for name, weight in model.named_parameters():
        size = int(weight.numel() * weight.element_size())
        if weight.device.type == "meta":
            source = _map_of(model, name)
            if source.prefix + name.rpartition(".")[2] not in source.dataset.state_dict:
                beside = max(beside, size)
                continue
        held += size * (weight.device.type in ("cpu", "meta"))
    return held + beside


def refuse_left(subject: str, model: Any, command: str) -> None:
    """Refuse a model of which some weights are not in memory, for what changes weights."""
    if any(each.device.type == "meta" for each in model.parameters()):
        raise GeoscopeError(
            f"expected all weights of '{subject}' in memory for {command}, which changes them, got some left in their "
            "files by --device-map auto; leave it out, or give more --memory"
        )
