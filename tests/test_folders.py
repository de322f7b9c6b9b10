"""What stands in checkpoint folders: adapters on a base, shards, variants, subfolders, GGUF files, and what is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import geoscope
from geoscope.errors import GeoscopeError
from geoscope.report import Subject
from geoscope.subjects.checkpoint_files import adapters, weights
from geoscope.subjects.checkpoint_files.folders import wanted_files
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.subjects.opening import opened

Folder = Callable[[str], Path]


def _drawn(model: Any) -> None:
    """Give every weight of an adapter a random value: fresh ones change nothing."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if any(part in name for part in ("lora_", "ia3_", "modules_to_save", "trainable_tokens_delta")):
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)


def _adapter(folder: Path, base: Path, auto: str, **settings: Any) -> tuple[Path, Any]:
    """A random adapter of a tiny checkpoint in a folder, and the model with it merged by hand (PEFT's own way)."""
    peft = pytest.importorskip("peft")
    import transformers

    model = getattr(transformers, auto).from_pretrained(base)
    kind = settings.pop("kind", peft.LoraConfig)
    adapted = peft.get_peft_model(model, kind(**settings))
    _drawn(adapted)
    adapted.save_pretrained(folder)
    return folder, adapted.merge_and_unload()


def _states(model: Any, ids: Any) -> Any:
    with torch.inference_mode():
        return model(input_ids=ids, output_hidden_states=True)["hidden_states"]


LORAS: list[tuple[str, str, dict[str, Any]]] = [
    ("bert", "AutoModel", {"r": 4, "target_modules": ["query", "value"]}),
    ("bert", "AutoModelForSequenceClassification", {"task_type": "SEQ_CLS", "r": 4, "target_modules": ["query"]}),
    ("bert", "AutoModelForMaskedLM", {"r": 2, "target_modules": r".*bert\.encoder.*\.(query|key)", "bias": "all"}),
    ("llama", "AutoModelForCausalLM", {"task_type": "CAUSAL_LM", "r": 4, "target_modules": "all-linear"}),
    ("llama", "AutoModelForCausalLM", {"r": 4, "target_modules": ["q_proj", "lm_head"], "use_dora": True}),
    ("gpt2", "AutoModelForCausalLM", {"r": 4, "target_modules": ["c_attn"], "modules_to_save": ["wte"]}),
    ("t5", "AutoModelForSeq2SeqLM", {"task_type": "SEQ_2_SEQ_LM", "r": 4, "target_modules": ["q", "v"]}),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("architecture", "auto", "settings"), LORAS)
def test_an_adapter_is_merged_into_its_base(
    architecture: str, auto: str, settings: dict[str, Any], checkpoint_folder: Folder, tmp_path: Path
) -> None:
    base = checkpoint_folder(architecture)
    folder, merged = _adapter(tmp_path / "adapter", base, auto, **settings)
    loaded, alone = load_checkpoint(str(folder), device="cpu"), load_checkpoint(str(base), device="cpu")
    ids = torch.arange(4, 14)[None]
    expected = _states(merged.get_encoder() if architecture == "t5" else merged, ids)
    for ours, theirs in zip(_states(loaded.model, ids), expected, strict=True):
        assert (ours - theirs).norm() <= 1e-6 * theirs.norm()
    without = _states(alone.model, ids)[-1]
    assert (ours - without).norm() > 1e-2 * without.norm()
    assert loaded.fingerprint != alone.fingerprint
    assert loaded.parameters == alone.parameters
    assert loaded.adapter is not None
    assert loaded.adapter.described == {"kind": "LORA", "base": str(base)}


