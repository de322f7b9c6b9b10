"""Loading tiny checkpoints: from folders and a hub-style cache, safely, with a sentence for what cannot be used."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from geoscope.errors import GeoscopeError
from geoscope.subjects.models.checkpoints import Checkpoint, load_checkpoint
from geoscope.subjects.models.tokenizers import load_tokenizer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Folder = Callable[[str], Path]


@pytest.fixture
def copied(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    """A tiny BERT that a test may change."""
    return Path(shutil.copytree(checkpoint_folder("bert"), tmp_path / "copied"))


@pytest.fixture
def hub_cache(checkpoint_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub-style cache that holds org/tiny at one commit, and a hub that is offline."""
    from huggingface_hub import constants

    repository = tmp_path / "cache" / "models--org--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    shutil.copytree(checkpoint_folder("bert"), repository / "snapshots" / COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return repository


@pytest.mark.parametrize(
    ("architecture", "kind", "name", "limit"),
    [
        ("bert", "encoder", "BertModel", 64),
        ("roberta", "encoder", "RobertaModel", 64),
        ("gpt2", "decoder", "GPT2Model", 64),
        ("llama", "decoder", "LlamaModel", 64),
        ("t5", "encoder-decoder", "T5Model", None),
    ],
)
def test_every_kind_loads(
    architecture: str, kind: str, name: str, limit: int | None, checkpoint: Callable[[str], Checkpoint]
) -> None:
    loaded = checkpoint(architecture)
    assert (loaded.kind, loaded.architecture, loaded.max_positions) == (kind, name, limit)
    assert (loaded.layers, loaded.hidden_size, loaded.revision, loaded.dtype) == (3, 32, None, "float32")
    assert loaded.parameters == sum(parameter.numel() for parameter in loaded.model.parameters())
    assert not loaded.model.training


def test_streams_stay_clean(checkpoint_folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    for kind in ("bert", "gpt2", "t5"):
        load_checkpoint(str(checkpoint_folder(kind)))
    assert capfd.readouterr() == ("", "")


def test_fingerprint_is_of_the_weights_alone(copied: Path, checkpoint: Callable[[str], Checkpoint]) -> None:
    same = load_checkpoint(str(copied))
    assert same.fingerprint == checkpoint("bert").fingerprint
    weights = load_file(copied / "model.safetensors")
    weights["embeddings.LayerNorm.bias"][0] += 1
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    assert load_checkpoint(str(copied)).fingerprint != same.fingerprint


def test_a_missing_pooler_is_no_part_of_the_checkpoint(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("pooler.")}
    save_file(kept, copied / "model.safetensors", metadata={"format": "pt"})
    first, second = load_checkpoint(str(copied)), load_checkpoint(str(copied))
    assert first.fingerprint == second.fingerprint
    assert first.parameters == sum(tensor.numel() for tensor in kept.values())


def test_missing_weights_are_refused(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        GeoscopeError, match=r"every weight of BertModel, got .* lacks 1 of them, encoder\.layer\.1\.output\.dense"
    ):
        load_checkpoint(str(copied))


def test_half_precision_checkpoints_are_read_in_float32(copied: Path) -> None:
    weights = {name: tensor.half() for name, tensor in load_file(copied / "model.safetensors").items()}
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "dtype": "float16"}))
    assert load_checkpoint(str(copied)).model.dtype == torch.float32
    assert load_checkpoint(str(copied), dtype="bfloat16").model.dtype == torch.bfloat16


