"""What is found out of a checkpoint before it is measured: tokenizers, ids, padding, shapes, modalities."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import geoscope
from geoscope.errors import GeoscopeError
from geoscope.subjects.models.checkpoints import Checkpoint, load_checkpoint
from geoscope.subjects.models.extraction import Extraction
from geoscope.subjects.models.tokenization import batch_sequences

Folder = Callable[[str], Path]
Load = Callable[[str], Checkpoint]
SMALL = {
    "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "initializer_range": 0.2,
}  # fmt: skip


@pytest.fixture
def made(checkpoint_folder: Folder, tmp_path: Path) -> Callable[..., Path]:
    """A folder of a model with the tokenizer of one of the tiny checkpoints."""

    def save(model: Any, tokenizer: str = "bert") -> Path:
        folder = tmp_path / type(model).__name__
        model.save_pretrained(folder)
        for file in checkpoint_folder(tokenizer).glob("tokenizer*"):
            shutil.copy(file, folder)
        return folder

    return save


def without_tokenizer(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to, ignore=shutil.ignore_patterns("tokenizer*", "special*", "vocab*")))


def rows_of(extraction: Extraction) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for batch in extraction.batches():
        for layer, values in batch.rows.items():
            rows = found.setdefault(layer, np.full((len(extraction.index), values.shape[1]), np.nan))
            rows[batch.offsets] = values
    return found


def plain(model: Any, tokenizer: Any, texts: Any) -> list[tuple[Any, Any]]:
    """(every hidden state, the last) of each text read alone."""
    found = []
    for text in texts:
        with torch.no_grad():
            output = model(input_ids=torch.tensor([tokenizer(text)["input_ids"]]), output_hidden_states=True)
        found.append((output.get("hidden_states"), output.last_hidden_state))
    return found


def apart(one: Any, other: Any) -> float:
    """The largest difference of two rows, by the row's norm."""
    return float((np.linalg.norm(one - other, axis=1) / np.linalg.norm(other, axis=1)).max())


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "roberta", "t5"])
def test_a_folder_without_a_tokenizer_is_refused(kind: str, checkpoint_folder: Folder, tmp_path: Path) -> None:
    folder = without_tokenizer(checkpoint_folder(kind), tmp_path / kind)
    with pytest.raises(GeoscopeError, match=r"expected a tokenizer in .*, got none.*--tokenizer ID\|FOLDER gives one$"):
        load_checkpoint(str(folder))


def test_an_unknown_token_that_is_none_is_refused(checkpoint_folder: Folder, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoint_folder("bert"), tmp_path / "bert")
    described = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**described, "unk_token": ""}))
    with pytest.raises(GeoscopeError, match=r"expected the unknown token in the vocabulary of .*bert', got '', which"):
        load_checkpoint(str(folder))


def test_a_tokenizer_that_fails_at_text_is_refused(checkpoint_folder: Folder, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoint_folder("bert"), tmp_path / "bert")
    described = json.loads((folder / "tokenizer.json").read_text())
    described["post_processor"]["special_tokens"] = {}
    (folder / "tokenizer.json").write_text(json.dumps(described))
    with pytest.raises(GeoscopeError, match=r"expected a tokenizer in .*bert' that cuts text, got one that fails at"):
        load_checkpoint(str(folder))


def test_another_tokenizer_is_taken_and_told(checkpoint_folder: Folder, tmp_path: Path, corpus_file: Path) -> None:
    folder = without_tokenizer(checkpoint_folder("bert"), tmp_path / "bare")
    asked: dict[str, Any] = {"corpora": [str(corpus_file)], "measures": ["isoscore"], "max_length": 60}
    own = geoscope.measure(str(checkpoint_folder("bert")), **asked)
    given = geoscope.measure(str(folder), tokenizer=str(checkpoint_folder("bert")), **asked)
    assert own.measurements == given.measurements
    assert given.settings["tokenizer"] == str(checkpoint_folder("bert"))
    assert "tokenizer" not in own.settings
    with pytest.raises(GeoscopeError, match="expected a tokenizer's folder or Hugging Face id after --tokenizer"):
        load_checkpoint(str(folder), tokenizer="./absent")


def test_text_that_the_tokenizer_does_not_know_is_refused(checkpoint: Load) -> None:
    with pytest.raises(GeoscopeError, match=r"got 12 unknown tokens \(\[UNK\]\) of 12; give .* --tokenizer"):
        Extraction(checkpoint("bert"), ["a b c d e f"] * 2, max_length=60)
    Extraction(checkpoint("bert"), ["a b c w01"] * 2, max_length=60)


