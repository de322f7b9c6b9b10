"""Modalities: what a checkpoint reads, as its model's class and configuration say."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_args

from geoscope.errors import first_line

_IMAGES = ("vision_config", "image_size", "vision_feature_layer", "image_token_id", "vit_config", "image_config")
_AUDIO = ("audio_config", "speech_encoder_config", "num_mel_bins", "audio_encoder", "sampling_rate", "codec_config")
_OTHER = {
    "pixel": "images", "vision": "images", "image": "images", "grid_thw": "images", "flattened_patches": "images",
    "point": "images", "video": "video", "features": "audio", "input_values": "audio", "audio": "audio",
    "past_values": "time series", "series": "time series", "bbox": "documents",
}  # fmt: skip
_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")


def modality_of(kind: type, config: Any) -> str:
    """What a class of model reads: "text", "images", "audio", text with one of them, "other inputs"."""
    if _of_colours(config):
        return "images"
    named = str(getattr(kind, "main_input_name", None) or "")
    taken = _taken(kind)
    first = _word(named)
    if first is None and taken and "input_ids" not in taken:
        needed = [name for name, each in taken.items() if each.default is each.empty]
        first = next((word for name in needed if (word := _word(name)) is not None), None)
    beside = [
        word
        for word, names in (("images", _IMAGES), ("audio", _AUDIO))
        if any(getattr(config, name, None) is not None for name in names)
    ]
    text = any(getattr(config, name, None) is not None for name in ("text_config", "vocab_size", "text_encoder"))
    if first is not None:
        return f"{first} and text" if getattr(config, "text_config", None) is not None else first
    if beside and text:
        return f"{' and '.join(beside)} and text"
    if "input_ids" not in taken and taken.keys() - {"args", "kwargs"}:
        return "other inputs"
    return beside[0] if beside else "text"


def never_text(kind: type, config: Any) -> str | None:
    """Why what a model makes of token ids is no reading of text, though it takes them; None where it may be one."""
    made = get_args(inspect.signature(kind.forward).return_annotation)  # type: ignore[attr-defined]
    if any("waveform" in getattr(each, "__dataclass_fields__", {}) for each in made):
        return "it speaks it, and a pass takes as long as what it says"
    return "its tokens are colours" if _of_colours(config) else None


def why_not(model: Any, error: Exception) -> str:
    """Why a model did not read text: what it asks for beside, if its error is of that, else the error itself."""
    told = str(error)
    missing, nothing = _MISSING.search(told), "'NoneType' object" in told
    if missing is not None:
        return f"it asks for {missing[1].replace(chr(39), '')}"
    if isinstance(error, TypeError) and "unexpected keyword argument 'input_ids'" in told:
        return "it takes no token ids"
    asked = [name for name in _taken(type(model)) if _word(name) is not None] if nothing else []
    return f"it asks for {asked[0]}" if asked else f"{type(error).__name__}: {first_line(error)}"


def _of_colours(config: Any) -> bool:
    """Whether a model's vocabulary is one of colours."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_IMAGE_MODELING_MAPPING_NAMES as DRAWING

    return getattr(config, "model_type", None) in DRAWING


def _taken(kind: type) -> dict[str, inspect.Parameter]:
    """What a class's forward takes, by name."""
    forward = getattr(kind, "forward", None)
    return {} if forward is None else {k: v for k, v in inspect.signature(forward).parameters.items() if k != "self"}


def _word(name: str) -> str | None:
    """What an argument of the name holds, if that is not text."""
    return next((word for part, word in _OTHER.items() if part in name), None)