@pytest.fixture
def lora(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    """The folder of a random LoRA of the tiny BERT."""
    return _adapter(tmp_path / "lora", checkpoint_folder("bert"), "AutoModel", r=4, target_modules=["query"])[0]


def _config(folder: Path, **changes: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_adapter_beside_its_base_is_the_same_model(lora: Path, checkpoint_folder: Folder, corpus_file: Path) -> None:
    beside = lora.parent / "beside"
    shutil.copytree(checkpoint_folder("bert"), beside)
    shutil.copytree(lora, beside, dirs_exist_ok=True)
    _config(beside, base_model_name_or_path="not/here/any/more")
    alone, both = load_checkpoint(str(lora)), load_checkpoint(str(beside))
    assert both.fingerprint == alone.fingerprint
    options = {"corpora": [str(corpus_file)], "max_length": 32, "device": "cpu"}
    about = opened(str(lora), options).subject
    assert about["adapter"] == {"kind": "LORA", "base": str(checkpoint_folder("bert"))}
    assert Subject.model_validate(about).model_dump()["adapter"] == about["adapter"]
    plain = opened(str(checkpoint_folder("bert")), options).subject
    assert "adapter" not in Subject.model_validate(plain).model_dump()
    assert plain["fingerprint"] != about["fingerprint"]
    assert plain["parameters"] == about["parameters"]


def test_a_base_may_be_named_from_the_adapters_folder(lora: Path, checkpoint_folder: Folder) -> None:
    shutil.copytree(checkpoint_folder("bert"), lora.parent / "base")
    _config(lora, base_model_name_or_path="../base")
    assert kind_of(lora) is Kind.TEXT
    assert load_checkpoint(str(lora)).adapter is not None


def test_an_adapter_of_another_kind(checkpoint_folder: Folder, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    folder, merged = _adapter(
        tmp_path / "ia3", checkpoint_folder("bert"), "AutoModel", kind=peft.IA3Config,
        target_modules=["key", "value"], feedforward_modules=[],
    )  # fmt: skip
    ids = torch.arange(4, 14)[None]
    ours, theirs = _states(load_checkpoint(str(folder)).model, ids)[-1], _states(merged, ids)[-1]
    assert (ours - theirs).norm() <= 1e-6 * theirs.norm()


RESIZED: list[tuple[str, str, int, dict[str, Any]]] = [
    ("llama", "AutoModelForCausalLM", 7, {"target_modules": ["q_proj"]}),
    ("gpt2", "AutoModelForCausalLM", 7, {"target_modules": ["c_attn", "wte"]}),
    ("bert", "AutoModelForMaskedLM", -5, {"target_modules": ["query"], "modules_to_save": ["word_embeddings"]}),
    ("bert", "AutoModelForMaskedLM", 3, {"target_modules": ["query"], "trainable_token_indices": [5, 61]}),
    ("t5", "AutoModelForSeq2SeqLM", 7, {"target_modules": ["q"]}),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("architecture", "auto", "more", "settings"), RESIZED)
def test_a_vocabulary_that_was_resized_comes_with_the_adapter(
    architecture: str, auto: str, more: int, settings: dict[str, Any], checkpoint_folder: Folder, tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    import transformers

    model = getattr(transformers, auto).from_pretrained(checkpoint_folder(architecture))
    rows = len(model.get_input_embeddings().weight) + more
    model.resize_token_embeddings(rows)
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=4, **settings))
    _drawn(adapted)
    adapted.save_pretrained(tmp_path / "adapter")
    merged = adapted.merge_and_unload()
    loaded = load_checkpoint(str(tmp_path / "adapter"), device="cpu")
    assert loaded.embedded == rows
    ids = torch.tensor([[4, 5, 6, rows - 1]])
    expected = _states(merged.get_encoder() if architecture == "t5" else merged, ids)
    for ours, theirs in zip(_states(loaded.model, ids), expected, strict=True):
        assert (ours - theirs).norm() <= 1e-6 * theirs.norm()


def test_without_peft_there_is_a_sentence(lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(GeoscopeError, match=r"expected peft for .*lora', a LORA adapter, .*'geoscope\[peft\]'"):
        load_checkpoint(str(lora))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"base_model_name_or_path": "/gone/base"}, r"expected the base of the adapter .*, got none at /gone/base; put"),
    ({"base_model_name_or_path": None}, "got none at a path that is not said"),
    ({"base_model_name_or_path": "."}, "as the base of the adapter .*, which has an adapter itself"),
    ({"peft_type": None}, "an adapter_config.json without peft_type"),
    ({"peft_type": "WONDER"}, r"an adapter that fits BertModel, got .*\(WONDER\), which does not"),
    ({"r": 8}, "an adapter that fits BertModel, .* which does not: .*size mismatch"),
    ({"target_modules": ["query", "key"]}, r"every weight of the adapter .* not 6 others, encoder\.layer\.0\."),
]


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_an_adapter_that_does_not_fit_is_a_sentence(changes: dict[str, Any], words: str, lora: Path) -> None:
    _config(lora, **changes)
    with pytest.raises(GeoscopeError, match=words):
        load_checkpoint(str(lora))


