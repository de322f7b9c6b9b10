"""Sentence modules: what a sentence-transformers folder does to pooled rows: Dense, LayerNorm, Normalize."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError, first_line
from geoscope.subjects.checkpoint_files.descriptions import read_json

LOADED = ("Dense", "LayerNorm", "Normalize")
"""What `load_step` knows."""


@dataclass(frozen=True)
class Step:
    """What is done to (B, k) rows of float32. takes, gives: dimensions, None where it takes and leaves any."""

    described: str
    run: Callable[[Any], Any]
    origin: Path | str
    takes: int | None = None
    gives: int | None = None

    def __call__(self, rows: Any) -> Any:
        return self.run(rows)

    def size_after(self, size: int) -> int:
        """The dimensions of rows of a size after it; raises GeoscopeError where it takes none of that size."""
        if self.takes not in (None, size):
            raise GeoscopeError(
                f"expected rows of {self.takes} dimensions before {self.described}, got {size}; mend {self.origin}"
            )
        return size if self.gives is None else self.gives


def load_step(kind: str, folder: Path, *, allow_pickle: bool, device: str) -> Step:
    """A module of a folder as a step, its weights on the device; raises GeoscopeError where they do not fit."""
    config = read_json(folder / "config.json", dict) if (folder / "config.json").is_file() else {}
    return step_of(kind, config, lambda: _weights(folder, allow_pickle), folder, device=device)


def step_of(
    kind: str,
    config: Mapping[str, Any],
    weights_of: Callable[[], Mapping[str, Any]],
    folder: Path | str,
    *,
    device: str,
) -> Step:
    """A module as a step, from its configuration and weights; folder: where errors say that it is."""
    name = config.get("module_input_name", "sentence_embedding")
    if name != "sentence_embedding" or config.get("module_output_name") not in (None, name):
        raise GeoscopeError(
            f"expected {kind} of the sentence's row, got one of {name} in {folder}; what it does cannot be "
            "followed, so choose another --pooling"
        )
    if kind == "Normalize":
        from torch.nn.functional import normalize

        return Step("Normalize", lambda rows: normalize(rows, p=2.0, dim=-1), folder)
    weights = {each: tensor.to(device).float() for each, tensor in weights_of().items()}
    try:
        return (_dense if kind == "Dense" else _layer_norm)(config, weights, folder)
    except KeyError as error:
        raise GeoscopeError(
            f"expected {error} among the weights of {kind} in {folder}, got none; save it again"
        ) from error


def _dense(config: Mapping[str, Any], weights: Mapping[str, Any], folder: Path | str) -> Step:
    from torch.nn.functional import linear

    weight, bias, residual = weights["linear.weight"], weights.get("linear.bias"), weights.get("residual.weight")
    gives, takes = weight.shape
    name, activation = _activation(config.get("activation_function", "torch.nn.modules.activation.Tanh"), folder)
    added = config.get("use_residual") is True

    def run(rows: Any) -> Any:
        after = activation(linear(rows, weight, bias))
        return after + (rows if residual is None else linear(rows, residual)) if added else after

    told = f"Dense {takes} to {gives}, {name}{', residual' * added}"
    return Step(told, run, folder, takes=int(takes), gives=int(gives))


def _layer_norm(config: Mapping[str, Any], weights: Mapping[str, Any], folder: Path | str) -> Step:
    from torch.nn.functional import layer_norm

    weight, bias = weights["norm.weight"], weights["norm.bias"]
    size = int(weight.shape[0])
    return Step("LayerNorm", lambda rows: layer_norm(rows, (size,), weight, bias), folder, takes=size)


def _activation(path: Any, folder: Path | str) -> tuple[str, Any]:
    """torch's own class of a path such as torch.nn.modules.activation.Tanh; nothing else is imported."""
    import torch

    name = str(path).rpartition(".")[2]
    kind = getattr(torch.nn, name, None) if str(path).startswith("torch.nn.") else None
    try:
        if isinstance(kind, type) and issubclass(kind, torch.nn.Module):
            return name, kind()
    except TypeError:  # one that cannot be made without being told more
        pass
    raise GeoscopeError(
        f"expected an activation function of torch.nn, got {path!r} in {folder}; choose another --pooling"
    )


def _weights(folder: Path, allow_pickle: bool) -> Mapping[str, Any]:
    from pickle import UnpicklingError

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    safe, pickled = folder / "model.safetensors", folder / "pytorch_model.bin"
    if not safe.is_file() and not (pickled.is_file() and allow_pickle):
        only = "only pytorch_model.bin, which must be unpickled; pass --allow-pickle if you trust where it is from"
        found = only if pickled.is_file() else "none; save the model again"
        raise GeoscopeError(f"expected model.safetensors in {folder}, got {found}")
    try:
        held: Mapping[str, Any] = (
            load_file(safe) if safe.is_file() else torch.load(pickled, map_location="cpu", weights_only=True)
        )
    except (OSError, ValueError, RuntimeError, EOFError, LookupError, SafetensorError, UnpicklingError) as error:
        raise GeoscopeError(
            f"expected weights in {folder}, got a file that cannot be read: {first_line(error)}; download it again"
        ) from error
    return held
