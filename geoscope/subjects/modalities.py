"""Modalities: what a checkpoint reads, as its model's class and configuration say."""

from __future__ import annotations

from typing import Any

_IMAGES = ("vision_config", "image_size", "vision_feature_layer", "image_token_id", "vit_config", "image_config")
_AUDIO = ("audio_config", "speech_encoder_config", "num_mel_bins", "audio_encoder", "sampling_rate", "codec_config")
_OTHER = {
    "pixel": "images", "image": "images", "video": "video", "features": "audio", "input_values": "audio",
    "audio": "audio", "past_values": "time series", "bbox": "documents", "flattened_patches": "images",
    "series": "time series", "point": "images",
}  # fmt: skip


def modality_of(kind: type, config: Any) -> str:
    """What a class of model reads: "text", "images", "audio", or text with one of them."""
    named = str(getattr(kind, "main_input_name", None) or "")
    first = next((word for part, word in _OTHER.items() if part in named), None)
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
    return beside[0] if beside else "text"
