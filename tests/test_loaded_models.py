"""Loaded models: what a report says of them is what it says of their folder, and they stay as they were."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tiny_models import build

import geoscope
from geoscope.errors import GeoscopeError

Folder = Callable[[str], Path]
ASKED: dict[str, Any] = {"measures": ["isoscore", "first_position_energy"], "layers": "all"}


def tokenizer_of(folder: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(folder)


def state_of(model: Any) -> dict[str, Any]:
    """All of a model that reading might change."""
    return {
        "modes": [(name, module.training) for name, module in model.named_modules()],
        "wanted": [(name, each.requires_grad, each.dtype, each.device) for name, each in model.named_parameters()],
        "numbers": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "gradients": [None if each.grad is None else each.grad.clone() for each in model.parameters()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        "config": copy.deepcopy(model.config.to_dict()),
        "random": torch.get_rng_state(),
    }


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name in ("modes", "wanted", "hooks", "config"):
        assert one[name] == other[name], name
    assert all(torch.equal(tensor, other["numbers"][name]) for name, tensor in one["numbers"].items())
    pairs = zip(one["gradients"], other["gradients"], strict=True)
    assert all((a is None and b is None) or torch.equal(a, b) for a, b in pairs)
    assert torch.equal(one["random"], other["random"])


@pytest.fixture
def borrowed() -> Iterator[Callable[[Any], Any]]:
    """Hands a model on in training mode with gradients in it, and looks afterwards whether it is as it was."""
    lent: list[tuple[Any, dict[str, Any]]] = []

    def lend(model: Any) -> Any:
        model.train()
        for number, each in enumerate(model.parameters()):
            each.requires_grad_(number % 3 > 0)
            each.grad = torch.full_like(each, 0.5) if number % 3 == 1 else None
        lent.append((model, state_of(model)))
        return model

    yield lend
    for model, before in lent:
        assert_same(before, state_of(model))


CASES = [
    ("bert", "BertModel", {}),
    ("bert", "AutoModel", {"pooling": "mean"}),
    ("gpt2", "GPT2LMHeadModel", {}),
    ("gpt2", "AutoModel", {"before_final_norm": True}),
    ("llama", "AutoModelForCausalLM", {"pooling": "last"}),
    ("llama", "AutoModelForSequenceClassification", {}),
    ("t5", "T5ForConditionalGeneration", {}),
    ("t5", "AutoModel", {"stack": "decoder"}),
    ("t5", "T5ForConditionalGeneration", {"stack": "decoder"}),
    ("t5", "T5EncoderModel", {}),
    ("bert", "AutoModel", {"pooling": "vocabulary", "layers": "last"}),
]


@pytest.mark.parametrize(("kind", "name", "options"), CASES)
def test_a_loaded_model_is_its_folder(
    kind: str,
    name: str,
    options: dict[str, Any],
    checkpoint_folder: Folder,
    borrowed: Callable[[Any], Any],
    texts: tuple[str, ...],
) -> None:
    folder = checkpoint_folder(kind)
    model = borrowed(getattr(transformers, name).from_pretrained(folder))
    read = {} if options.get("pooling") == "vocabulary" else {"texts": list(texts)}
    expected = geoscope.measure(str(folder), **ASKED | read | options)
    found = geoscope.measure(model, tokenizer=tokenizer_of(folder), **ASKED | read | options)
    assert found.to_json() == expected.to_json()
    assert found.subject.name == str(folder)


def test_a_pooler_that_was_made_up_is_not_the_models(
    checkpoint_folder: Folder, texts: tuple[str, ...], tmp_path: Path
) -> None:
    base = transformers.BertModel.from_pretrained(checkpoint_folder("bert"))
    headed = transformers.BertForMaskedLM(base.config)
    headed.bert.load_state_dict({k: v for k, v in base.state_dict().items() if "pooler" not in k})
    headed.save_pretrained(tmp_path)
    tokenizer = tokenizer_of(checkpoint_folder("bert"))
    tokenizer.save_pretrained(tmp_path)
    asked = {"texts": list(texts), "measures": "isoscore"}
    folder = geoscope.measure(str(tmp_path), **asked)
    for kind in (transformers.AutoModel, transformers.BertForMaskedLM):
        loaded = geoscope.measure(kind.from_pretrained(tmp_path), tokenizer=tokenizer_of(tmp_path), **asked)
        assert loaded.to_json() == folder.to_json()


@pytest.mark.parametrize("kind", ["bert", "gpt2", "t5", "llama"])
def test_models_of_the_library_too(kind: str, tmp_path: Path) -> None:
    build(kind, tmp_path)
    asked = {
        "texts": ["the cat sat on the mat", "a dog", "it was the best of times"],
        "measures": "average_cosine_similarity",
        "layers": "all",
    }
    named = {"t5": "T5ForConditionalGeneration", "bert": "BertForMaskedLM"}.get(kind, "AutoModelForCausalLM")
    model = getattr(transformers, named).from_pretrained(tmp_path)
    loaded = geoscope.measure(model, tokenizer=tokenizer_of(tmp_path), **asked)
    assert loaded.to_json() == geoscope.measure(str(tmp_path), **asked).to_json()


def test_a_model_without_a_name_and_in_another_dtype(checkpoint_folder: Folder, texts: tuple[str, ...]) -> None:
    folder = checkpoint_folder("llama")
    saved = transformers.AutoModel.from_pretrained(folder, dtype=torch.bfloat16)
    named = geoscope.measure(str(folder), texts=list(texts), measures="isoscore", dtype="bfloat16")
    made = transformers.AutoModel.from_config(copy.deepcopy(saved.config), dtype=torch.bfloat16)
    made.load_state_dict(saved.state_dict())
    made.name_or_path = made.config.name_or_path = ""
    asked = {"tokenizer": tokenizer_of(folder), "texts": list(texts), "measures": "isoscore"}
    report = geoscope.measure(made, **asked)
    assert report.subject.name == "LlamaModel"
    assert report.settings["dtype"] == "bfloat16"
    assert report.measurements == named.measurements
    assert report.subject.fingerprint == named.subject.fingerprint
    assert report.settings["tokenizer"] == str(folder)  # it is another's by its name
    with pytest.raises(GeoscopeError, match="measured in bfloat16, which it is in, got dtype float32"):
        geoscope.measure(made, dtype="float32", **asked)


def test_compare_extract_and_the_noise_floor_take_them_too(checkpoint_folder: Folder, texts: tuple[str, ...]) -> None:
    folder = checkpoint_folder("bert")
    model, tokenizer = transformers.AutoModel.from_pretrained(folder), tokenizer_of(folder)
    asked: dict[str, Any] = {"texts": list(texts), "tokenizer": tokenizer}
    held = geoscope.extract(model, pooling="mean", **asked)
    saved = geoscope.extract(str(folder), pooling="mean", texts=list(texts))
    assert (held.rows() == saved.rows()).all()
    assert held.settings == saved.settings
    told = geoscope.compare(model, str(folder), measures="isoscore", **asked)
    assert told.difference("isoscore").difference == 0
    floor = geoscope.noise_floor(model, draws=4, measures="average_cosine_similarity", **asked)
    assert floor.subjects[0]["name"] == str(folder)


def test_a_pair_brings_its_tokenizer(checkpoint_folder: Folder, texts: tuple[str, ...]) -> None:
    pairs = [
        (transformers.AutoModel.from_pretrained(checkpoint_folder(kind)), tokenizer_of(checkpoint_folder(kind)))
        for kind in ("bert", "roberta")
    ]
    asked: dict[str, Any] = {"texts": list(texts), "measures": "isoscore"}
    told = geoscope.compare(*pairs, **asked)
    saved = geoscope.compare(*(str(checkpoint_folder(kind)) for kind in ("bert", "roberta")), **asked)
    assert told.to_json() == saved.to_json()
    crossed = geoscope.measure((pairs[0][0], pairs[1][1]), **asked)
    assert crossed.settings["tokenizer"] == str(checkpoint_folder("roberta"))
    with pytest.raises(GeoscopeError, match="expected 1 value without a name, got 2; options are given by"):
        geoscope.measure(*pairs[0], **asked)


def test_the_tokenizer_stays_as_it_was(checkpoint_folder: Folder, texts: tuple[str, ...]) -> None:
    folder = checkpoint_folder("bert")
    tokenizer = tokenizer_of(folder)
    tokenizer.truncation_side = "left"
    before = tokenizer.backend_tokenizer.to_str()
    model = transformers.AutoModel.from_pretrained(folder)
    report = geoscope.measure(model, tokenizer=tokenizer, texts=list(texts), max_length=8, measures="isoscore")
    assert tokenizer.truncation_side == "left"
    assert tokenizer.backend_tokenizer.to_str() == before
    assert (
        report.measurements
        == geoscope.measure(str(folder), texts=list(texts), max_length=8, measures="isoscore").measurements
    )
    other = geoscope.measure(str(folder), tokenizer=tokenizer, texts=list(texts), measures="isoscore")
    assert other.settings["tokenizer"] == str(folder)


def test_training_goes_on_afterwards(checkpoint_folder: Folder, texts: tuple[str, ...]) -> None:
    """What is made while a model reads is of no use to gradients, and must not stay in it."""
    folder = checkpoint_folder("llama")
    model, tokenizer = transformers.AutoModelForCausalLM.from_pretrained(folder).train(), tokenizer_of(folder)
    geoscope.measure(model, tokenizer=tokenizer, texts=list(texts), measures="isoscore")
    ids = torch.tensor([tokenizer(texts[0])["input_ids"]])
    model(input_ids=ids, labels=ids).loss.backward()
    assert all(each.grad is not None for each in model.parameters())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, r"expected a tokenizer beside the loaded model '.*tiny-bert', got none; give tokenizer=AutoTokenizer"),
        ({"tokenizer": 5}, "expected a tokenizer of transformers, or an id or folder of one, got a int"),
        ({"revision": "main"}, "expected no revision with a loaded model, which is there already, got 'main'"),
        ({"device_map": "auto"}, "expected no device_map with a loaded model"),
        ({"groups": [1]}, "expected --groups only with an embeddings file"),
        ({"stack": "decoder"}, "expected an encoder-decoder with --stack decoder, got '.*' .BertModel."),
        ({"pooling": "model"}, r"expected modules\.json, as sentence-transformers writes it"),
    ],
)
def test_what_a_loaded_model_cannot_be_asked(given: dict[str, Any], words: str, checkpoint_folder: Folder) -> None:
    folder = checkpoint_folder("bert")
    model = transformers.AutoModel.from_pretrained(folder)
    known = {} if not given else {"tokenizer": tokenizer_of(folder)}
    with pytest.raises(GeoscopeError, match=words):
        geoscope.measure(model, texts=["w01 w02"], **known | given)


def test_other_modules_are_refused_with_what_is_taken(checkpoint_folder: Folder) -> None:
    model = transformers.AutoModel.from_pretrained(checkpoint_folder("bert"))
    taken = r"expected a loaded transformers model .* or a SentenceTransformer, got a "
    with pytest.raises(GeoscopeError, match=taken + "Linear; save it and name its folder, or give its rows"):
        geoscope.measure(torch.nn.Linear(2, 2))
    with pytest.raises(GeoscopeError, match=taken + "DataParallel; give its module"):
        geoscope.measure(torch.nn.DataParallel(model))
    compiled = torch.nn.Module()  # as torch.compile wraps one
    compiled._orig_mod = model
    with pytest.raises(GeoscopeError, match=taken + "Module; give its _orig_mod"):
        geoscope.measure(compiled)
    for change in (geoscope.perturb, lambda model: geoscope.finetune(model, task="cola", output="runs")):
        with pytest.raises(GeoscopeError, match=r"by its name or folder, got a loaded BertModel; save it and name its"):
            change(model)


@pytest.fixture
def sentence_folder(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    sentence = pytest.importorskip("sentence_transformers")
    modules = sentence.sentence_transformer.modules
    torch.manual_seed(0)
    reader = modules.Transformer(str(checkpoint_folder("bert")), max_seq_length=16)
    steps = [modules.Pooling(32, "mean"), modules.Dense(32, 8), modules.Normalize()]
    made = sentence.SentenceTransformer(
        modules=[reader, *steps], prompts={"query": "w01 "}, default_prompt_name="query", device="cpu"
    )
    made.save(str(tmp_path / "sentence"))
    return tmp_path / "sentence"


@pytest.mark.parametrize("pooling", ["model", "tokens", "mean"])
def test_a_sentence_transformer_is_its_folder(
    pooling: str, sentence_folder: Path, borrowed: Callable[[Any], Any], texts: tuple[str, ...]
) -> None:
    from sentence_transformers import SentenceTransformer

    model, other = (SentenceTransformer(str(sentence_folder), device="cpu") for _ in range(2))
    borrowed(model[0].auto_model)
    asked = {"texts": list(texts), "measures": ["isoscore"], "pooling": pooling}
    expected = geoscope.measure(str(sentence_folder), **asked)
    assert geoscope.measure(model, **asked).to_json() == expected.to_json()
    rows = geoscope.extract(model, texts=list(texts), pooling="model").rows()
    assert rows == pytest.approx(other.encode(list(texts)), abs=1e-6)


def test_static_embeddings_are_their_folder(tmp_path: Path, checkpoint_folder: Folder, texts: tuple[str, ...]) -> None:
    sentence = pytest.importorskip("sentence_transformers")
    tokenizer = tokenizer_of(checkpoint_folder("bert")).backend_tokenizer
    static = sentence.sentence_transformer.modules.StaticEmbedding(tokenizer, embedding_dim=12)
    model = sentence.SentenceTransformer(modules=[static], device="cpu")
    model.save(str(tmp_path / "static"))
    asked = {"texts": list(texts), "measures": ["isoscore"], "pooling": "model"}
    saved, held = geoscope.measure(str(tmp_path / "static"), **asked), geoscope.measure(model, **asked)
    assert held.measurements == saved.measurements
    assert held.subject.fingerprint == saved.subject.fingerprint
    assert held.subject.name == "SentenceTransformer"
