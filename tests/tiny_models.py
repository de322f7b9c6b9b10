"""Tiny random checkpoints of any model type: a configuration made small, a model of it, a tokenizer beside it."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from tiny_fields import KINDS, LEFT, LISTS, NUMBERS, OWN, PLACEHOLDER, VARIANTS, VOCABULARY

from geoscope.subjects.modalities import never_text

_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_LARGEST = 50_000_000
"""Parameters of what is still to be called tiny."""

_TEXT = Path(__file__).resolve().parent.parent / "sample_data" / "ptb_style.txt"


class NotBuilt(Exception):
    """No tiny model of a type could be made; the message says why, of each variant that was tried."""


def build(model_type: str, folder: Path) -> str:
    """Save a tiny random checkpoint of a type with a tokenizer; the name of the class that was saved.

    The first variant that reads token ids; where none does, the first that there is, unless it is of a text model.
    """
    import torch
    import transformers

    reasons: dict[str, None] = {}
    unread = None
    for name in _classes(model_type):
        for variant in VARIANTS:
            torch.manual_seed(0)
            model = None
            try:
                kind = getattr(transformers, name)
                config = _config(model_type, variant)
                _refuse_large(kind, config)
                model = kind._from_config(config)
                _fill(model)
                _read(model.eval())
            except Exception as error:  # whatever a configuration or a model raises
                unread = model if unread is None else unread
                reasons[f"{type(error).__name__}: {_told(error)[:200]}"] = None
                continue
            return _saved(model, model_type, folder)
    if unread is None or is_text(model_type):
        raise NotBuilt("; ".join(reasons) or "AutoModel has no class for it")
    return _saved(unread, model_type, folder)


def describe(model_type: str, folder: Path, *, tokenizer: bool) -> None:
    """Save a type's folder without a model: its configuration's type, a weight, a tokenizer or none."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}), encoding="utf-8")
    save_file({"weight": torch.zeros(2, 2)}, folder / "model.safetensors", metadata={"format": "pt"})
    if tokenizer:
        save_tokenizer(folder, ends=False)


def is_text(model_type: str) -> bool:
    """Whether transformers has the type among its text models."""
    tables = _tables()
    return any(model_type in tables[name] for name in ("causal", "masked", "sequence", "encoding"))


def _saved(model: Any, model_type: str, folder: Path) -> str:
    model.save_pretrained(folder)
    save_tokenizer(folder, ends=model_type not in _tables()["causal"] or model_type in _tables()["masked"])
    return type(model).__name__


def _told(error: Exception) -> str:
    """What a message says first, below the heading of transformers' own checks."""
    told = [line.strip() for line in str(error).splitlines() if line.strip()]
    return told[1] if len(told) > 1 and told[0].startswith("Class validation error") else (told or [""])[0]


