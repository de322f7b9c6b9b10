"""Saving: the checkpoint of a study's state as a folder that `measure` and transformers read."""

from __future__ import annotations

from pathlib import Path

from geoscope.errors import GeoscopeError
from geoscope.subjects.models.checkpoints import Checkpoint


def check_model(checkpoint: Checkpoint) -> None:
    """Refuse a model of which only a part would be saved."""
    if checkpoint.kind == "encoder-decoder":
        raise GeoscopeError(
            f"expected --save with a model that is measured whole, got {checkpoint.name}, whose encoder alone is; "
            "leave --save out"
        )


def check_place(folder: Path) -> None:
    """Refuse, before any work, a place where states cannot be saved."""
    if not folder.parent.is_dir() or folder.is_file():
        raise GeoscopeError(
            f"expected --save to be a folder in one that exists, got {folder}; make {folder.parent} first"
        )


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Model (safetensors) and tokenizer, as they are now."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    config = checkpoint.model.config.get_text_config()
    vocabulary = config.vocab_size
    try:
        folder.mkdir(parents=True, exist_ok=True)
        config.vocab_size = len(checkpoint.model.get_input_embeddings().weight)  # another's may have been put there
        checkpoint.model.save_pretrained(folder)
        checkpoint.tokenizer.save_pretrained(folder)
    finally:
        config.vocab_size = vocabulary
        if shown:
            logging.enable_progress_bar()
