"""Checkpoints: configurations, tokenizers, indices, weights and adapters, damaged, hostile, or leading elsewhere."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Iterator
from typing import Any

from hostile.case import DONE, MISTAKE, Case, refused, right
from hostile.folders import BERT, checkpoint
from hostile.inputs import TEXTS, Folder, Link, Sparse, nested, safetensors, tensors, text

LINE = "measure model --corpus t.txt --measures isoscore --no-errors"
T = {"t.txt": TEXTS}
PWNED = "import os; os.system('touch pwned')\n"


def _config(**parts: Any) -> dict[str, Any]:
    return checkpoint(config=BERT | parts)


def _shards(where: str, **index: Any) -> dict[str, Any]:
    """The same weights as one shard that an index names."""
    weights = checkpoint()["model/model.safetensors"]
    names = list(json.loads(weights[8 : 8 + struct.unpack("<Q", weights[:8])[0]]))
    said = {"metadata": {"total_size": len(weights)}, "weight_map": dict.fromkeys(names, where)} | index
    return checkpoint(**{"model.safetensors": ""}) | {
        "model/model-00001-of-00001.safetensors": weights,
        "model/model.safetensors.index.json": text(said),
    }


def cases() -> Iterator[Case]:
    """Every file of a checkpoint."""
    yield right("a checkpoint", LINE, "isoscore", files=checkpoint() | T)
    yield right("a checkpoint in shards", LINE, "isoscore", files=_shards("model-00001-of-00001.safetensors") | T)
    yield from _configurations()
    yield from _tokenizers()
    yield from _weights()
    yield from _others()


def _configurations() -> Iterator[Case]:
    wrong: dict[str, Any] = {
        "empty": " ",
        "no JSON": "{",
        "a list": "[]",
        "null": "null",
        "a text": '"bert"',
        "an empty object": "{}",
        "nesting": nested(90_000),
        "nesting within": '{"model_type": "bert", "a": ' + nested(50_000) + "}",
        "bytes": b"\xff\xfe\xfd",
        "NUL": bytes(100),
    }
    for name, content in wrong.items():
        yield refused(f"config.json, {name}", LINE, "config", files=checkpoint(config__json=content) | T)
    types: dict[str, dict[str, Any]] = {
        "a width that is a text": {"hidden_size": "16"},
        "a width that is a list": {"hidden_size": [16]},
        "a width of 0": {"hidden_size": 0},
        "a width below 0": {"hidden_size": -16},
        "a width that is half": {"hidden_size": 16.5},
        "a width that is null": {"hidden_size": None},
        "a width of 2^40": {"hidden_size": 2**40},
        "layers of 10^9": {"num_hidden_layers": 10**9},
        "20,000 layers": {"num_hidden_layers": 20_000},
        "layers below 0": {"num_hidden_layers": -2},
        "layers that are a text": {"num_hidden_layers": "two"},
        "layers that are true": {"num_hidden_layers": [2]},
        "heads of 0": {"num_attention_heads": 0},
        "heads that do not divide": {"num_attention_heads": 3},
        "a vocabulary of 2^50": {"vocab_size": 2**50},
        "a vocabulary that is a text": {"vocab_size": "21"},
        "places of -1": {"max_position_embeddings": -1},
        "an unknown activation": {"hidden_act": "nothing"},
        "an activation that is a list": {"hidden_act": ["gelu"]},
        "an unknown type": {"model_type": "bertt"},
        "a type that is a list": {"model_type": ["bert"]},
        "a type that is null": {"model_type": None},
        "a type of escapes": {"model_type": "\x1b[31m\u202e"},
        "a type of 100,000 letters": {"model_type": "b" * 100_000},
        "a padding token beyond": {"pad_token_id": 10**9},
        "architectures that are a number": {"architectures": 5},
        "another's weights": {"hidden_size": 32, "intermediate_size": 64},
        "a dtype of nothing": {"torch_dtype": "float99", "dtype": "float99"},
        "quantization of nothing": {"quantization_config": {"quant_method": "nothing"}},
        "quantization that is a text": {"quantization_config": "int8"},
        "an epsilon that is a text": {"layer_norm_eps": "small"},
        "an integer of 5,000 digits": {"vocab_size": 7},
    }
    for name, parts in types.items():
        files = _config(**parts)
        if "5,000 digits" in name:
            files["model/config.json"] = text(BERT).replace('"hidden_size": 16', '"hidden_size": ' + "9" * 5000)
        codes = (
            (DONE, MISTAKE)
            if name in ("architectures that are a number", "a padding token beyond", "a dtype of nothing")
            else (MISTAKE,)
        )
        yield refused(
            f"config.json, {name}",
            LINE,
            "config|model|checkpoint" if codes == (MISTAKE,) else "",
            codes=codes,
            files=files | T,
        )
    code = {"auto_map": {"AutoConfig": "evil.EvilConfig", "AutoModel": "evil.EvilModel"}, "model_type": "evil"}
    yield refused(
        "config.json, code of its own",
        LINE,
        "trust-remote-code",
        files=_config(**code) | {"model/evil.py": PWNED} | T,
        absent=["pwned"],
    )
    yield refused(
        "config.json, code elsewhere",
        LINE,
        files=_config(auto_map={"AutoConfig": "other/repo--evil.EvilConfig"}, model_type="evil") | T,
    )
    yield refused(
        "config.json, code above",
        LINE,
        files=_config(auto_map={"AutoConfig": "../evil.EvilConfig"}, model_type="evil") | {"evil.py": PWNED} | T,
    )
    yield refused("config.json that is a folder", LINE, files=checkpoint(config__json=Folder()) | T)
    yield refused("config.json that links to itself", LINE, files=checkpoint(config__json=Link("config.json")) | T)
    yield refused(
        "config.json of 3 GB",
        LINE,
        "config",
        files=checkpoint(config__json=Sparse(3 << 30, b"{")) | T,
        seconds=60,
        megabytes=1500,
    )
    yield refused(
        "config.json that is /dev/zero",
        LINE,
        "config",
        files=checkpoint(config__json=Link("/dev/zero")) | T,
        seconds=60,
        megabytes=1500,
    )


def _tokenizers() -> Iterator[Case]:
    wrong: dict[str, Any] = {
        "none": "",
        "an empty vocabulary": " ",
        "bytes as a vocabulary": bytes(range(128, 256)),
    }
    for name, content in wrong.items():
        yield refused(f"tokenizer, {name}", LINE, "tokenizer|vocab|token", files=checkpoint(vocab__txt=content) | T)
    told = {
        "no JSON": "{",
        "a list": "[]",
        "an unknown class": text({"tokenizer_class": "NothingTokenizer"}),
        "a class that is a number": text({"tokenizer_class": 5}),
        "a class that is a list": text({"tokenizer_class": ["BertTokenizer"]}),
        "nesting": nested(90_000),
        "a token that is a number": text({"tokenizer_class": "BertTokenizer", "unk_token": 5}),
        "a length that is a text": text({"tokenizer_class": "BertTokenizer", "model_max_length": "long"}),
        "code of its own": text({"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}),
        "bytes": b"\xff\xfe\xfd",
    }
    for name, content in told.items():
        codes = (
            (DONE, MISTAKE)
            if name
            in (
                "an unknown class",
                "a class that is a number",
                "a class that is a list",
                "a length that is a text",
                "code of its own",
            )
            else (MISTAKE,)
        )
        yield refused(
            f"tokenizer_config.json, {name}",
            LINE,
            "token" if codes == (MISTAKE,) else "",
            codes=codes,
            files=checkpoint(tokenizer_config__json=content) | {"model/evil.py": PWNED} | T,
        )
    whole = {
        "no JSON": "{",
        "a list": "[]",
        "an empty object": "{}",
        "an unknown model": text({"model": {"type": "Nothing"}}),
        "half a model": text({"version": "1.0", "model": {"type": "BPE"}}),
        "nesting": nested(90_000),
        "a vocabulary of texts": text(
            {"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": "b"}, "unk_token": "a"}}
        ),
        "ids below 0": text({"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": -1}, "unk_token": "a"}}),
    }
    for name, content in whole.items():
        yield refused(
            f"tokenizer.json, {name}",
            LINE,
            "token",
            files=checkpoint(tokenizer__json=content, vocab__txt="") | T,
            codes=(MISTAKE,),
        )
    beyond = text(
        {
            "version": "1.0",
            "added_tokens": [],
            "normalizer": None,
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": None,
            "decoder": None,
            "truncation": None,
            "padding": None,
            "model": {"type": "WordLevel", "vocab": {"the": 10**6, "cat": 1, "[UNK]": 2}, "unk_token": "[UNK]"},
        }
    )
    yield refused(
        "ids beyond the embedding",
        LINE,
        "id|token|vocab|embedding",
        files=checkpoint(tokenizer__json=beyond, vocab__txt="") | T,
    )
    yield refused("every word unknown", LINE, "unknown|token", files=checkpoint() | {"t.txt": "qqq zzz xxx\n" * 60})
    yield refused("--tokenizer that is nothing", LINE + " --tokenizer nowhere/no", "token", files=checkpoint() | T)
    yield refused("--tokenizer that is a file", LINE + " --tokenizer t.txt", "token", files=checkpoint() | T)


def _weights() -> Iterator[Case]:
    whole = checkpoint()["model/model.safetensors"]
    wrong: dict[str, Any] = {
        "none": "",
        "empty": b" "[:0] or b"\0",
        "half": whole[: len(whole) // 2],
        "eight bytes": bytes(8),
        "a header of 2^63": struct.pack("<Q", 2**63) + b"{}",
        "no JSON": safetensors("{'a'"),
        "no tensor": safetensors({}),
        "a pointer of git-lfs": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n",
        "a page": "<!doctype html>",
        "a folder": Folder(),
        "another model's": tensors({"transformer.h.0.weight": ((4, 4), bytes(64))}),
        "a link to itself": Link("model.safetensors"),
        "zeros": bytes(4000),
    }
    for name, content in wrong.items():
        yield refused(
            f"weights, {name}", LINE, "weight|safetensors|model", files=checkpoint(model__safetensors=content) | T
        )
    nans = checkpoint()
    nans["model/model.safetensors"] = whole[:-9000] + struct.pack("<f", float("nan")) * 2250
    yield refused("weights of NaN", LINE, "finite|NaN", files=nans | T)
    evil = pickle.dumps({"a": 1}) + b""
    yield refused(
        "weights that must be unpickled",
        LINE,
        "allow-pickle",
        files=checkpoint(model__safetensors="") | {"model/pytorch_model.bin": evil} | T,
    )
    yield refused(
        "a pickle that runs code, allowed",
        LINE + " --allow-pickle",
        files=checkpoint(model__safetensors="") | {"model/pytorch_model.bin": b"cos\nsystem\n(S'touch pwned'\ntR."} | T,
    )
    outside = {"outside.safetensors": whole}
    places = {
        "above": "../outside.safetensors",
        "by its whole path": "/etc/passwd",
        "/dev/zero": "/dev/zero",
        "a folder": ".",
        "nothing": "",
        "not there": "no.safetensors",
        "above, in a roundabout way": "a/../../outside.safetensors",
        "NUL": "a\0b",
    }
    for name, where in places.items():
        yield refused(
            f"an index that names what is {name}",
            LINE,
            "index|weight|folder|shard",
            files=_shards(where) | outside | T,
            megabytes=1500,
        )
    yield refused(
        "a shard that links above",
        LINE,
        "folder|link|weight",
        files=_shards("link.safetensors") | outside | {"model/link.safetensors": Link("../outside.safetensors")} | T,
    )
    yield refused(
        "weights that link to /dev/zero",
        LINE,
        "weight|safetensors|device",
        files=checkpoint(model__safetensors=Link("/dev/zero")) | T,
        megabytes=1500,
    )
    indices: dict[str, Any] = {
        "no map": {"weight_map": None},
        "a map that is a list": {"weight_map": []},
        "a map of numbers": {"weight_map": {"a": 5}},
        "metadata that is a text": {"metadata": "x"},
        "an empty map": {"weight_map": {}},
    }
    for name, parts in indices.items():
        yield refused(
            f"an index of {name}", LINE, "index|weight", files=_shards("model-00001-of-00001.safetensors", **parts) | T
        )
    for name, content in {"no JSON": "{", "a list": "[]", "nesting": nested(90_000), "bytes": b"\xff\xfe"}.items():
        yield refused(
            f"an index, {name}", LINE, "index", files=_shards("x") | {"model/model.safetensors.index.json": content} | T
        )


def _others() -> Iterator[Case]:
    adapter = {
        "peft_type": "LORA",
        "base_model_name_or_path": "../base",
        "r": 2,
        "lora_alpha": 4,
        "target_modules": ["query"],
        "task_type": None,
    }
    lora = (
        {"adapter/adapter_model.safetensors": tensors({"base_model.model.x.lora_A.weight": ((2, 16), bytes(128))})}
        | checkpoint("base")
        | T
    )
    line = LINE.replace("model", "adapter", 1)
    wrong: dict[str, Any] = {
        "no JSON": "{",
        "a list": "[]",
        "no base": text(adapter | {"base_model_name_or_path": None}),
        "a base that is not there": text(adapter | {"base_model_name_or_path": "../no"}),
        "a base that is a list": text(adapter | {"base_model_name_or_path": ["../base"]}),
        "an unknown kind": text(adapter | {"peft_type": "NOTHING"}),
        "a kind that is a number": text(adapter | {"peft_type": 5}),
        "a rank that is a text": text(adapter | {"r": "two"}),
        "a rank of 0": text(adapter | {"r": 0}),
        "itself as its base": text(adapter | {"base_model_name_or_path": "."}),
        "modules that are a number": text(adapter | {"target_modules": 5}),
        "nesting": nested(90_000),
    }
    for name, content in wrong.items():
        yield refused(
            f"an adapter, {name}",
            line,
            "adapter|base|config|rank|peft",
            files=lora | {"adapter/adapter_config.json": content},
        )
    yield refused(
        "an adapter whose weights fit nothing",
        line,
        "adapter|weight",
        files=lora | {"adapter/adapter_config.json": text(adapter)},
    )
    sentence = checkpoint()
    modules: dict[str, Any] = {
        "no JSON": "{",
        "an object": "{}",
        "of numbers": "[1]",
        "an unknown module": text([{"idx": 0, "path": "", "type": "os.system"}]),
        "a path above": text([{"idx": 0, "path": "../..", "type": "sentence_transformers.models.Transformer"}]),
        "nesting": nested(90_000),
        "a path that is a number": text([{"idx": 0, "path": 5, "type": "sentence_transformers.models.Transformer"}]),
        "empty": "[]",
    }
    for name, content in modules.items():
        yield refused(
            f"modules.json, {name}",
            LINE + " --pooling model",
            "modules|module|path",
            codes=(MISTAKE,),
            files=sentence | {"model/modules.json": content} | T,
        )
    yield refused(
        "a gguf of nothing", LINE.replace("model", "x.gguf", 1), "gguf", files={"x.gguf": b"GGUF" + bytes(40)} | T
    )
    yield refused(
        "a gguf of counts",
        LINE.replace("model", "x.gguf", 1),
        "gguf",
        files={"x.gguf": b"GGUF\x03\0\0\0" + b"\xff" * 60} | T,
        megabytes=1500,
    )