def test_an_adapter_of_another_model_is_a_sentence(lora: Path, checkpoint_folder: Folder) -> None:
    _config(lora, base_model_name_or_path=str(checkpoint_folder("llama")))
    with pytest.raises(GeoscopeError, match=r"modules that LlamaModel has, got .*encoder\.layer\.0\.attention"):
        load_checkpoint(str(lora))


def test_an_adapters_pickle_is_refused_unless_allowed(lora: Path) -> None:
    from safetensors.torch import load_file

    safe = load_checkpoint(str(lora)).fingerprint
    torch.save(load_file(lora / "adapter_model.safetensors"), lora / "adapter_model.bin")
    (lora / "adapter_model.safetensors").unlink()
    with pytest.raises(GeoscopeError, match=r"got only adapter_model\.bin, .* --allow-pickle"):
        load_checkpoint(str(lora))
    assert load_checkpoint(str(lora), allow_pickle=True).fingerprint == safe
    (lora / "adapter_model.bin").unlink()
    with pytest.raises(GeoscopeError, match="got none; save the adapter again"):
        load_checkpoint(str(lora))


def test_prompts_are_no_weights(checkpoint_folder: Folder, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint_folder("llama"))
    settings = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    peft.get_peft_model(model, settings).save_pretrained(tmp_path / "prompt")
    with pytest.raises(GeoscopeError, match=r"merged into weights, got .*\(PROMPT_TUNING\), which adds tokens"):
        load_checkpoint(str(tmp_path / "prompt"))


def test_the_adapters_own_tokenizer_is_taken(lora: Path, checkpoint_folder: Folder) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoint_folder("bert") / name, lora)
    path = lora / "tokenizer.json"
    path.write_text(path.read_text().replace('"w07"', '"first"'))
    assert load_checkpoint(str(lora)).tokenizer("first", add_special_tokens=False)["input_ids"] == [11]