def test_ids_beyond_the_embedding_table(checkpoint_folder: Folder, tmp_path: Path) -> None:
    """A pad token that was added without resizing is never looked up; one in the text is a sentence."""
    folder = Path(shutil.copytree(checkpoint_folder("gpt2"), tmp_path / "gpt2"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    loaded = load_checkpoint(str(folder))
    texts = ["w01 w02 w03", "w01", "w03 w04"]
    rows = rows_of(Extraction(loaded, texts, max_length=60))
    alone = rows_of(Extraction(loaded, texts, max_length=60, batch_tokens=1))
    assert apart(rows[3], alone[3]) < 1e-5
    with pytest.raises(GeoscopeError, match=r"token ids below 61, .* got 61 \(\[PAD\]\) in the text; resize .*--token"):
        Extraction(loaded, ["w01 [PAD]"], max_length=60)


@pytest.mark.parametrize(
    ("build", "reads"),
    [
        (lambda: transformers.ViTModel(transformers.ViTConfig(**SMALL, image_size=16, patch_size=8)), "images"),
        (lambda: transformers.ASTModel(transformers.ASTConfig(**SMALL, max_length=32, num_mel_bins=16)), "audio"),
    ],
)  # fmt: skip
def test_what_reads_no_text_says_what_it_reads(build: Any, reads: str, made: Any) -> None:
    folder = made(build())
    with pytest.raises(GeoscopeError, match=f"text .*, got .*Model\\), which reads {reads} .*; choose another$"):
        load_checkpoint(str(folder))
    for file in folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(GeoscopeError, match=f"reads text, got .*Model\\), which reads {reads}; choose another$"):
        load_checkpoint(str(folder))


def test_images_and_text(made: Any) -> None:
    text, vision = {**SMALL, "max_position_embeddings": 64}, {**SMALL, "image_size": 16, "patch_size": 8}
    model = transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    with pytest.raises(
        GeoscopeError,
        match=r"\(CLIPModel\), which reads images and text and does not: it asks for pixel_values; choose",
    ):
        load_checkpoint(str(made(model)))


NO_READING = {
    "blip_2_qformer": "reads other inputs and does not: it asks for query_embeds",
    "imagegpt": "reads images and does not: its tokens are colours",
    "pi0": "reads text and does not: it asks for action_embeds",
    "vits": "reads audio and text and does not: it speaks it, and a pass takes as long as what it says",
}


@pytest.mark.parametrize("model_type", NO_READING)
def test_what_takes_token_ids_and_reads_no_text_says_why(model_type: str, tmp_path: Path) -> None:
    from tiny_models import build

    build(model_type, tmp_path / model_type)
    with pytest.raises(GeoscopeError, match=NO_READING[model_type]):
        load_checkpoint(str(tmp_path / model_type))


def test_a_package_that_a_model_needs_is_named(tmp_path: Path) -> None:
    pytest.importorskip("transformers.models.timm_wrapper")
    if find_spec("timm"):
        pytest.skip("timm is there")
    from tiny_models import describe

    describe("timm_wrapper", tmp_path, tokenizer=True)
    with pytest.raises(GeoscopeError, match=r"not installed: .*timm library.*environment; pip install timm$"):
        load_checkpoint(str(tmp_path))


def test_a_text_too_short_for_a_model_is_a_sentence(tmp_path: Path) -> None:
    from tiny_models import build

    build("canine", tmp_path / "canine")
    loaded = load_checkpoint(str(tmp_path / "canine"))
    with pytest.raises(GeoscopeError, match=r"to read 1 texts of 3 tokens, got .*; leave out texts that short"):
        rows_of(Extraction(loaded, ["a"]))


@pytest.fixture
def big_bird(made: Any) -> Path:
    """A BigBird that turns its sparse attention off for good at a text of 44 tokens or fewer."""
    torch.manual_seed(0)
    config = transformers.BigBirdConfig(**SMALL, block_size=4, num_random_blocks=3, max_position_embeddings=128)
    return Path(made(transformers.BigBirdModel(config)))


def test_the_probe_leaves_the_model_as_it_was(big_bird: Path) -> None:
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    loaded = load_checkpoint(str(big_bird))
    assert not loaded.outline.steady
    assert loaded.model.attention_type == "block_sparse"
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert before[2] == random.getstate()
    assert not any(module.training for module in loaded.model.modules())
    fresh = transformers.AutoModel.from_pretrained(big_bird)
    assert vars(fresh.config) == vars(loaded.model.config)
    assert [name for name, _ in fresh.named_modules()] == [name for name, _ in loaded.model.named_modules()]


def test_rows_are_those_of_the_model_as_it_was_saved(big_bird: Path, texts: tuple[str, ...]) -> None:
    """Long texts are read sparsely whatever was read before them; states padded to a block are cut."""
    longer = [" ".join(texts[:4]), " ".join(texts[4:9]), *texts[:5]]
    loaded = load_checkpoint(str(big_bird))
    lengths = [len(loaded.tokenizer(text)["input_ids"]) for text in longer]
    assert max(lengths) > 44
    assert lengths[0] % 4
    extraction = Extraction(loaded, longer, layers="all")
    first, again = rows_of(extraction), rows_of(extraction)
    states = []
    for text in longer:
        model = transformers.AutoModel.from_pretrained(big_bird).eval()
        states.append(plain(model, loaded.tokenizer, [text])[0])
    for layer in range(3):
        expected = [
            (last if layer == 2 else every[layer])[0, :length].numpy()
            for (every, last), length in zip(states, lengths, strict=True)
        ]
        assert apart(first[layer], np.concatenate(expected)) < 1e-5
        assert (first[layer] == again[layer]).all()


def test_where_padding_moves_rows_none_is_padded(made: Any, texts: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    config = transformers.FNetConfig(**{k: v for k, v in SMALL.items() if "heads" not in k}, max_position_embeddings=64)
    loaded = load_checkpoint(str(made(transformers.FNetModel(config))))
    assert not loaded.outline.padding
    extraction = Extraction(loaded, texts, max_length=60)
    assert extraction.padding == 0
    expected = np.concatenate([last[0].numpy() for _, last in plain(loaded.model, loaded.tokenizer, texts)])
    assert apart(rows_of(extraction)[2], expected) < 1e-5


def test_padding_is_tried_on_the_text_itself(
    checkpoint: Load, texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What moves rows in long texts only does not show in the probe's 16 tokens."""
    loaded = checkpoint("bert")
    embed = loaded.model.embeddings.forward

    def moved(*given: Any, **named: Any) -> Any:
        made = embed(*given, **named)
        return made + 0.01 * max(0, made.shape[1] - 16)

    monkeypatch.setattr(loaded.model.embeddings, "forward", moved)
    extraction = Extraction(loaded, texts, max_length=60)
    assert extraction.padding > 0
    rows = rows_of(extraction)
    assert extraction.padding == 0
    expected = np.concatenate([last[0].numpy() for _, last in plain(loaded.model, loaded.tokenizer, texts)])
    assert apart(rows[3], expected) < 1e-5


def test_batches_of_one_length() -> None:
    lengths = np.random.default_rng(0).integers(0, 40, 500)
    batches = batch_sequences(lengths, 4096, alike=True)
    assert sorted(np.concatenate(batches)) == np.flatnonzero(lengths).tolist()
    assert all(len(set(lengths[batch])) == 1 for batch in batches)


def test_what_has_no_state_a_token_before_the_last_is_measured_there(made: Any, texts: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    config = transformers.FunnelConfig(
        vocab_size=64, block_sizes=[1, 1], num_decoder_layers=1, d_model=16, n_head=2, d_head=8, d_inner=32
    )
    loaded = load_checkpoint(str(made(transformers.FunnelModel(config))))
    extraction = Extraction(loaded, texts, layers="all", max_length=60)
    assert extraction.layers == (loaded.layers,)
    assert "in its last layer alone" in extraction.warnings[0]
    expected = np.concatenate([last[0].numpy() for _, last in plain(loaded.model, loaded.tokenizer, texts)])
    assert apart(rows_of(extraction)[loaded.layers], expected) < 1e-5
    with pytest.raises(GeoscopeError, match=f"expected --layers of {loaded.layers}"):
        Extraction(loaded, texts, layers="0", max_length=60)


@pytest.mark.parametrize("kind", ["MambaModel", "RwkvModel"])
def test_layer_0_is_the_embedding_layer(kind: str, made: Any, texts: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    config = {
        "MambaModel": transformers.MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=3, state_size=4),
        "RwkvModel": transformers.RwkvConfig(vocab_size=64, hidden_size=16, num_hidden_layers=3, context_length=64),
    }[kind]
    loaded = load_checkpoint(str(made(getattr(transformers, kind)(config), "gpt2")))
    model = loaded.model
    rows = rows_of(Extraction(loaded, texts[:4], layers="all", max_length=60))
    assert list(rows) == [0, 1, 2, 3]
    ids = torch.tensor([loaded.tokenizer(texts[0])["input_ids"]])
    with torch.no_grad():
        output = model(input_ids=ids, output_hidden_states=True)
        states = [model.get_input_embeddings()(ids), *output.hidden_states[:2], output.last_hidden_state]
    if kind == "RwkvModel":
        states[0] = model.blocks[0].pre_ln(states[0]) * 0 + states[0]
    for layer, state in enumerate(states):
        assert apart(rows[layer][: ids.shape[1]], state[0].numpy()) < 1e-5


def test_before_the_final_norm(checkpoint: Load, texts: tuple[str, ...]) -> None:
    for kind, norm in (("llama", "norm"), ("gpt2", "ln_f"), ("t5", "final_layer_norm")):
        loaded = checkpoint(kind)
        assert loaded.outline.norm == norm
        before = rows_of(Extraction(loaded, texts[:5], max_length=60, before_final_norm=True))[3]
        after = rows_of(Extraction(loaded, texts[:5], max_length=60))[3]
        with torch.no_grad():
            assert apart(loaded.model.get_submodule(norm)(torch.from_numpy(before).float()).numpy(), after) < 1e-5
        assert apart(before, after) > 0.1
    with pytest.raises(GeoscopeError, match="expected a model with a final norm under --before-final-norm, got"):
        Extraction(checkpoint("bert"), texts[:5], max_length=60, before_final_norm=True)


def test_it_is_told_and_held_apart(checkpoint_folder: Folder, corpus_file: Path) -> None:
    asked: dict[str, Any] = {"corpora": [str(corpus_file)], "measures": ["isoscore"], "max_length": 60}
    folder = str(checkpoint_folder("llama"))
    before = geoscope.measure(folder, before_final_norm=True, **asked)
    assert before.settings["before_final_norm"] is True
    with pytest.raises(GeoscopeError, match="before_final_norm"):
        geoscope.compare(before, geoscope.measure(folder, **asked))


def test_the_probe_is_short(checkpoint_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    forward = transformers.BertModel.forward

    def counted(self: Any, *given: Any, **named: Any) -> Any:
        read.append(named["input_ids"].numel())
        return forward(self, *given, **named)

    monkeypatch.setattr(transformers.BertModel, "forward", counted)
    load_checkpoint(str(checkpoint_folder("bert")))
    assert len(read) <= 10
    assert max(read) <= 16


def test_the_default_length_is_what_the_model_reads(checkpoint: Load, checkpoint_folder: Folder) -> None:
    assert Extraction(checkpoint("bert"), ["w01 " * 200]).longest == 64
    assert Extraction(checkpoint("t5"), ["w01 " * 200]).longest == 128
    with pytest.raises(GeoscopeError, match="at most 64"):
        Extraction(checkpoint("bert"), ["w01"], max_length=128)


def test_weights_that_are_never_saved(made: Any, texts: tuple[str, ...]) -> None:
    """Marian's sinusoids are fixed and in no file; a weight of another kind that is missing is refused."""
    torch.manual_seed(0)
    config = transformers.MarianConfig(
        vocab_size=64, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, pad_token_id=0, max_position_embeddings=64,
    )  # fmt: skip
    folder = made(transformers.MarianMTModel(config))
    loaded = load_checkpoint(str(folder))
    again = load_checkpoint(str(folder))
    assert loaded.fingerprint == again.fingerprint
    rows = rows_of(Extraction(loaded, texts, max_length=60))[2]
    model = transformers.MarianMTModel.from_pretrained(folder).eval().get_encoder()
    expected = np.concatenate([last[0].numpy() for _, last in plain(model, loaded.tokenizer, texts)])
    assert apart(rows, expected) < 1e-5


def test_a_model_that_fails_on_the_text_says_so(
    checkpoint: Load, texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = checkpoint("bert")

    def fail(*given: Any, **named: Any) -> Any:
        raise KeyError("chunk")

    monkeypatch.setattr(loaded.model, "forward", fail)
    with pytest.raises(GeoscopeError, match=r"to read \d+ texts of \d+ tokens, got KeyError: 'chunk'; try a smaller"):
        rows_of(Extraction(loaded, texts, max_length=60))


def test_config_and_outline_are_apart(checkpoint: Load) -> None:
    """A perturbed or copied model is read by the same outline, which names modules and holds none."""
    outline = checkpoint("bert").outline
    assert json.loads(json.dumps(vars(outline)))["last"] == 3
    assert copy.deepcopy(outline) == outline


def test_several_states_a_token_are_made_one_and_that_is_told(tmp_path: Path) -> None:
    from tiny_models import build, lines

    build("hy_v4", tmp_path / "streams")
    report = geoscope.measure(
        str(tmp_path / "streams"),
        texts=list(lines())[:6],
        layers="all",
        measures=["isoscore"],
        errors=False,
        null="none",
    )
    assert [row.layer for row in report.measurements] == [0, 1, 2]
    assert report.settings["streams"] == "made one as after the last block"
