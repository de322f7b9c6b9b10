"""Adapters: a PEFT adapter's folder, its base, and the adapter merged into the base's weights in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError, first_line
from geoscope.requirements import require
from geoscope.scratch import scratch_folder
from geoscope.subjects.checkpoint_files.descriptions import read_json

CONFIG = "adapter_config.json"
_SAFE, _PICKLED = WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_KEYS = "base_model.model."
"""What every name in an adapter's file begins with."""

_DEEPEST = 3  # of the modules that a task's class wraps around the model that is measured


@dataclass(frozen=True)
class Adapter:
    """folder: of its configuration and weights. kind: LORA and so on. base: the checkpoint's name as it says it."""

    folder: Path
    kind: str
    base: str
    base_revision: str | None

    @property
    def described(self) -> dict[str, str]:
        """What a report says of it."""
        return {"kind": self.kind, "base": self.base}


def read_adapter(folder: Path, subject: str, *, allow_pickle: bool) -> Adapter:
    """What a folder with an adapter_config.json says of it.

    Raises GeoscopeError where it is no PEFT adapter, its weights must be unpickled and may not be, or peft is not
    installed: the base alone is another model.
    """
    config = read_json(folder / CONFIG, dict)
    kind = config.get("peft_type")
    if not isinstance(kind, str):
        raise GeoscopeError(
            f"expected an adapter of PEFT in '{subject}', got an {CONFIG} without peft_type; merge the adapter with "
            "the library that made it, and give the merged model"
        )
    if config.get("megatron_config") is not None:  # for which peft imports whatever module `megatron_core` names
        raise GeoscopeError(
            f"expected an adapter of torch's own layers in '{subject}', got an {CONFIG} with megatron_config; merge "
            "the adapter with Megatron, and give the merged model"
        )
    if find_spec("peft") is None:
        raise GeoscopeError(
            f"expected peft for '{subject}', a {kind} adapter, got none installed; pip install 'geoscope[peft]' "
            "(its base alone is another model)"
        )
    require("peft")
    if not (folder / _SAFE).is_file() and not ((folder / _PICKLED).is_file() and allow_pickle):
        pickled = f"only {_PICKLED}, which must be unpickled; pass --allow-pickle if you trust where it is from"
        found = pickled if (folder / _PICKLED).is_file() else "none; save the adapter again"
        raise GeoscopeError(f"expected {_SAFE} of the adapter '{subject}', got {found}")
    base, revision = config.get("base_model_name_or_path"), config.get("revision")
    return Adapter(folder, kind, base if isinstance(base, str) else "", revision if isinstance(revision, str) else None)


@contextmanager
def without_adapter(folder: Path) -> Iterator[Path]:
    """The folder as it would be without an adapter in it, which transformers would add in a way of its own."""
    if not (folder / CONFIG).is_file():
        yield folder
        return
    with scratch_folder() as links:
        for path in folder.iterdir():
            if not path.name.startswith("adapter_"):
                (Path(links) / path.name).symlink_to(path.resolve())
        yield Path(links)


def merge_adapter(model: Any, adapter: Adapter, subject: str) -> None:
    """Put the adapter into the weights of a model that AutoModel built, whatever class the adapter was trained with.

    What it changes in heads is left out: no row depends on it. Raises GeoscopeError where it does not fit, lacks
    weights, or cannot be merged (prompts and prefixes).
    """
    from peft import PeftConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict

    unusable = (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
    try:
        config = PeftConfig.from_pretrained(str(adapter.folder))
        if config.is_prompt_learning or adapter.kind == "ADAPTION_PROMPT":
            raise GeoscopeError(
                f"expected an adapter that can be merged into weights, got '{subject}' ({adapter.kind}), which adds "
                "tokens in front of the text; it cannot be measured"
            )
        given = {name.removeprefix(_KEYS): tensor for name, tensor in _tensors(adapter.folder).items()}
        prefix = _prefix(given, {name for name, _ in model.named_modules()})
        wanted = _of_model(given, prefix, model, subject)
        _fit_vocabulary(model, prefix, wanted)
        shell = _shell(model, prefix)
        config.task_type = None  # which would ask for the class that it was trained with
        config.modules_to_save = _held(config.modules_to_save, shell)
        plain = {name for name, _ in shell.named_parameters()}
        adapted = PeftModel(shell, config)
        own = get_peft_model_state_dict(adapted, save_embedding_layers=False)
        set_peft_model_state_dict(adapted, {_KEYS + name: tensor for name, tensor in wanted.items()})
        added = {name.removeprefix(_KEYS) for name in own} - plain
        lacking = sorted(name for name in added - wanted.keys() if "pooler" not in name.split("."))  # as of a base's
        if lacking:
            raise GeoscopeError(
                f"expected every weight of the adapter '{subject}', got {len(wanted)} and not {len(lacking)} others, "
                f"{lacking[0]} first; save it again"
            )
        adapted.merge_and_unload()
    except unusable as error:
        raise GeoscopeError(
            f"expected an adapter that fits {type(model).__name__}, got '{subject}' ({adapter.kind}), which does not: "
            f"{_reason(error)}; give the base that it was trained on"
        ) from error


def _reason(error: Exception) -> str:
    """What torch says of the first weight that does not fit, below a line that says nothing."""
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if "size mismatch" in line), None) or (
        first_line(error)
    )


