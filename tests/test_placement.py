"""Weights that are not all in memory: the same rows and fingerprint, memory checked before they are loaded."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from architectures import rows_of
from tiny_models import build, lines

import geoscope
from geoscope.errors import GeoscopeError
from geoscope.sizes import parse_size
from geoscope.subjects.checkpoint_files.hub import Snapshot
from geoscope.subjects.models import checkpoints, placement
from geoscope.subjects.models.checkpoints import Checkpoint, load_checkpoint
from geoscope.subjects.models.extraction import Extraction
from geoscope.subjects.models.vocabulary import Vocabulary

pytest.importorskip("accelerate")
Folder = Callable[[str], Path]
WORDS = [line for line in lines() if len(line) < 200][:20]


def two_thirds(sketch: Callable[[], Checkpoint | None]) -> int:
    """Room for two thirds of the weights."""
    made = sketch()
    assert made is not None
    assert made.resident is not None
    return made.resident * 2 // 3


def placed(folder: Path, **options: Any) -> Checkpoint:
    return load_checkpoint(str(folder), device="cpu", device_map="auto", room=two_thirds, **options)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The folder of a tiny checkpoint of a type."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp("placed") / kind
            build(kind, made[kind])
        return made[kind]

    return folder


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("llama", {}),
        ("llama", {"dtype": "bfloat16"}),
        ("bert", {}),  # saved without its pooler
        ("gpt2", {}),
        ("t5", {"stack": "decoder"}),
        ("encoder-decoder", {}),
        ("deepseek_v4", {}),  # several states a token, and experts that are made of several tensors of the files
    ],
)
def test_rows_and_fingerprint_are_those_of_all_weights_in_memory(
    kind: str, options: dict[str, Any], tiny: Folder
) -> None:
    whole, spread = load_checkpoint(str(tiny(kind)), device="cpu", **options), placed(tiny(kind), **options)
    assert any(each.device.type == "meta" for each in spread.model.parameters())
    assert (spread.fingerprint, spread.parameters, spread.outline) == (
        whole.fingerprint, whole.parameters, whole.outline
    )  # fmt: skip
    ours, theirs = (rows_of(Extraction(each, WORDS, layers="all")) for each in (spread, whole))
    for layer, rows in theirs.items():
        np.testing.assert_array_equal(ours[layer], rows)
    assert 0 < spread.resident < sum(each.numel() * each.element_size() for each in whole.model.parameters())


def test_weights_are_read_from_their_own_files_and_else_from_a_folder_that_goes(tiny: Folder, tmp_path: Path) -> None:
    safe = placed(tiny("llama"))
    assert safe.placed is not None
    assert list(Path(safe.placed.folder.name).iterdir()) == []
    model = transformers.AutoModel.from_pretrained(tiny("llama"))
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    model.config.save_pretrained(tmp_path)
    pickled = placed(tmp_path, allow_pickle=True, tokenizer=str(tiny("llama")))
    assert pickled.placed is not None
    assert pickled.fingerprint == safe.fingerprint
    folder = Path(pickled.placed.folder.name)
    assert list(folder.iterdir())
    del pickled
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "t5"])
@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_what_is_known_before_loading_is_what_is_loaded(kind: str, stack: str, checkpoint_folder: Folder) -> None:
    if stack == "decoder" and kind != "t5":
        return
    seen: list[Checkpoint | None] = []
    loaded = load_checkpoint(str(checkpoint_folder(kind)), stack=stack, room=lambda sketch: seen.append(sketch()))
    sketch = seen[0]
    assert sketch is not None
    for name in ("parameters", "layers", "hidden_size", "max_positions", "embedded", "architecture"):
        assert getattr(sketch, name) == getattr(loaded, name), name
    assert all(each.device.type == "meta" for each in sketch.model.parameters())


@pytest.mark.parametrize("device_map", [None, "auto"])
def test_memory_that_cannot_do_is_refused_before_weights_are_loaded(
    device_map: str | None, tiny: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(checkpoints, "load_model", loaded)
    folder, asked = str(tiny("bert")), {"texts": WORDS, "max_length": 24, "measures": ["isoscore"]}
    with pytest.raises(GeoscopeError, match="expected --memory of at least"):
        geoscope.measure(folder, memory="1MB", device_map=device_map, **asked)
    with pytest.raises(AssertionError):
        geoscope.measure(folder, memory="2GB", device_map=device_map, **asked)


def test_a_run_keeps_to_its_bound_with_weights_on_disk_and_tells_the_same(
    tmp_path: Path, tiny: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wide"
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=200, hidden_size=128, intermediate_size=1024, num_hidden_layers=24, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=64,
    )  # fmt: skip
    transformers.LlamaModel(config).save_pretrained(folder, max_shard_size="10MB")
    asked: dict[str, Any] = {
        "texts": WORDS, "max_length": 24, "measures": ["isoscore"], "errors": False, "null": "none", "layers": "0,-1",
        "tokenizer": str(tiny("llama")),
    }  # fmt: skip
    said: list[str] = []
    whole = geoscope.measure(str(folder), **asked, announce=said.append)
    needed = parse_size(said[0].split()[2])
    weights = 4 * whole.subject.parameters
    bound = needed - weights // 2
    with pytest.raises(GeoscopeError, match=r"at least .* with --device-map auto .* of it for the model"):
        geoscope.measure(str(folder), memory=bound, **asked)
    taken: list[Checkpoint] = []
    load = checkpoints.load_checkpoint
    monkeypatch.setattr(
        "geoscope.subjects.text_subjects.load_checkpoint",
        lambda *given, **options: taken.append(load(*given, **options)) or taken[-1],
    )
    spread = geoscope.measure(str(folder), memory=bound, device_map="auto", **asked, announce=said.append)
    assert parse_size(said[-1].split()[2]) <= bound + 10**6  # as rounded up
    assert taken[0].resident < weights * 3 // 4
    assert spread.model_dump() == whole.model_dump()


def test_the_embedding_matrix_is_read_from_its_file(tiny: Folder) -> None:
    whole, spread = load_checkpoint(str(tiny("bert")), device="cpu"), placed(tiny("bert"))
    assert spread.model.get_input_embeddings().weight.device.type == "meta"
    ours, theirs = (next(Vocabulary(each, layers="last").batches()).rows[0] for each in (spread, whole))
    np.testing.assert_array_equal(ours, theirs)


def test_what_cannot_be_placed_is_refused(tiny: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GeoscopeError, match=r"expected every weight of .* with --device-map, got .*embed_positions"):
        placed(tiny("marian"), stack="decoder")
    for snapshot, kind in (
        (Snapshot(Path(), None, file="a.gguf"), "a GGUF"),
        (Snapshot(Path(), None, static=True), "s"),
    ):
        with pytest.raises(
            GeoscopeError, match=f"expected a model's own weights with --device-map, got 'x', .* {kind}"
        ):
            placement.placement(snapshot, "x", "cpu", None)
    with pytest.raises(GeoscopeError, match="expected --device auto or cpu with --device-map"):
        placement.placement(Snapshot(Path(), None), "x", "cuda:1", None)
    with pytest.raises(GeoscopeError, match="expected --device-map to be one of auto, got 'balanced'"):
        geoscope.measure(str(tiny("llama")), device_map="balanced")
    with pytest.raises(GeoscopeError, match="expected all weights of 'x' in memory for perturb"):
        placement.refuse_left("x", placed(tiny("llama")).model, "perturb")
    monkeypatch.setattr(placement, "find_spec", lambda name: None)
    with pytest.raises(GeoscopeError, match=r"expected accelerate .*; pip install 'geoscope\[large\]'"):
        placement.placement(Snapshot(Path(), None), "x", "auto", None)


def test_numbers_that_float16_does_not_hold_are_named_by_layer(tiny: Folder, tmp_path: Path) -> None:
    model = transformers.AutoModel.from_pretrained(tiny("llama"))
    model.layers[1].mlp.down_proj.weight.data *= 3e8
    model.save_pretrained(tmp_path)
    asked: dict[str, Any] = {
        "texts": WORDS, "layers": "all", "measures": ["isoscore"], "null": "none", "errors": False,
        "tokenizer": str(tiny("llama")),
    }  # fmt: skip
    assert geoscope.measure(str(tmp_path), dtype="bfloat16", **asked).settings["dtype"] == "bfloat16"
    with pytest.raises(
        GeoscopeError, match=r"got NaN or infinite .* of layer 2 in .*; float16 ends at 65504, so load .*bfloat16"
    ):
        geoscope.measure(str(tmp_path), dtype="float16", **asked)
