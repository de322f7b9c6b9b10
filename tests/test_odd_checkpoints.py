"""Checkpoint folders in which something is wrong: the right numbers, or one sentence with what to do."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from geoscope.errors import GeoscopeError
from geoscope.subjects.models.checkpoints import load_checkpoint

Folder = Callable[[str], Path]
WEIGHTS = "model.safetensors"


@pytest.fixture
def copied(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    """A tiny BERT, to change; its name has a space and letters beyond ASCII."""
    return Path(shutil.copytree(checkpoint_folder("bert"), tmp_path / "ein Modell 模型"))


def _json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _changed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def test_a_name_is_a_name(copied: Path, checkpoint_folder: Folder) -> None:
    blobs, linked = copied.parent / "blobs", copied.parent / "snapshots" / "0123"  # as the hub's cache keeps files
    shutil.copytree(copied, blobs)
    linked.mkdir(parents=True)
    for file in blobs.iterdir():
        (linked / file.name).symlink_to(Path("../../blobs") / file.name)
    whole = load_checkpoint(str(checkpoint_folder("bert")))
    assert load_checkpoint(str(copied)).fingerprint == load_checkpoint(str(linked)).fingerprint == whole.fingerprint


CONFIGS: list[tuple[dict[str, Any], str]] = [
    ({"model_type": "wonder"}, "cannot be loaded: .* model type `wonder` .*; mend its config.json, or download"),
    ({"hidden_size": 64}, "as its config.json says, got .*; give it the config.json that its weights were saved with"),
    ({"hidden_size": "16"}, "cannot be loaded: .*hidden_size.* expected int, got str .*; mend its config.json"),
    ({"hidden_act": "wonder"}, "cannot be loaded: transformers has no 'wonder'; mend its config.json"),
    ({"num_hidden_layers": 5}, r"lacks \d+ of them, encoder\.layer\.3\..* first; .* holds the whole model"),
    ({"num_hidden_layers": -1}, "expected num_hidden_layers from 0 to 2,000 in the config.json of .*, got -1; mend"),
    ({"num_hidden_layers": 10**6}, "expected num_hidden_layers of at most 2,000 .*, got 1,000,000; mend it"),
    ({"quantization_config": {"quant_method": "magic"}}, "quantized by magic, of which transformers knows nothing;"),
    ({"model_type": "voxtral_realtime_text"}, "cannot be loaded: transformers has no VoxtralRealtimeTextModel; mend"),
]


@pytest.mark.parametrize(("changes", "words"), CONFIGS)
def test_a_configuration_that_is_not_the_weights(changes: dict[str, Any], words: str, copied: Path) -> None:
    _json(copied / "config.json", **changes)
    with pytest.raises(GeoscopeError, match=words):
        load_checkpoint(str(copied))


def test_layers_that_the_configuration_has_not_are_said_to_be_left_out(copied: Path) -> None:
    _json(copied / "config.json", num_hidden_layers=2)
    with pytest.warns(UserWarning, match=r"holds 16 weights of layers that its config.json does not have, .*layer\.2"):
        assert load_checkpoint(str(copied)).layers == 2


def test_weights_that_are_cut_short(copied: Path) -> None:
    whole = (copied / WEIGHTS).read_bytes()
    for held in (whole[: len(whole) // 2], whole[:20], b"", b"<!DOCTYPE html><html>Not found</html>"):
        (copied / WEIGHTS).write_bytes(held)
        with pytest.raises(GeoscopeError, match=r"its weights are cut short, or no safetensors .*; download or save"):
            load_checkpoint(str(copied))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_with_code_is_never_run(copied: Path, tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    (copied / WEIGHTS).unlink()
    (copied / "pytorch_model.bin").write_bytes(pickle.dumps(Code()))
    with pytest.raises(GeoscopeError, match=r"which would run code; save it as safetensors where it was made$"):
        load_checkpoint(str(copied), allow_pickle=True)
    assert not (tmp_path / "ran").exists()


def _whole_numbers(weights: dict[str, Any]) -> None:
    for name, tensor in weights.items():
        weights[name] = tensor.to(torch.int8) if tensor.ndim > 1 else tensor


def _eight_bits(weights: dict[str, Any]) -> None:
    for name in [each for each in weights if each.endswith("query.weight")]:
        scale = weights[name].abs().max() / 448
        weights[f"{name}_scale_inv"] = scale.reshape(1, 1)
        weights[name] = (weights[name] / scale).to(torch.float8_e4m3fn)


@pytest.mark.parametrize(("change", "dtype"), [(_whole_numbers, "I8"), (_eight_bits, "F8_E4M3")])
def test_quantized_weights_of_which_the_configuration_says_nothing(change: Any, dtype: str, copied: Path) -> None:
    _changed(copied, change)
    with pytest.raises(GeoscopeError, match=rf"expected floating-point numbers in .*, got {dtype}, which .*; give the"):
        load_checkpoint(str(copied))


def test_fp8_is_read_as_what_it_stands_for(checkpoint_folder: Folder, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint_folder("llama"), tmp_path / "fp8"))
    meant = {}

    def change(weights: dict[str, Any]) -> None:
        for name in [each for each in weights if each.endswith("proj.weight")]:
            scale = weights[name].abs().max() / 448
            weights[f"{name}_scale_inv"] = scale.reshape(1, 1)
            weights[name] = (weights[name] / scale).to(torch.float8_e4m3fn)
            meant[name.removeprefix("model.")] = weights[name].float() * scale

    _changed(folder, change)
    _json(folder / "config.json", quantization_config={"quant_method": "fp8", "weight_block_size": [128, 128]})
    held = load_checkpoint(str(folder), device="cpu").model.state_dict()
    assert meant
    for name, tensor in meant.items():
        torch.testing.assert_close(held[name].float(), tensor, rtol=1e-6, atol=0)


def test_integers_that_are_no_weights_are_left_alone(copied: Path, checkpoint_folder: Folder) -> None:
    _changed(copied, lambda weights: weights.update({"bert.embeddings.position_ids": torch.arange(64)[None]}))
    assert load_checkpoint(str(copied)).fingerprint == load_checkpoint(str(checkpoint_folder("bert"))).fingerprint


@pytest.mark.parametrize(("held", "part"), [({"weight_map": {}}, "metadata"), ({"metadata": {}}, "weight_map")])
def test_half_an_index(held: dict[str, Any], part: str, copied: Path) -> None:
    (copied / WEIGHTS).rename(copied / "model-00001-of-00001.safetensors")
    (copied / f"{WEIGHTS}.index.json").write_text(json.dumps(held))
    with pytest.raises(GeoscopeError, match=rf"expected {part} in .*index\.json, got none; download or save it again"):
        load_checkpoint(str(copied))


def test_a_tokenizer_that_says_no_number(copied: Path) -> None:
    _json(copied / "tokenizer_config.json", model_max_length="many")
    with pytest.raises(GeoscopeError, match=r"expected model_max_length in .* to be a number, got 'many'; mend it"):
        load_checkpoint(str(copied))
