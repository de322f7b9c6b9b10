"""Models: what transformers makes of a checkpoint's files, and what of it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from io import StringIO
from typing import Any

from geoscope.errors import GeoscopeError, first_line, is_out_of_memory
from geoscope.subjects.adapters import without_adapter
from geoscope.subjects.hub import Snapshot
from geoscope.subjects.placement import Placement, put_zeros, refuse_unstored
from geoscope.subjects.weights import never_saved, refuse_mismatched, telling_of_quantization, weights_in


def configuration_of(snapshot: Snapshot, subject: str, trust_remote_code: bool) -> Any:
    """A checkpoint's configuration."""
    from transformers import AutoConfig

    packed = _packed(snapshot, subject)
    with _sentences(subject), telling_of_quantization(snapshot.folder, subject):
        return AutoConfig.from_pretrained(
            str(snapshot.folder), local_files_only=True, trust_remote_code=trust_remote_code, **packed
        )


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
        found = MODEL_MAPPING[type(config)]
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

    weights = weights_in(snapshot.folder, subject, allow_pickle=allow_pickle, file=snapshot.file).options
    options: dict[str, Any] = {
        "local_files_only": True, "trust_remote_code": trust_remote_code, "dtype": dtype, "output_loading_info": True,
        "ignore_mismatched_sizes": True, **({} if placed is None else placed.options),
    }  # fmt: skip

    def made(kind: Any) -> tuple[Any, set[str]]:
        with (
            _sentences(subject),
            redirect_stderr(StringIO())
            if "gguf_file" in weights
            else nullcontext(),  # GGUF has a progress bar of its own
            telling_of_quantization(snapshot.folder, subject),
            without_adapter(snapshot.folder) as folder,
        ):
            model, info = kind.from_pretrained(str(folder), **options, **weights)
        refuse_mismatched(model, info["mismatched_keys"], subject)
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
    """The model within the one that the checkpoint names, which may find weights by names that AutoModel misses."""
    import transformers

    named = getattr(transformers, str((getattr(config, "architectures", None) or [""])[0]), None)
    if named is None or named is kind:
        return None, set()
    whole, missing = made(named)
    prefix = f"{whole.base_model_prefix}."
    inner = whole.base_model
    missing = {name.removeprefix(prefix) for name in missing}
    return (inner, missing) if type(inner) is kind and not _lacking(inner, missing, stack) else (None, set())


@contextmanager
def _sentences(subject: str) -> Iterator[None]:
    """Whatever transformers raises for a checkpoint that it does not load, as one sentence."""
    try:
        yield
    except GeoscopeError:
        raise
    except ImportError as error:
        raise GeoscopeError(
            f"expected the packages that the checkpoint '{subject}' needs, got one that is not installed: "
            f"{first_line(error)}"
        ) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        if "trust_remote_code" in str(error):
            raise GeoscopeError(
                f"expected a checkpoint without code, got '{subject}', which brings its own; read it, then pass "
                "--trust-remote-code to run it"
            ) from error
        raise GeoscopeError(
            f"expected a checkpoint, got '{subject}', which cannot be loaded: {first_line(error)}"
        ) from error


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
