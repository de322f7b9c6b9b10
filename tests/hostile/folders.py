"""Folders: what extract writes, and a checkpoint small enough to be written by hand."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

from hostile.inputs import WORDS, header, npy, tensors, text


def extracted(described: Any = None, **files: bytes) -> dict[str, Any]:
    """What extract writes, as files of the folder `rows`."""
    told = {
        "schema_version": "1",
        "subject": {"name": "base", "kind": "checkpoint", "layers": 2, "hidden_size": 8, "fingerprint": "sha256:b"},
        "sample": {"corpora": [], "sequences": 60, "rows": 300, "pooling": "tokens", "max_length": 128, "seed": 0},
        "settings": {"layers": [2], "pooling": "tokens", "tokens": "all", "seed": 0, "dtype": "float32"},
    }
    places = struct.pack("<900q", *(number for at in range(300) for number in (at // 5, at % 5, at % 50)))
    held: dict[str, Any] = {
        "rows/embeddings.json": text(told if described is None else described),
        "rows/layer-02.npy": npy(),
        "rows/rows.npy": header("{'descr': '<i8', 'fortran_order': False, 'shape': (300, 3), }") + places,
    }
    return held | {f"rows/{name.replace('__', '.')}": content for name, content in files.items()}


def told_of_rows(**parts: Any) -> dict[str, Any]:
    """An embeddings.json with some parts changed."""
    made: dict[str, Any] = json.loads(extracted()["rows/embeddings.json"])
    for part, value in parts.items():
        made[part] = {**made[part], **value} if isinstance(value, dict) else value
    return made


_WIDTH, _WIDE, _VOCABULARY, _PLACES = 16, 32, 5 + len(WORDS), 64


def checkpoint(folder: str = "model", config: Any = None, **files: Any) -> dict[str, Any]:
    """A BERT of two layers, 16 wide, with a vocabulary of 16 words. files: further ones or others, "" to leave out."""
    told = BERT if config is None else config
    held: dict[str, Any] = {
        "config.json": told if isinstance(told, str) else text(told),
        "model.safetensors": _bert(),
        "vocab.txt": "\n".join(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS)) + "\n",
        "tokenizer_config.json": text({"tokenizer_class": "BertTokenizer", "do_lower_case": True}),
    }
    held |= {name.replace("__", "."): content for name, content in files.items()}
    return {f"{folder}/{name}": content for name, content in held.items() if content != ""}


BERT: dict[str, Any] = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_size": _WIDTH,
    "intermediate_size": _WIDE,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": _VOCABULARY,
    "max_position_embeddings": _PLACES,
    "type_vocab_size": 2,
    "pad_token_id": 0,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
}
"""The configuration of the made checkpoint."""


@cache
def _bert() -> bytes:
    generator = random.Random(0)

    def drawn(*shape: int) -> tuple[Sequence[int], bytes]:
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        return shape, struct.pack(f"<{count}f", *(generator.gauss(0, 0.3) for _ in range(count)))

    held = {
        "embeddings.word_embeddings.weight": drawn(_VOCABULARY, _WIDTH),
        "embeddings.position_embeddings.weight": drawn(_PLACES, _WIDTH),
        "embeddings.token_type_embeddings.weight": drawn(2, _WIDTH),
        "embeddings.LayerNorm.weight": (_WIDTH,),
        "pooler.dense.weight": drawn(_WIDTH, _WIDTH),
        "pooler.dense.bias": drawn(_WIDTH),
    }
    for at in range(2):
        layer = f"encoder.layer.{at}."
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            held |= {f"{layer}{part}.weight": drawn(_WIDTH, _WIDTH), f"{layer}{part}.bias": drawn(_WIDTH)}
        held |= {
            f"{layer}intermediate.dense.weight": drawn(_WIDE, _WIDTH),
            f"{layer}intermediate.dense.bias": drawn(_WIDE),
        }
        held |= {f"{layer}output.dense.weight": drawn(_WIDTH, _WIDE), f"{layer}output.dense.bias": drawn(_WIDTH)}
        held |= {f"{layer}attention.output.LayerNorm.weight": (_WIDTH,), f"{layer}output.LayerNorm.weight": (_WIDTH,)}
    for name in [name for name, content in held.items() if len(content) == 1]:
        held[name] = ((_WIDTH,), struct.pack(f"<{_WIDTH}f", *[1.0] * _WIDTH))
        held[name.replace("weight", "bias")] = ((_WIDTH,), bytes(4 * _WIDTH))
    return tensors(held)