def test_pickled_weights_are_refused_unless_allowed(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    fingerprint = load_checkpoint(str(copied)).fingerprint
    torch.save(weights, copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    with pytest.raises(GeoscopeError, match=r"only pytorch_model\.bin, .* --allow-pickle"):
        load_checkpoint(str(copied))
    assert load_checkpoint(str(copied), allow_pickle=True).fingerprint == fingerprint


class _Payload:
    """Runs a command when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_pickled_code_does_not_run_even_when_allowed(copied: Path, tmp_path: Path) -> None:
    torch.save({"weight": _Payload(tmp_path / "ran")}, copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    with pytest.raises(GeoscopeError, match="cannot be loaded"):
        load_checkpoint(str(copied), allow_pickle=True)
    assert not (tmp_path / "ran").exists()


def test_a_checkpoints_own_code_is_refused(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (copied / "config.json").write_text(json.dumps(config))
    (copied / "own.py").write_text("raise SystemExit('ran')")
    with pytest.raises(GeoscopeError, match=r"brings its own; .* --trust-remote-code"):
        load_checkpoint(str(copied))


@pytest.mark.parametrize(
    ("subject", "settings", "sentence"),
    [
        ("{dir}/absent", {}, "expected a checkpoint folder, got"),
        ("./absent", {}, "expected a checkpoint folder, got absent"),
        ("{dir}", {}, "which has no config.json"),
        ("{dir}/file.txt", {}, "a folder, a Hugging Face id or demo, got the file"),
        (
            "{dir}/empty",
            {},
            "expected model.safetensors in .*, got no weights; give the folder that save_pretrained wrote",
        ),
        ("{dir}/copied", {"dtype": "int8"}, "--dtype to be auto, float32, .* got 'int8'"),
        ("{dir}/copied", {"device": "abacus"}, "got 'abacus', which cannot be used"),
    ],
)
def test_mistakes_are_sentences(
    subject: str, settings: dict[str, Any], sentence: str, copied: Path, tmp_path: Path
) -> None:
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "empty").mkdir()
    shutil.copy(copied / "config.json", tmp_path / "empty")
    with pytest.raises(GeoscopeError, match=sentence):
        load_checkpoint(subject.format(dir=tmp_path), **settings)


def test_a_damaged_file_is_a_sentence(copied: Path) -> None:
    (copied / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    with pytest.raises(GeoscopeError, match="cannot be loaded"):
        load_checkpoint(str(copied))


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_an_id_is_read_from_the_cache(
    revision: str | None, hub_cache: Path, checkpoint: Callable[[str], Checkpoint]
) -> None:
    loaded = load_checkpoint("org/tiny", revision=revision)
    assert loaded.name == "org/tiny"
    assert loaded.revision == COMMIT
    assert loaded.fingerprint == checkpoint("bert").fingerprint


@pytest.mark.parametrize(
    ("subject", "revision", "sentence"),
    [
        ("org/other", None, "'org/other', which is not a local folder, is not in the cache, and .* offline"),
        ("org/tiny", "v2", "'org/tiny' at revision 'v2', which is not"),
        ("no id!", None, "an existing folder or file, or a Hugging Face id"),
    ],
)
def test_an_id_that_is_not_cached_is_one_quick_sentence(
    subject: str, revision: str | None, sentence: str, hub_cache: Path
) -> None:
    start = time.monotonic()
    with pytest.raises(GeoscopeError, match=sentence):
        load_checkpoint(subject, revision=revision)
    assert time.monotonic() - start < 5


def test_without_a_network_the_cache_serves(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.utils import httpx

    def refuse(*arguments: Any, **settings: Any) -> None:
        raise httpx.ConnectError("Name or service not known")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "model_info", refuse)
    assert load_checkpoint("org/tiny").revision == COMMIT
    with pytest.raises(GeoscopeError, match="out of reach"):
        load_checkpoint("org/other")


def test_only_what_is_read_is_fetched(
    hub_cache: Path, checkpoint_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    import huggingface_hub
    from huggingface_hub import constants

    names = ["config.json", "tokenizer.json", "own.py", "pytorch_model.bin", "onnx/model.onnx", "model.safetensors"]
    fetched: list[dict[str, Any]] = []

    def model_info(*arguments: Any, **settings: Any) -> Any:
        return SimpleNamespace(sha=COMMIT, siblings=[SimpleNamespace(rfilename=name) for name in names])

    def snapshot_download(identifier: str, **settings: Any) -> str:
        fetched.append(settings)
        return str(checkpoint_folder("bert"))

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert load_checkpoint("org/tiny", revision="main").revision == COMMIT
    assert fetched[0]["revision"] == COMMIT
    assert fetched[0]["allow_patterns"] == ["model.safetensors", "config.json", "tokenizer.json"]
    names.remove("model.safetensors")
    with pytest.raises(GeoscopeError, match="--allow-pickle"):
        load_checkpoint("org/tiny")
    assert len(fetched) == 1


def test_a_tokenizer_alone_is_found_in_the_cache(hub_cache: Path) -> None:
    for path in (hub_cache / "snapshots" / COMMIT).iterdir():
        if not path.name.startswith("tokenizer"):
            path.unlink()
    assert load_tokenizer(Path("nowhere"), "it", named="org/tiny").vocab_size > 10
    with pytest.raises(GeoscopeError, match=r"expected a checkpoint, got 'org/tiny'"):
        load_checkpoint("org/tiny")
    with pytest.raises(GeoscopeError, match=r"expected a tokenizer, got 'org/none', which is not a local folder"):
        load_tokenizer(Path("nowhere"), "it", named="org/none")


def test_a_revision_belongs_to_an_id(copied: Path) -> None:
    with pytest.raises(GeoscopeError, match="expected --revision with a Hugging Face id"):
        load_checkpoint(str(copied), revision="main")
