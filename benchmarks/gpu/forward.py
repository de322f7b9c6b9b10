"""The bare forward pass: a model reading the batches that geoscope would, and nothing done with what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch


def forward_pass(folder: str, texts: Sequence[str], device: str, budget: int) -> Callable[[], None]:
    """Reads all texts, in batches of at most so many positions, when it is called."""
    from transformers import AutoModel, AutoTokenizer

    from geoscope.subjects.models.tokenization import batch_sequences, tokenize

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval().to(device)
    read = tokenize(tokenizer, texts, max_length=128, tokens="all", seed=0)
    batches = []
    for sequences in batch_sequences(read.lengths, budget):
        lengths = read.lengths[sequences]
        mask = np.arange(lengths[0]) < lengths[:, None]
        ids = np.zeros(mask.shape, dtype=np.int64)
        ids[mask] = np.concatenate([read.ids[read.starts[each] : read.starts[each + 1]] for each in sequences])
        batches.append((torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))))

    def run() -> None:
        with torch.inference_mode():
            for ids, mask in batches:
                model(input_ids=ids.to(device), attention_mask=mask.to(device), output_hidden_states=True)

    return run
