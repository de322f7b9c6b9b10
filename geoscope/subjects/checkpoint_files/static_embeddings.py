"""Static embeddings: a table of token vectors, as model2vec and sentence-transformers keep it: a model of no block."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from geoscope.errors import GeoscopeError, first_line
from geoscope.subjects.checkpoint_files.descriptions import read_json


class StaticModel(torch.nn.Module):  # type: ignore[misc]
    """Layer 0 alone: each token's vector, whatever stands beside it; called as transformers' models are."""

    def __init__(self, table: torch.Tensor, name_or_path: str) -> None:
        super().__init__()
        self.embeddings = torch.nn.Embedding.from_pretrained(table)
        self.name_or_path = name_or_path
        self.config = SimpleNamespace(is_encoder_decoder=False, vocab_size=len(table), hidden_size=table.shape[1])

    @property
    def device(self) -> torch.device:
        return self.embeddings.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.embeddings.weight.dtype

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embeddings

    def forward(self, input_ids: torch.Tensor, **_: Any) -> dict[str, Any]:
        states = self.embeddings(input_ids)
        return {"last_hidden_state": states, "hidden_states": (states,)}


def load_static(folder: Path, subject: str, dtype: str) -> tuple[StaticModel, Any]:
    """The model and tokenizer of a folder with model.safetensors and tokenizer.json.

    Raises GeoscopeError where one is missing or the table is not one row a token.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in ("model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise GeoscopeError(
                f"expected {name} of the static embeddings '{subject}', got none in {folder}; save the model again"
            )
    try:
        tensors = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise GeoscopeError(
            f"expected weights in {folder / 'model.safetensors'}, got a file that cannot be read: {first_line(error)}; "
            "download it again"
        ) from error
    table = _table(tensors, folder).to(getattr(torch, dtype))
    return StaticModel(table, str(folder)), _tokenizer(folder)


def _table(tensors: Mapping[str, torch.Tensor], folder: Path) -> torch.Tensor:
    """(tokens, d); model2vec's shared rows and token weights are written out."""
    found = tensors.get("embedding.weight", tensors.get("embeddings"))
    if found is None or found.ndim != 2:
        held = ", ".join(sorted(tensors)[:3]) or "nothing"
        raise GeoscopeError(
            f"expected a table of token vectors called embeddings or embedding.weight in {folder}, got {held}; "
            "give another checkpoint"
        )
    mapping, weights = tensors.get("mapping"), tensors.get("weights")
    table = found if mapping is None else found[mapping.long()]
    return table.float() if weights is None else table.float() * weights.float()[:, None]


def _tokenizer(folder: Path) -> Any:
    """The folder's tokenizer without special tokens around the text, as both libraries read it."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    read_json(path, dict)
    try:
        held = Tokenizer.from_file(str(path))
    except Exception as error:  # what tokenizers raises is a plain Exception
        raise GeoscopeError(
            f"expected a tokenizer in {path}, got one that cannot be read: {first_line(error)}; download it again"
        ) from error
    return bare_tokenizer(held)


def bare_tokenizer(held: Any) -> Any:
    """A copy of a tokenizer of `tokenizers` without special tokens around the text; one of transformers as it is."""
    import json

    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    if not isinstance(held, Tokenizer):
        return held
    told = held.to_str()
    made = Tokenizer.from_str(told)
    made.no_padding()
    made.no_truncation()
    made.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B")
    model = json.loads(told).get("model")
    unknown = model.get("unk_token") if isinstance(model, dict) else None
    named = {"unk_token": unknown} if isinstance(unknown, str) else {}
    return PreTrainedTokenizerFast(tokenizer_object=made, **named)
