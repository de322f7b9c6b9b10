"""Weights: which of a checkpoint's files hold them, and whether they may be read."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.subjects.checkpoint_files.descriptions import inside, read_json
from geoscope.subjects.checkpoint_files.own_files import refuse_elsewhere

_PART = r"(?:\.(\w+))?(-\d+-of-\d+)?(?:\.(\w+))?"  # a variant's name stands before or behind the shard's number
_SAFE = re.compile(rf"^model{_PART}\.safetensors$")
_PICKLED = re.compile(rf"^pytorch_model{_PART}\.bin$")
_LEFT_BY_TRAINING = re.compile(r"^(optimizer|scheduler|scaler|rng_state|random_states|training_args|trainer_state)\b")
_ELSEWHERE = (
    (re.compile(r"^tf_model.*\.h5$"), "TensorFlow"),
    (re.compile(r"^flax_model.*\.msgpack$"), "Flax"),
    (re.compile(r"\.onnx$|^onnx$"), "ONNX"),
    (re.compile(r"^openvino"), "OpenVINO"),
    (re.compile(r"\.(mlmodel|mlpackage)$|^coreml$"), "Core ML"),
    (re.compile(r"^rust_model\.ot$"), "Rust"),
)
_OTHER_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")
_IN_LIST = re.compile(r"(.+?)\.(\d+)\.")  # a weight of the so-manieth module of a list
_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Weights:
    """The files to read, what `from_pretrained` must be told to read them, and their bytes, once they are there."""

    files: tuple[str, ...]
    options: dict[str, Any]
    size: int = 0


def weights_in(folder: Path, subject: str, *, allow_pickle: bool, file: str | None = None) -> Weights:
    """The weights in a folder, or the one GGUF file of it that is named.

    Raises GeoscopeError where none will do, a shard is missing or lies elsewhere, or a file is only git-lfs's pointer.
    """
    files = [path.name for path in folder.iterdir()] if file is None else [file]
    weights = choose_weights(files, subject, allow_pickle=allow_pickle)
    shards = [name for index in weights.files if index.endswith(".index.json") for name in _shards(folder, index)]
    size = 0
    for name in dict.fromkeys([*weights.files, *shards]):
        path = folder / name
        if file is None:  # a file that is named is where its link says
            refuse_elsewhere(path, folder)
        if not path.is_file():
            raise GeoscopeError(
                f"expected every file of the weights of '{subject}', got no file {name} in {folder}; download it again"
            )
        with path.open("rb") as stream:
            begins = stream.read(len(_POINTER))
        if begins == _POINTER:
            raise GeoscopeError(
                f"expected weights in {path}, got git-lfs's pointer to them; run `git lfs pull` in {folder}"
            )
        size += path.stat().st_size
    return replace(weights, size=size)


def choose_weights(files: Sequence[str], subject: str, *, allow_pickle: bool) -> Weights:
    """Safetensors if there are any, else the one GGUF file, else pickles where `allow_pickle`.

    files: the names in a folder or a hub repository. Raises GeoscopeError when none of them will do.
    """
    files = sorted(name for name in files if not name.startswith("adapter_"))
    safe = _one_variant(files, _SAFE, "model.safetensors", subject)
    if safe is not None:
        return Weights(safe.files, {"use_safetensors": True, **safe.options})
    packed = [name for name in files if name.endswith(".gguf")]
    if len(packed) == 1:
        if find_spec("gguf") is None or find_spec("accelerate") is None:
            raise GeoscopeError(
                f"expected gguf and accelerate for '{subject}', a GGUF file, got one or none of them installed; "
                "pip install 'geoscope[gguf]'"
            )
        return Weights(tuple(packed), {"gguf_file": packed[0]})
    pickled = _one_variant(files, _PICKLED, "pytorch_model.bin", subject)
    if pickled is None:
        raise GeoscopeError(f"expected model.safetensors in the checkpoint '{subject}', got {_instead(files, packed)}")
    if not allow_pickle:
        raise GeoscopeError(
            f"expected safetensors weights of the checkpoint '{subject}', got only {pickled.files[0]}, which must be "
            "unpickled and could run code; convert it, or pass --allow-pickle if you trust where it is from"
        )
    return Weights(pickled.files, {"use_safetensors": False, **pickled.options})


def _one_variant(files: Sequence[str], pattern: re.Pattern[str], whole: str, subject: str) -> Weights | None:
    """The files of the plain weights, whole or in shards, else of the one variant (fp16) that there is."""
    found: dict[str, list[str]] = {}
    for name in files:
        match = pattern.match(name)
        if match is not None:
            found.setdefault(match[1] or match[3] or "", []).append(name)
    if not found:
        return None
    if whole in files:
        return Weights((whole,), {})
    if "" not in found and len(found) > 1:
        raise GeoscopeError(
            f"expected {whole} in the checkpoint '{subject}', got it as {', '.join(found)} alone; "
            f"rename the one to measure to {whole}"
        )
    variant = "" if "" in found else next(iter(found))
    names, chosen = found[variant], {"variant": variant} if variant else {}
    if not any("-of-" in name for name in names):
        return Weights(tuple(names), chosen)
    index = f"{whole}.index.{variant}.json" if variant else f"{whole}.index.json"
    if index not in files:
        raise GeoscopeError(
            f"expected {index} beside {names[0]} in the checkpoint '{subject}', got none; download it again"
        )
    return Weights((index, *names), chosen)


def _shards(folder: Path, index: str) -> list[str]:
    """The files that an index names; refused where one is not in the folder."""
    held = read_json(folder / index, dict)
    for part in ("metadata", "weight_map"):  # transformers asks for both
        if not isinstance(held.get(part), dict):
            raise GeoscopeError(f"expected {part} in {folder / index}, got none; download or save it again")
    names = held["weight_map"].values()
    return [str(inside(folder, name, folder / index).relative_to(folder)) for name in dict.fromkeys(map(str, names))]


def _instead(files: Collection[str], packed: Sequence[str]) -> str:
    """What a folder has of which no file will do, and what to do."""
    if packed:
        return f"{len(packed)} GGUF files ({', '.join(packed[:3])}); give one of them by its path"
    for pattern, name in _ELSEWHERE:
        held = next((file for file in files if pattern.search(file)), None)
        if held is not None:
            return f"weights for {name} alone ({held}); save it from PyTorch, with save_pretrained"
    others = [name for name in files if name.endswith(_OTHER_WEIGHTS) and not _LEFT_BY_TRAINING.match(name)]
    if others:
        return (
            f"{', '.join(others[:3])}, which transformers does not look for; load the model with what saved it, and "
            "save it with save_pretrained"
        )
    return "no weights; give the folder that save_pretrained wrote, or download them too"


def refuse_mismatched(model: Any, mismatched: Collection[Sequence[Any]], subject: str) -> None:
    """Refuse weights of other shapes than the configuration says: (name, shape in the file, shape wanted) of each."""
    if not mismatched:
        return
    name, *shapes = min(mismatched, key=lambda each: str(each[0]))
    found, wanted = (" x ".join(map(str, shape)) for shape in shapes)
    more = f" and {len(mismatched) - 1} more such" if len(mismatched) > 1 else ""
    raise GeoscopeError(
        f"expected {wanted} numbers in {name} of {type(model).__name__}, as its config.json says, got {found}{more} in "
        f"the checkpoint '{subject}'; give it the config.json that its weights were saved with"
    )


_LEAST_BITS = 8
"""Of a number in files of weights, where nothing says that they are packed closer."""
_PACKED_BITS = 1
_NOT_KEPT = 16 << 20
"""Numbers that a model may have beside those in its files: a pooler, fixed positions."""


def refuse_larger(model: Any, weights: Weights, subject: str, *, packed: bool) -> None:
    """Refuse a model, made without its numbers, that has far more of them than its files can hold.

    They would be random, and take as much memory as the configuration says, before they were found to be missing.
    """
    numbers = sum(each.numel() for each in model.parameters())
    if numbers > _NOT_KEPT + 8 * weights.size // (_PACKED_BITS if packed else _LEAST_BITS):
        raise GeoscopeError(
            f"expected as many weights as the config.json of '{subject}' says, {numbers:,}, got files of "
            f"{weights.size:,} bytes, which cannot hold them; give the config.json that its weights were saved with"
        )


def warn_of_unused(model: Any, unexpected: Collection[str], subject: str) -> None:
    """Say where the files hold more layers than the configuration has, whose weights are left out."""
    from torch.nn import ModuleList

    lists = {name: len(module) for name, module in model.named_modules() if isinstance(module, ModuleList)}
    more = []
    for name in sorted(unexpected):
        place = _IN_LIST.match(name.removeprefix(f"{model.base_model_prefix}."))
        if place is not None and int(place[2]) >= lists.get(place[1], sys.maxsize):
            more.append(name)
    if more:
        warnings.warn(
            f"The checkpoint '{subject}' holds {len(more)} weights of layers that its config.json does not have, "
            f"{more[0]} first; they are left out.",
            stacklevel=2,
        )


def never_saved(model: Any, name: str) -> bool:
    """Whether a weight is one that the model's library makes itself and leaves out of its files (fixed sinusoids).

    What it leaves out stands with the classes that save, which are often others of the model's family.
    """
    family = vars(sys.modules[type(model).__module__]).values()
    patterns = [
        pattern
        for kind in family
        for attribute in ("_keys_to_ignore_on_save", "_keys_to_ignore_on_load_missing")
        for pattern in getattr(kind, attribute, None) or ()
    ]
    return any(re.search(rf"(^|\.){pattern.removeprefix('^')}", f"model.{name}") for pattern in patterns)
