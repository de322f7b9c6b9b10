"""A representative 30 of the types that `make architectures` measures, each layer held against a plain loop."""

from __future__ import annotations

from pathlib import Path

import pytest
from architectures import SAME, examine

LAST_ALONE = {"funnel", "reformer"}
REPRESENTATIVE = (
    "albert", "bart", "bert", "big_bird", "clip_text_model", "convbert", "cpmant", "deberta-v2", "encoder-decoder",
    "fnet", "fsmt", "funnel", "gemma3n_text", "gpt2", "gpt_neox", "hy_v4", "llama4", "longformer", "mamba", "marian",
    "mixtral", "modernbert", "opt", "pegasus_x", "qwen3_next", "reformer", "rwkv", "seamless_m4t", "t5", "xlnet",
)  # fmt: skip


@pytest.mark.parametrize("model_type", REPRESENTATIVE)
def test_every_layer_is_the_plain_loops(model_type: str, tmp_path: Path, one_thread: None) -> None:
    result = examine(model_type, tmp_path / model_type, measured=False)
    assert result.measured, result.reason
    assert result.layers == ((result.last,) if model_type in LAST_ALONE else tuple(range(result.last + 1)))
    assert max(result.loop.values()) <= SAME
    assert result.batches <= SAME
