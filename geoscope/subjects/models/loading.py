"""Models: what transformers makes of a checkpoint's files, and what of it is measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from copy import copy
from io import StringIO
from typing import Any

from geoscope.bounds import LAYERS
from geoscope.errors import GeoscopeError, first_line, is_out_of_memory
from geoscope.subjects.checkpoint_files.adapters import without_adapter
from geoscope.subjects.checkpoint_files.descriptions import read_json, refuse_many_parts
from geoscope.subjects.checkpoint_files.hub import Snapshot
from geoscope.subjects.checkpoint_files.quantized_weights import refuse_unsaid_quantization, telling_of_quantization
from geoscope.subjects.checkpoint_files.weights import never_saved, refuse_mismatched, warn_of_unused, weights_in
from geoscope.subjects.models.placement import Placement, put_zeros, refuse_unstored


def configuration_of(snapshot: Snapshot, subject: str, trust_remote_code: bool) -> Any:
    """A checkpoint's configuration; refused, before anything is made of it, where it has more parts than any model."""
    from transformers import AutoConfig

    packed = _packed(snapshot, subject)
    if (snapshot.folder / "config.json").is_file() and not packed:
        refuse_many_parts(read_json(snapshot.folder / "config.json", dict), subject)
    with _sentences(subject, snapshot.commit), telling_of_quantization(snapshot.folder, subject):
        config = AutoConfig.from_pretrained(
            str(snapshot.folder), local_files_only=True, trust_remote_code=trust_remote_code, **packed
        )
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and not 0 <= layers <= LAYERS:
        raise GeoscopeError(
            f"expected num_hidden_layers from 0 to {LAYERS:,} in the config.json of '{subject}', got {layers:,}; "
            "mend it"
        )
    return config


def _packed(snapshot: Snapshot, subject: str) -> dict[str, str]:
    """The GGUF file that holds a checkpoint's configuration and tokenizer too, as transformers wants it named."""
    files = [path.name for path in snapshot.folder.iterdir()]
    packed = [name for name in files if name.endswith(".gguf")] if snapshot.file is None else [snapshot.file]
    named = snapshot.file is not None or "config.json" not in files
    return {"gguf_file": packed[0]} if named and len(packed) == 1 else {}