def test_an_adapter_from_the_hub_has_its_base_from_there(
    lora: Path, checkpoint_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    _config(lora, base_model_name_or_path="org/base")
    for name, folder in (("base", checkpoint_folder("bert")), ("lora", lora)):
        repository = tmp_path / "cache" / f"models--org--{name}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text(name)
        shutil.copytree(folder, repository / "snapshots" / name)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    loaded = load_checkpoint("org/lora")
    assert loaded.revision == "lora"
    assert loaded.adapter is not None
    assert loaded.adapter.base == "org/base"


def test_a_fine_tuning_does_not_start_from_the_base_alone(lora: Path) -> None:
    from geoscope.finetuning.prepared_tasks import Lesson

    task: Any = SimpleNamespace(kind="classification", outputs=2, name="stars")
    with pytest.raises(GeoscopeError, match=r"got .*lora', an adapter; merge it into its base"):
        Lesson(task, load_checkpoint(str(lora)), 32, "cpu").model()


def test_rows_are_finite(lora: Path, corpus_file: Path) -> None:
    rows = geoscope.extract(str(lora), corpora=[str(corpus_file)], max_length=32).rows()
    assert np.isfinite(rows).all()


@pytest.fixture
def copied(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    """A tiny BERT that a test may change."""
    return Path(shutil.copytree(checkpoint_folder("bert"), tmp_path / "copied"))


def _config_json(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _sharded(folder: Path, variant: str = "") -> Path:
    """The checkpoint of a folder in shards of 20 kB."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB", variant=variant or None)
    return folder


def test_shards_are_the_same_checkpoint(copied: Path, checkpoint: Callable[[str], Any]) -> None:
    _sharded(copied)
    assert len(list(copied.glob("model-*.safetensors"))) > 2
    assert load_checkpoint(str(copied)).fingerprint == checkpoint("bert").fingerprint


@pytest.mark.parametrize("sharded", [True, False])
def test_the_one_variant_that_there_is_is_read(sharded: bool, copied: Path, checkpoint: Callable[[str], Any]) -> None:
    if sharded:
        _sharded(copied, "fp16")
    else:
        (copied / "model.safetensors").rename(copied / "model.fp16.safetensors")
    assert load_checkpoint(str(copied)).fingerprint == checkpoint("bert").fingerprint


@pytest.mark.parametrize("name", ["../outside.safetensors", "/dev/zero", "a/../../outside.safetensors"])
def test_shards_lie_in_the_folder(name: str, copied: Path) -> None:
    shutil.copy(copied / "model.safetensors", copied.parent / "outside.safetensors")
    index = _sharded(copied) / "model.safetensors.index.json"
    held = json.loads(index.read_text())
    first = next(iter(held["weight_map"]))
    index.write_text(json.dumps({**held, "weight_map": {**held["weight_map"], first: name}}))
    with pytest.raises(GeoscopeError, match=rf"expected names inside .*copied, got '{name}' in .*index\.json"):
        load_checkpoint(str(copied))


def test_a_shard_may_not_be_a_device(copied: Path) -> None:
    shard = sorted(_sharded(copied).glob("model-*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(GeoscopeError, match=r"every file of the weights of .*, got no file model-00002-of-"):
        load_checkpoint(str(copied))
    shard.symlink_to("/dev/zero")
    with pytest.raises(
        GeoscopeError, match=r"each part of a checkpoint in a file, got .*model-00002-of-.* is a device"
    ):
        load_checkpoint(str(copied))


UNREADABLE: list[tuple[tuple[str, ...], str]] = [
    ((), r"got no weights; give the folder that save_pretrained wrote, or download them too"),
    (("optimizer.pt", "scheduler.pt", "training_args.bin", "rng_state.pth"), "got no weights; give the folder"),
    (("optimizer.pt", "pytorch_model.bin"), r"got only pytorch_model\.bin, .*--allow-pickle"),
    (("tf_model.h5",), r"got weights for TensorFlow alone \(tf_model\.h5\); save it from PyTorch"),
    (("flax_model.msgpack",), "got weights for Flax alone"),
    (("model.onnx", "training_args.bin"), "got weights for ONNX alone"),
    (("consolidated.safetensors",), r"got consolidated\.safetensors, which transformers does not look for"),
    (("model.ckpt",), r"got model\.ckpt, which transformers does not look for; load the model with what saved it"),
    (("a.gguf", "b.gguf"), r"got 2 GGUF files \(a\.gguf, b\.gguf\); give one of them by its path"),
    (("model.fp16.safetensors", "model.bf16.safetensors"), "got it as bf16, fp16 alone; rename the one to measure"),
    (("model-00001-of-00002.safetensors",), r"expected model\.safetensors\.index\.json beside model-00001-of"),
]


@pytest.mark.parametrize(("files", "words"), UNREADABLE)
def test_what_stands_in_place_of_weights_is_named(files: tuple[str, ...], words: str, copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    for name in files:
        (copied / name).write_bytes(b"x")
    with pytest.raises(GeoscopeError, match=words):
        load_checkpoint(str(copied))


def test_a_pointer_is_no_file_of_weights(copied: Path) -> None:
    (copied / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(GeoscopeError, match=r"got git-lfs's pointer to them; run `git lfs pull` in .*copied"):
        load_checkpoint(str(copied))


def test_weights_of_other_shapes_are_named(copied: Path) -> None:
    _config_json(copied, hidden_size=16)
    words = r"expected 16 numbers in embeddings\.LayerNorm\.bias of BertModel, as its config\.json says, got 32 and \d+"
    with pytest.raises(GeoscopeError, match=words):
        load_checkpoint(str(copied))


@pytest.mark.parametrize(
    ("config", "method"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "bitsandbytes in 4 bit"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "gptq"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "awq"),
    ],
)
def test_quantized_weights_are_said_to_be(config: dict[str, Any], method: str, copied: Path) -> None:
    _config_json(copied, quantization_config=config)
    with pytest.raises(GeoscopeError, match=rf"got .*, which is quantized by {method} and cannot be loaded here \("):
        load_checkpoint(str(copied))


def test_a_subfolder_is_a_checkpoint(copied: Path, checkpoint: Callable[[str], Any], corpus_file: Path) -> None:
    outer = copied.parent / "outer"
    shutil.move(copied, outer / "run-7")
    options = {"corpora": [str(corpus_file)], "max_length": 32, "device": "cpu"}
    about = opened(str(outer), {**options, "subfolder": "run-7"}).subject
    assert about["subfolder"] == "run-7"
    assert about["fingerprint"] == checkpoint("bert").fingerprint
    assert Subject.model_validate(about).subfolder == "run-7"
    for name in ("gone", "..", "/tmp"):
        with pytest.raises(GeoscopeError, match=rf"--subfolder to be a folder of .*outer', got {name}; it has run-7"):
            load_checkpoint(str(outer), subfolder=name)
    with pytest.raises(GeoscopeError, match=r"no config\.json; pass --subfolder run-7"):
        geoscope.measure(str(outer))


def test_a_subfolder_of_the_hub(
    checkpoint_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Callable[[str], Any]
) -> None:
    from huggingface_hub import constants

    repository = tmp_path / "cache" / "models--org--many"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    shutil.copytree(checkpoint_folder("bert"), repository / "snapshots" / "abc" / "deep" / "er")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    loaded = load_checkpoint("org/many", subfolder="deep/er")
    assert (loaded.revision, loaded.fingerprint) == ("abc", checkpoint("bert").fingerprint)
    names = ["README.md", "a/config.json", "a/model.safetensors", "b/model.safetensors", "a/onnx/model.onnx"]
    fetched = wanted_files(names, subject="org/many", code=False, allow_pickle=False, below="a")
    assert set(fetched) == {"a/config.json", "a/model.safetensors"}


def _gguf(path: Path, folder: Path) -> None:
    """The tiny Llama of a folder as a GGUF file, as llama.cpp's converter writes one."""
    gguf = pytest.importorskip("gguf")
    from safetensors.torch import load_file

    config, weights = json.loads((folder / "config.json").read_text()), load_file(folder / "model.safetensors")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    words = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(words))
    writer.add_token_scores([0.0] * len(words))
    writer.add_token_types([1] * len(words))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    names = {"embed_tokens": "token_embd", "norm": "output_norm"}
    inner = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    }  # fmt: skip
    for name, tensor in weights.items():
        whole = name.removesuffix(".weight")
        layer, _, rest = whole.removeprefix("layers.").partition(".")
        told = names[whole] if whole in names else f"blk.{layer}.{inner[rest]}"
        rows = tensor.numpy()
        if told.endswith(("attn_q", "attn_k")):  # llama.cpp's order of rotated dimensions
            heads = 4 if told.endswith("q") else 2
            rows = rows.reshape(heads, 2, -1, 32).swapaxes(1, 2).reshape(rows.shape)
        writer.add_tensor(f"{told}.weight", np.ascontiguousarray(rows))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_gguf_file_is_a_checkpoint(
    checkpoint_folder: Folder, tmp_path: Path, checkpoint: Callable[[str], Any]
) -> None:
    file = tmp_path / "tiny.gguf"
    _gguf(file, checkpoint_folder("llama"))
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    assert kind_of(file) is Kind.TEXT
    loaded = load_checkpoint(str(file))
    assert loaded.fingerprint == checkpoint("llama").fingerprint
    assert loaded.name == str(file)
    with pytest.raises(GeoscopeError, match=r"got 2 GGUF files \(other\.gguf, tiny\.gguf\)"):
        load_checkpoint(str(tmp_path))


def test_without_gguf_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(GeoscopeError, match=r"expected gguf and accelerate for .*; pip install 'geoscope\[gguf\]'"):
        load_checkpoint(str(tmp_path / "tiny.gguf"))
    with pytest.raises(GeoscopeError, match=r"got .*gone\.gguf, where there is nothing"):
        kind_of(tmp_path / "gone.gguf")
