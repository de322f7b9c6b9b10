"""Loaded models: what somebody holds, of transformers or a SentenceTransformer, as a checkpoint; it stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.settings.loading import Loading
from geoscope.settings.option import default_of, fields_of
from geoscope.subjects.checkpoint_files.sentence_models import SentenceModel, loaded_sentence_model
from geoscope.subjects.checkpoint_files.static_embeddings import StaticModel, bare_tokenizer
from geoscope.subjects.kinds import is_sentence_model
from geoscope.subjects.models.checkpoints import (
    Checkpoint,
    count,
    fingerprint_of,
    probed,
    quiet_transformers,
    refuse_stack,
)
from geoscope.subjects.models.hidden_states import device_of
from geoscope.subjects.models.loading import backbone_of, class_of, has_halves
from geoscope.subjects.models.tokenizers import copied, load_tokenizer
from geoscope.subjects.models.untouched import borrowed

_KEPT = ("device", "dtype", "tokenizer")
"""Options of loading that say something of a loaded model too."""


def loaded_checkpoint(subject: Any, options: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint that a loaded model is: what AutoModel would build of its folder, sharing its weights.

    subject: a model, or a pair of one and its tokenizer, which goes before that of the options, so that models with
    different tokenizers can be compared. It is read where it is and in the dtype that it has. Raises GeoscopeError for
    options that only loading could obey, and where a tokenizer is missing.
    """
    for name, field in fields_of(Loading).items():
        if name not in _KEPT and options[name] != field.option.default:
            raise GeoscopeError(
                f"expected no {name} with a loaded model, which is there already, got {options[name]!r}; leave it out"
            )
    subject, paired = subject if isinstance(subject, tuple) else (subject, None)
    whole, own = _reading(subject[0]) if is_sentence_model(subject) else (subject, None)
    name = str(whole.name_or_path or type(subject).__name__)
    dtype = str(whole.dtype).removeprefix("torch.")
    if options["dtype"] not in (default_of(Loading, "dtype"), dtype):
        raise GeoscopeError(
            f"expected '{name}' to be measured in {dtype}, which it is in, got dtype {options['dtype']}; leave it out, "
            "or convert the model first"
        )
    tokenizer = _tokenizer(options, own, name) if paired is None else copied(paired)
    stack = options["stack"]
    with quiet_transformers():
        model, architecture = _as_loaded(whole)
        refuse_stack(stack, name, architecture, halves=has_halves(model.config))
        alone = architecture != type(model).__name__ and not has_halves(model.config)
        kind, backbone = ("encoder-decoder", model.get_encoder()) if alone else backbone_of(model, stack)
        made_up = _made_up(backbone) if backbone is model else set()
        with borrowed(backbone):
            return probed(
                backbone, tokenizer, kind, stack, name=name, architecture=architecture,
                revision=getattr(whole.config, "_commit_hash", None), fingerprint=fingerprint_of(backbone, made_up),
                parameters=count(backbone, made_up), device=str(device_of(backbone).type), dtype=dtype, borrowed=True,
            )  # fmt: skip


def sentence_model_of(subject: Any) -> SentenceModel | None:
    """What a SentenceTransformer does with the states of its transformer; None for any other model."""
    subject = subject[0] if isinstance(subject, tuple) else subject
    return loaded_sentence_model(subject) if is_sentence_model(subject) else None


def _reading(reader: Any) -> tuple[Any, Any]:
    """The model within the module of a SentenceTransformer that reads text, and its tokenizer."""
    kind = type(reader).__name__
    if kind == "StaticEmbedding":
        return StaticModel(reader.embedding.weight.detach(), ""), bare_tokenizer(reader.tokenizer)
    model, tokenizer = getattr(reader, "auto_model", None), getattr(reader, "tokenizer", None)
    if model is None or tokenizer is None:
        raise GeoscopeError(
            f"expected a SentenceTransformer that begins with a Transformer or a StaticEmbedding, got {kind} first; "
            "what it does cannot be followed, so give another model"
        )
    return model, tokenizer


def _tokenizer(options: Mapping[str, Any], own: Any, name: str) -> Any:
    """The tokenizer that is given, else the model's own, as a copy."""
    given = options["tokenizer"]
    if given is None and own is None:
        raise GeoscopeError(
            f"expected a tokenizer beside the loaded model '{name}', got none; give "
            "tokenizer=AutoTokenizer.from_pretrained of its name"
        )
    if isinstance(given, str):
        trusted = bool(options["trust_remote_code"])
        return load_tokenizer(Path(), name, named=given, trust_remote_code=trusted)
    return copied(own if given is None else given)


def _as_loaded(whole: Any) -> tuple[Any, str]:
    """The model that AutoModel has for the configuration: the one within, or one made of the same parts; and its class.

    Of an encoder-decoder there may be the encoder alone.
    """
    kind = None if isinstance(whole, StaticModel) else class_of(whole.config)
    inner = getattr(whole, "base_model", whole)
    if kind is None or isinstance(inner, kind):
        return inner, type(inner).__name__
    made, parts = _of_parts(whole, kind)
    if made is None and "encoder" in parts and hasattr(inner, "encoder"):
        return inner, kind.__name__
    found = inner if made is None else made
    return found, type(found).__name__


def _of_parts(whole: Any, kind: Any) -> tuple[Any, Collection[str]]:
    """A model of a class made of another's parts (T5Model of T5ForConditionalGeneration's), and the parts that it has.

    None where some are lacking.
    """
    import torch

    with torch.device("meta"):
        made = kind._from_config(deepcopy(whole.config), dtype=whole.dtype)
    parts, theirs = dict(made.named_children()), dict(whole.named_children())
    if any(type(theirs.get(name)) is not type(part) for name, part in parts.items()):
        return None, parts
    for name in parts:
        setattr(made, name, theirs[name])
    return (None if any(each.is_meta for each in made.parameters()) else made), parts


def _made_up(model: Any) -> set[str]:
    """The weights of a pooler that the model's checkpoint did not hold, and that were drawn when it was loaded."""
    loaded = {name for name, each in model.named_parameters() if getattr(each, "_is_hf_initialized", False)}
    names = {name for name, _ in model.named_parameters()}
    return {name for name in names - loaded if "pooler" in name.split(".")} if loaded else set()
