"""`--pooling vocabulary`: the input embedding matrix as rows; static embeddings: folders that are one such matrix."""

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
from safetensors.torch import load_file, save_file

import geoscope
from geoscope.documents.reports import facts
from geoscope.errors import GeoscopeError
from geoscope.finetuning.prepared_tasks import Lesson
from geoscope.report import Report
from geoscope.settings.told import options_told
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.subjects.models.checkpoints import load_checkpoint
from geoscope.subjects.models.vocabulary import _UNUSED as UNUSED
from geoscope.subjects.opening import opened

Folder = Callable[[str], Path]
VOCABULARY: dict[str, Any] = {"pooling": "vocabulary", "device": "cpu"}
TABLE = np.random.default_rng(0).standard_normal((20, 8)).astype("float32")


@pytest.fixture
def widened(checkpoint_folder: Folder, tmp_path: Path) -> tuple[Path, Any]:
    """A tiny BERT with two unused tokens and five rows of padding in its matrix, and the matrix."""
    folder = Path(shutil.copytree(checkpoint_folder("bert"), tmp_path / "widened"))
    path = folder / "tokenizer.json"
    path.write_text(
        path.read_text().replace('"w10"', '"[unused10]"').replace('"w11"', '"<|reserved_special_token_3|>"')
    )
    weights = load_file(folder / "model.safetensors")
    table = torch.randn((69, 32), generator=torch.Generator().manual_seed(0))
    save_file(weights | {"embeddings.word_embeddings.weight": table}, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 69}))
    return folder, table.numpy()


def test_rows_are_the_matrix_but_for_what_is_no_word(widened: tuple[Path, Any]) -> None:
    folder, table = widened
    kept = [number for number in range(4, 64) if number not in (14, 15)]
    held = geoscope.extract(str(folder), **VOCABULARY)
    assert held.layers == (0,)
    np.testing.assert_array_equal(held.rows(0), table[kept])
    np.testing.assert_array_equal(held.index.token_ids, kept)
    assert set(held.index.positions) == {-1}
    assert held.sample["left_out"] == {"special": 4, "unused": 2, "padding": 5}
    report = geoscope.measure(str(folder), measures=["isoscore", "first_position_energy"], null="none", **VOCABULARY)
    assert report.value("isoscore") == pytest.approx(geoscope.measures.isoscore(table[kept]), rel=1e-12)
    assert report.value("first_position_energy") is None
    assert report.sample.model_dump()["left_out"] == {"special": 4, "unused": 2, "padding": 5}
    assert (report.sample.rows, report.sample.pooling, report.sample.corpora) == (58, "vocabulary", [])
    assert "58 rows, 58 points, a token each, left out: 4 special, 2 unused, 5 padding, pooling" in facts(report)
    assert Report.from_json(report.to_json()) == report
    again = geoscope.measure(held, measures=["isoscore", "first_position_energy"], null="none")
    assert [row.value for row in again.measurements] == [row.value for row in report.measurements]
    assert options_told(report, {}, text=True)["pooling"] == "vocabulary"
    compared = geoscope.compare(report, str(folder))
    assert {row.verdict for row in compared.differences if row.measure == "isoscore"} == {"same"}


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "roberta", "t5"])
def test_every_architecture_has_one(architecture: str, checkpoint_folder: Folder) -> None:
    found = opened(str(checkpoint_folder(architecture)), VOCABULARY)
    (batch,) = found.source.batches()
    assert batch.rows[0].shape == (60, 32)
    special = 1 if architecture == "gpt2" else {"llama": 3, "roberta": 4, "t5": 3}[architecture]
    assert found.sample["left_out"] == {"special": special, "unused": 0, "padding": 0}
    assert found.subject["layers"] == 3
    assert found.sample["fingerprint"].startswith("sha256:")


@pytest.mark.parametrize(
    ("token", "unused"),
    [
        ("[unused0]", True), ("[unused993]", True), ("<unused12>", True), ("<extra_id_99>", True),
        ("<|reserved_special_token_7|>", True), ("madeupword0001", True), ("[PAD151669]", True), ("unused", False),
        ("[CLS]", False), ("word10", False), ("<0x0A>", False), ("reserved", False), ("[", False),
    ],
)  # fmt: skip
def test_what_is_unused_says_so(token: str, unused: bool) -> None:
    assert bool(UNUSED.match(token)) is unused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"corpora": ["sample"]}, "expected no --corpus with --pooling vocabulary, which reads no text"),
        ({"texts": ["a"]}, "expected no texts with"),
        ({"words": "4-49"}, "expected no --words with"),
        ({"sequences": 10}, "expected no --sequences with"),
        ({"max_length": 32}, "expected no --max-length with"),
        ({"tokens": "types"}, "expected no --tokens with"),
        ({"protocol": "marbut2024"}, "expected no --protocol with"),
        ({"layers": "3"}, "expected --layers of 0 to 0, .* got 3"),
        ({"layers": "union"}, "all but the embedding layer, got no other"),
    ],
)
def test_what_chooses_text_is_refused(options: dict[str, Any], words: str, checkpoint_folder: Folder) -> None:
    with pytest.raises(GeoscopeError, match=words):
        opened(str(checkpoint_folder("bert")), {**VOCABULARY, **options})