def class_of(config: Any) -> Any:
    """The class that AutoModel has for a configuration, else the one that the checkpoint names; None without either."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    if type(config) in MODEL_MAPPING:
        try:
            found = MODEL_MAPPING[type(config)]
        except (ImportError, ValueError):  # a class that is listed and not there, or whose packages are broken
            return None
        return found[0] if isinstance(found, (tuple, list)) else found
    named = (getattr(config, "architectures", None) or [""])[0]
    return getattr(transformers, str(named), None) if named else None


def load_model(
    snapshot: Snapshot,
    subject: str,
    config: Any,
    dtype: str,
    trust_remote_code: bool,
    allow_pickle: bool,
    stack: str,
    placed: Placement | None = None,
) -> tuple[Any, set[str]]:
    """The model as AutoModel (or, where it has none, the class that is named) builds it, and the weights it lacks.

    stack: which half of an encoder-decoder is measured. placed: where its weights go, if not all into memory.
    Raises GeoscopeError where what is measured lacks some; they would be random.
    """
    from transformers import AutoModel
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    held = weights_in(snapshot.folder, subject, allow_pickle=allow_pickle, file=snapshot.file)
    weights = held.options
    options: dict[str, Any] = {
        "local_files_only": True, "trust_remote_code": trust_remote_code, "dtype": dtype, "output_loading_info": True,
        "ignore_mismatched_sizes": True, **({} if placed is None else placed.options),
    }  # fmt: skip

    def made(kind: Any) -> tuple[Any, set[str]]:
        with (
            _sentences(subject, snapshot.commit),
            redirect_stderr(StringIO())
            if "gguf_file" in weights
            else nullcontext(),  # GGUF has a progress bar of its own
            telling_of_quantization(snapshot.folder, subject),
            without_adapter(snapshot.folder) as folder,
        ):
            refuse_unsaid_quantization(snapshot.folder, held.files, subject)
            model, info = kind.from_pretrained(str(folder), **options, **weights)
        refuse_mismatched(model, info["mismatched_keys"], subject)
        warn_of_unused(model, info["unexpected_keys"], subject)
        return model, set(info["missing_keys"])

    own = type(config) in MODEL_MAPPING or getattr(config, "auto_map", None)
    model, missing = made(AutoModel if own else class_of(config) or AutoModel)
    lacking = _lacking(model, missing, stack)
    if lacking:
        whole, unfound = _as_saved(config, made, type(model), stack)
        if whole is None:
            raise GeoscopeError(
                f"expected every weight of {type(model).__name__}, got the checkpoint '{subject}', which lacks "
                f"{len(lacking)} of them, {lacking[0]} first; they would be random, so give a checkpoint that holds "
                "the whole model"
            )
        model, missing = whole, unfound
    if placed is not None:
        poolers = {name for name in missing if _is_pooler(name)}
        put_zeros(model, poolers)
        refuse_unstored(subject, model, missing & _measured(model, stack) - poolers)
    return model, missing


def _as_saved(config: Any, made: Callable[[Any], tuple[Any, set[str]]], kind: type, stack: str) -> tuple[Any, set[str]]:
    """The model within the one that the checkpoint names, which may find weights by names that AutoModel misses.

    That one itself where it holds no model of AutoModel's, but its parts (UDOP).
    """
    import transformers

    named = getattr(transformers, str((getattr(config, "architectures", None) or [""])[0]), None)
    if named is None or named is kind:
        return None, set()
    whole, missing = made(named)
    prefix = f"{whole.base_model_prefix}."
    inner = whole.base_model
    missing = {name.removeprefix(prefix) for name in missing}
    usable = inner is whole or type(inner) is kind
    return (inner, missing) if usable and not _lacking(inner, missing, stack) else (None, set())


@contextmanager
def _sentences(subject: str, commit: str | None) -> Iterator[None]:
    """Whatever transformers raises for a checkpoint that it does not load, as one sentence; commit: of its files."""
    try:
        yield
    except GeoscopeError:
        raise
    except ImportError as error:
        raise GeoscopeError(
            f"expected the packages that the checkpoint '{subject}' needs, got one that is not installed: "
            f"{first_line(error).partition('. You can install')[0]}{_installing(error)}"
        ) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if "trust_remote_code" in str(error):
            pinned = "" if commit is None else f" --revision {commit}"
            raise GeoscopeError(
                f"expected a checkpoint without code, got '{subject}', which brings its own; read it, then pass "
                f"--trust-remote-code{pinned} to run it"
            ) from error
        why, what_to_do = _reason(error)
        raise GeoscopeError(
            f"expected a checkpoint, got '{subject}', which cannot be loaded: {why}; {what_to_do}"
        ) from error


def _reason(error: Exception) -> tuple[str, str]:
    """Why a checkpoint is not loaded, and what to do."""
    told = str(error)
    if type(error).__name__ == "SafetensorError":
        return f"its weights are cut short, or no safetensors ({first_line(error)})", "download or save them again"
    if "weights_only" in told:  # torch advises to let them
        return "its pickle holds more than tensors, which would run code", "save it as safetensors where it was made"
    if "above report" in told:  # which is not shown
        return "its weights do not become those that its config.json describes", "download or save it again"
    absent = re.match(r"Could not find (\w+) neither in", told)  # a class that it lists and lacks
    if absent or isinstance(error, KeyError):
        told = absent[1] if absent else told
        return f"transformers has no {told}", "mend its config.json, or download or save it again"
    return first_line(error), "mend its config.json, or download or save it again"


def _installing(error: ImportError) -> str:
    """The commands in an error's message that install what it misses, to end a sentence with."""
    commands = dict.fromkeys(re.findall(r"`(pip install [\w.-]+)`", str(error)))
    return f"; {', '.join(commands)}" if commands else ""


def sketch_of(config: Any, dtype: str) -> Any:
    """The model of a configuration without its numbers; whatever its code raises where it cannot be made so."""
    import torch
    from transformers import AutoModel

    kind = class_of(config)
    with torch.device("meta"):
        made = AutoModel.from_config if kind is None else kind._from_config
        return made(config, dtype=getattr(torch, dtype))


def has_halves(config: Any) -> bool:
    """Whether a model is an encoder-decoder."""
    return bool(getattr(config, "is_encoder_decoder", False))


def backbone_of(model: Any, stack: str) -> tuple[str | None, Any]:
    """What reads text: an encoder-decoder's encoder, or all of it for its decoder, else the model itself.

    And the kind that it is, yet to be probed where it has no halves.
    """
    if not has_halves(model.config):
        return None, model
    if stack == "decoder":
        return "encoder-decoder", model
    encoder = model.get_encoder()
    if not hasattr(encoder, "config"):
        encoder = copy(encoder)  # the model's own stays as it is
        encoder.config = model.config
    return "encoder-decoder", encoder


def _lacking(model: Any, missing: set[str], stack: str) -> list[str]:
    """Those of the missing weights that rows depend on, and that are not made rather than saved."""
    names = missing & _measured(model, stack)
    return sorted(name for name in names if not _is_pooler(name) and not never_saved(model, name))


def _measured(model: Any, stack: str) -> set[str]:
    """The names of the weights of what reads text."""
    measured = {id(parameter) for parameter in backbone_of(model, stack)[1].parameters()}
    return {name for name, parameter in model.named_parameters(remove_duplicate=False) if id(parameter) in measured}


def _is_pooler(name: str) -> bool:
    return "pooler" in name.split(".")
