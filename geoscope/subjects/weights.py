"""Weights: which of a checkpoint's files hold them, and whether they may be read."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from geoscope.errors import GeoscopeError

_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


@dataclass(frozen=True)
class Weights:
    """The files to read, and what `from_pretrained` must be told to read them."""

    files: tuple[str, ...]
    options: dict[str, Any]


def choose_weights(files: Sequence[str], subject: str, *, allow_pickle: bool) -> Weights:
    """Safetensors if there are any, else the one GGUF file, else pickles where `allow_pickle`.

    files: the names in a folder or a hub repository. Raises GeoscopeError when none of them will do.
    """
    files = sorted(files)
    safe = [name for name in files if name.endswith(".safetensors")]
    whole = [name for name in safe if name == "model.safetensors"]
    if safe:
        return Weights(tuple(whole or safe), {"use_safetensors": True})
    packed = [name for name in files if name.endswith(".gguf")]
    if len(packed) == 1:
        if find_spec("gguf") is None:
            raise GeoscopeError(
                f"expected gguf and accelerate for the checkpoint '{subject}', a GGUF file, got none installed; "
                "install them to read it"
            )
        return Weights(tuple(packed), {"gguf_file": packed[0]})
    pickled = [name for name in files if name.endswith(_PICKLES)]
    if pickled and not allow_pickle:
        raise GeoscopeError(
            f"expected safetensors weights of the checkpoint '{subject}', got only {pickled[0]}, which must be "
            "unpickled and could run code; convert it, or pass --allow-pickle if you trust where it is from"
        )
    if pickled:
        whole = [name for name in pickled if name.startswith("pytorch_model")]
        return Weights(tuple(whole or pickled), {"use_safetensors": False})
    found = f"{len(packed)} GGUF files" if packed else "none"
    raise GeoscopeError(
        f"expected model.safetensors in the checkpoint '{subject}', got these weights: {found}; convert them"
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