def test_a_model_without_such_a_matrix_is_a_sentence(
    checkpoint: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from geoscope.subjects.models.vocabulary import Vocabulary

    monkeypatch.setattr(type(checkpoint("bert").model), "get_input_embeddings", lambda self: None)
    with pytest.raises(GeoscopeError, match=r"one vector a token .*\(BertModel\), which embeds tokens in another way"):
        Vocabulary(checkpoint("bert"), layers="last")


def _static(folder: Path, tensors: dict[str, Any], **config: Any) -> Path:
    """A folder of static embeddings of 20 tokens, the first two special."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

    words = {"[PAD]": 0, "[UNK]": 1} | {f"w{number:02d}": number for number in range(2, 20)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.add_special_tokens([AddedToken("[PAD]", special=True), AddedToken("[UNK]", special=True)])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="[PAD] $A", special_tokens=[("[PAD]", 0)])
    tokenizer.enable_truncation(2)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in tensors.items()},
              folder / "model.safetensors")  # fmt: skip
    if config:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def _modules(folder: Path, *modules: tuple[str, str]) -> Path:
    listed = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in modules]
    (folder / "modules.json").write_text(json.dumps(listed))
    return folder


MAPPING = np.array([0, 1, *([2, 3] * 9)])
WEIGHTS = np.linspace(0.5, 2, 20)
MODEL2VEC = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True}
LAYOUTS: list[tuple[dict[str, Any], Any]] = [
    ({"embeddings": TABLE}, TABLE),
    ({"embedding.weight": TABLE.astype("float16")}, TABLE.astype("float16")),
    ({"embeddings": TABLE[:4], "mapping": MAPPING, "weights": WEIGHTS}, TABLE[MAPPING] * WEIGHTS[:, None]),
]


@pytest.mark.parametrize(("tensors", "table"), LAYOUTS)
def test_a_static_folder_is_measured_as_its_matrix(tensors: dict[str, Any], table: Any, tmp_path: Path) -> None:
    for folder in (
        _static(tmp_path / "model2vec", tensors, **MODEL2VEC),
        _modules(_static(tmp_path / "static", tensors), ("StaticEmbedding", ".")),
        _modules(
            _static(tmp_path / "older" / "0_StaticEmbedding", tensors).parent, ("StaticEmbedding", "0_StaticEmbedding")
        ),
    ):
        assert kind_of(folder) is Kind.TEXT
        found = opened(str(folder), VOCABULARY)
        (batch,) = found.source.batches()
        np.testing.assert_allclose(batch.rows[0], table[2:], rtol=1e-6)
        assert found.sample["left_out"] == {"special": 2, "unused": 0, "padding": 0}
        assert (found.subject["layers"], found.subject["architecture"]) == (0, "StaticModel")
        assert (found.subject["parameters"], found.subject["hidden_size"]) == (160, 8)


def test_a_static_folder_reads_text_too(tmp_path: Path) -> None:
    folder = _modules(
        _static(tmp_path / "static", {"embedding.weight": TABLE}), ("StaticEmbedding", "."), ("Normalize", "1")
    )
    text = "w02 w03 w03 " * 60 + "w19 nothing"
    rows = geoscope.extract(str(folder), corpora=[[text]], device="cpu", max_length=1000).rows()
    np.testing.assert_array_equal(rows, TABLE[[2, 3, 3] * 60 + [19, 1]])
    whole = geoscope.extract(str(folder), corpora=[[text]], device="cpu", pooling="model")
    mean = TABLE[[2, 3, 3] * 60 + [19, 1]].mean(0)
    np.testing.assert_allclose(whole.rows(), [mean / np.linalg.norm(mean)], rtol=1e-5)
    assert whole.sample["max_length"] is None
    task: Any = SimpleNamespace(kind="classification", outputs=2, name="stars")
    with pytest.raises(GeoscopeError, match="static embeddings, which have no layers to train"):
        Lesson(task, load_checkpoint(str(folder)), 32, "cpu").model()


@pytest.mark.parametrize(
    ("tensors", "removed", "words"),
    [
        (
            {"embeddings": TABLE},
            "model.safetensors",
            "expected model.safetensors of the static embeddings .*, got none",
        ),
        ({"embeddings": TABLE}, "tokenizer.json", "expected tokenizer.json of the static embeddings .*, got none"),
        ({"other": TABLE}, None, "a table of token vectors called embeddings or embedding.weight in .*, got other"),
        ({"embeddings": TABLE[0]}, None, "a table of token vectors called"),
    ],
)
def test_a_static_folder_that_lacks_something_is_a_sentence(
    tensors: dict[str, Any], removed: str | None, words: str, tmp_path: Path
) -> None:
    folder = _static(tmp_path / "static", tensors, **MODEL2VEC)
    if removed is not None:
        (folder / removed).unlink()
    with pytest.raises(GeoscopeError, match=words):
        load_checkpoint(str(folder))


def test_a_broken_static_file_is_a_sentence(tmp_path: Path) -> None:
    folder = _static(tmp_path / "static", {"embeddings": TABLE}, **MODEL2VEC)
    (folder / "tokenizer.json").write_text('{"model": {}}')
    with pytest.raises(GeoscopeError, match=r"expected a tokenizer in .*tokenizer\.json, got one that cannot be read"):
        load_checkpoint(str(folder))
    (folder / "model.safetensors").write_bytes(b"short")
    with pytest.raises(GeoscopeError, match="got a file that cannot be read"):
        load_checkpoint(str(folder))
