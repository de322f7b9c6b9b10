"""A checkpoint with random weights and text of made-up words, so that nothing is fetched: one a run, kept in `work`."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.gpu.settings import Run

_SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "ra", "se", "to", "vi", "zu", "pe", "da")
_WORDS = ["".join(parts) for parts in product(_SYLLABLES, repeat=3)]
_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_WORDS)


def checkpoint(run: Run) -> str:
    """Its folder: of BERT-base's shape, unless the run is dry, with a vocabulary of the words."""
    folder = Path(run.work) / "checkpoint"
    if not (folder / "done").is_file():
        import torch
        from transformers import BertConfig, BertModel, BertTokenizerFast
        from transformers.utils import logging

        logging.disable_progress_bar()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.txt").write_text("\n".join(_PIECES) + "\n", encoding="utf-8")
        sizes = run.sizes
        config = BertConfig(
            vocab_size=len(_PIECES), hidden_size=sizes.hidden, num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads, intermediate_size=4 * sizes.hidden,
        )  # fmt: skip
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
        BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
        (folder / "done").write_text("")
    return str(folder)


def texts(tokens: int) -> list[str]:
    """Sequences of 10 to 50 tokens, 30 in the mean, two of them special: so many tokens in all, or a few more."""
    generator = np.random.default_rng(0)
    made: list[str] = []
    read = 0
    while read < tokens:
        length = int(generator.integers(8, 49))
        made.append(" ".join(_WORDS[place] for place in generator.zipf(1.1, length) % len(_WORDS)))
        read += length + 2
    return made