def _tensors(folder: Path) -> Mapping[str, Any]:
    import torch
    from safetensors.torch import load_file

    if (folder / _SAFE).is_file():
        found: Mapping[str, Any] = load_file(folder / _SAFE)
        return found
    pickled: Mapping[str, Any] = torch.load(folder / _PICKLED, map_location="cpu", weights_only=True)
    return pickled


def _prefix(names: Iterable[str], modules: set[str]) -> tuple[str, ...]:
    """The modules between the class that an adapter was trained with and the model: ("bert",), ("model",), none."""
    parts = [name.split(".") for name in names]
    prefixes = {tuple(each[:depth]) for each in parts for depth in range(_DEEPEST + 1) if depth < len(each)}
    fitting = {prefix: sum(_fits(each, prefix, modules) for each in parts) for prefix in prefixes}
    return min(fitting, key=lambda prefix: (-fitting[prefix], len(prefix), prefix), default=())


def _fits(name: list[str], prefix: tuple[str, ...], modules: set[str]) -> bool:
    """Whether a weight is of a module of the model: that module's name and at most three more parts."""
    if tuple(name[: len(prefix)]) != prefix:
        return False
    rest = name[len(prefix) :]
    return any(".".join(rest[:end]) in modules for end in range(max(1, len(rest) - 3), len(rest)))


def _of_model(given: Mapping[str, Any], prefix: tuple[str, ...], model: Any, subject: str) -> dict[str, Any]:
    """Those of the adapter's weights that are of the model; refused where some are of a part that it lacks."""
    modules, children = {name for name, _ in model.named_modules()}, {name for name, _ in model.named_children()}
    parts = {name: name.split(".") for name in given}
    inside = {
        name: each
        for name, each in parts.items()
        if tuple(each[: len(prefix)]) == prefix and each[len(prefix)] in children
    }
    foreign = sorted(name for name, each in inside.items() if not _fits(each, prefix, modules))
    if foreign or not inside:
        first = (foreign or sorted(given) or ["none at all"])[0]
        raise GeoscopeError(
            f"expected an adapter of modules that {type(model).__name__} has, got '{subject}', which changes others, "
            f"{first} first; give the base that it was trained on"
        )
    return {name: given[name] for name in inside}


def _shell(model: Any, prefix: tuple[str, ...]) -> Any:
    """The model under the names that it has in the class that the adapter was trained with."""
    import torch

    shell = model
    for name in reversed(prefix):
        outer = torch.nn.Module()
        outer.add_module(name, shell)
        outer.get_input_embeddings = model.get_input_embeddings
        shell = outer
    return shell


def _fit_vocabulary(model: Any, prefix: tuple[str, ...], wanted: Mapping[str, Any]) -> None:
    """Give the model as many embeddings as it had when the adapter was trained, if the adapter brings all of them."""
    try:
        table = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return
    inner = next((name for name, module in model.named_modules() if module is table), None)
    if inner is None or getattr(table, "weight", None) is None:
        return
    name = ".".join((*prefix, inner))
    rows, size = table.weight.shape
    brought = [
        len(tensor)
        for key, tensor in wanted.items()
        if key.startswith(f"{name}.") and key.endswith(".weight") and tensor.ndim == 2 and tensor.shape[1] == size
    ]
    if brought and max(brought) != rows:
        model.resize_token_embeddings(max(brought), mean_resizing=False)


def _held(saved: Iterable[str] | None, shell: Any) -> list[str] | None:
    """Those of the modules that were trained whole which are there: no head is."""
    names = [name for name, _ in shell.named_modules()]
    return [each for each in saved or () if any(f".{name}".endswith(f".{each}") for name in names)] or None