@cache
def _tables() -> dict[str, dict[str, Any]]:
    """AutoModel's own lists of classes by model type, those with a head for text first."""
    from transformers.models.auto import modeling_auto as auto

    return {
        "sequence": dict(auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES),
        "speech": dict(auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES),
        "images": dict(auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES),
        "masked": dict(auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES),
        "causal": dict(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
        "multimodal": dict(auto.MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES),
        "pretraining": dict(auto.MODEL_FOR_PRETRAINING_MAPPING_NAMES),
        "encoding": dict(auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES),
        "ctc": dict(auto.MODEL_FOR_CTC_MAPPING_NAMES),
        "plain": dict(auto.MODEL_MAPPING_NAMES),
    }


def _classes(model_type: str) -> list[str]:
    found = [table[model_type] for table in _tables().values() if model_type in table]
    return list(dict.fromkeys(each if isinstance(each, str) else each[0] for each in found))


def _config(model_type: str, variant: dict[str, Any]) -> Any:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = CONFIG_MAPPING[model_type]
    try:
        fields = _shrunk(kind())
    except Exception:  # a configuration that needs its parts given
        fields = {}
    if model_type == "encoder-decoder":
        return kind.from_encoder_decoder_configs(_config("bert", {}), _config("bert", {}))
    return _made(kind, fields | OWN.get(model_type, {}) | variant)


def _shrunk(config: Any) -> dict[str, Any]:
    """The fields of a configuration and of those within it, made small."""
    from transformers import PreTrainedConfig

    fields = _fields(config)
    small = {name: _small(name, value) for name, value in fields.items() if name not in LEFT}
    small = {name: value for name, value in small.items() if value is not None}
    parts = [*(getattr(type(config), "sub_configs", None) or {}), *fields]
    for name in dict.fromkeys(parts):
        part = getattr(config, name, None)
        if isinstance(part, PreTrainedConfig):
            small[name] = _shrunk(part) | {"model_type": part.model_type} | OWN.get(part.model_type, {})
    return small


def _fields(config: Any) -> dict[str, Any]:
    names = {each.name for each in dataclasses.fields(config)} if dataclasses.is_dataclass(config) else set()
    names |= set(inspect.signature(type(config).__init__).parameters) - {"self", "kwargs", "args"}
    found = {}
    for name in sorted(names):
        with suppress(Exception):  # what has no value for all layers at once says so in a class of its own
            found[name] = getattr(config, name)
    return found


def _small(name: str, value: Any) -> Any:
    """A field's small value; None leaves the default."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        new = next((new for pattern, new in NUMBERS if re.search(pattern, name)), value)
        new = value if new is None else new
        kept = new in (VOCABULARY, PLACEHOLDER, PLACEHOLDER + 1) or value <= 0
        return new if kept or name.endswith(("token_id", "_index", "padding_idx")) else min(new, value)
    if isinstance(value, list) and value and all(type(each) is int for each in value):
        if "token_id" in name:
            return [2]
        most = next((new for pattern, new in LISTS if re.search(pattern, name)), None)
        return None if most is None else [min(most, each) if each else each for each in value]
    if isinstance(value, dict) and "mrope_section" in value:
        return {**value, "mrope_section": [2, 1, 1]}
    if isinstance(value, list) and name in KINDS:
        kinds = list(dict.fromkeys(value))
        return (kinds * 2)[:2]
    return None


def _made(kind: Any, fields: dict[str, Any]) -> Any:
    """A configuration of the fields, less those that its class refuses."""
    for _ in range(12):
        try:
            return kind(**fields)
        except Exception as error:  # which names the field, in the class's own words
            text = str(error)
            unset = [name for name in KINDS[:3] if name in text and name not in fields]
            named = [name for name in fields if re.search(rf"\b{re.escape(name)}\b", text)]
            if unset:
                fields = fields | dict.fromkeys(unset)
            elif named:
                fields = {name: value for name, value in fields.items() if name != named[0]}
            else:
                raise
    return kind(**fields)


def _refuse_large(kind: Any, config: Any) -> None:
    import torch

    with torch.device("meta"):
        try:
            count = sum(parameter.numel() for parameter in kind._from_config(config).parameters())
        except Exception:  # what cannot be made without numbers is small or fails when it is made
            return
    if count > _LARGEST:
        raise NotBuilt(f"{count:,} parameters after shrinking")


def _fill(model: Any) -> None:
    """Random numbers where memory was left as it was found."""
    import torch

    generator = torch.Generator().manual_seed(1)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        fixed = "inv_freq" in name or "mask" in name or ("bias" in name and tensor.ndim >= 3)
        if fixed or not tensor.is_floating_point() or not tensor.numel():
            continue
        if not torch.isfinite(tensor).all() or tensor.abs().max() > 1e6:
            with torch.no_grad():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.02)


def _read(model: Any) -> None:
    """Raises whatever the model does where it reads token ids but does not."""
    import torch

    if model.main_input_name != "input_ids" or never_text(type(model), model.config):
        return
    ids = torch.tensor([[0, 10, 11, 12, 13, 14, 15, 2]])
    with torch.no_grad():
        if getattr(model.config, "is_encoder_decoder", False):
            encoder = model.get_encoder()
            if getattr(encoder, "main_input_name", "input_ids") == "input_ids":
                encoder(input_ids=ids)
        else:
            model(input_ids=ids, **({"use_cache": False} if hasattr(model.config, "use_cache") else {}))


@cache
def _words() -> str:
    """A small BPE tokenizer of the shipped text, as JSON."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=180, special_tokens=list(_SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(list(lines()), trainer)
    return str(tokenizer.to_str())


def lines() -> Iterator[str]:
    """The shipped text, line by line."""
    return (line for line in _TEXT.read_text(encoding="utf-8").splitlines() if line.strip())


def save_tokenizer(folder: Path, *, ends: bool) -> None:
    """Save a tokenizer in a folder; ends: it puts <s> before and </s> behind a text."""
    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer.from_str(_words())
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    if ends:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        names |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **names).save_pretrained(folder)
