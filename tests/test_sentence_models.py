"""`--pooling model`: rows as a sentence-transformers folder says, against its formulas written out in numpy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import geoscope
from geoscope.errors import GeoscopeError
from geoscope.subjects.checkpoint_files.folders import wanted_files
from geoscope.subjects.kinds import Kind, kind_of
from geoscope.subjects.opening import opened

Folder = Callable[[str], Path]
TEXTS = ("w01 w02 w03 w04 w05", "w06", "w07 w08 w09", "W10 w11")
OLD, NEW = "sentence_transformers.models.", "sentence_transformers.sentence_transformer.modules."
_DRAWN = np.random.default_rng(0)
WEIGHT, BIAS = _DRAWN.standard_normal((16, 32)).astype("float32"), _DRAWN.standard_normal(16).astype("float32")


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _sentence_folder(
    folder: Path, base: Path, modules: list[tuple[str, str]], pooling: dict[str, Any], *, transformer: str = ""
) -> Path:
    """A folder of a tiny checkpoint, the modules (type, path) and the configuration of the first Pooling."""
    shutil.copytree(base, folder / transformer, dirs_exist_ok=True)
    listed = [
        {"idx": number, "name": str(number), "type": kind, "path": path} for number, (kind, path) in enumerate(modules)
    ]
    _write(folder / "modules.json", listed)
    for kind, path in modules:
        if kind.endswith("Pooling"):
            _write(folder / path / "config.json", pooling)
    return folder


def _rows(folder: Path, **options: Any) -> Any:
    asked = {"corpora": [list(TEXTS)], "pooling": "model", "device": "cpu", **options}
    return np.array(geoscope.extract(str(folder), **asked).rows())


def _states(base: Path, texts: tuple[str, ...] = TEXTS, **options: Any) -> list[Any]:
    """The last layer of each text, (T, d)."""
    held = geoscope.extract(str(base), corpora=[list(texts)], **{"max_length": 64, "device": "cpu", **options})
    rows = np.asarray(held.rows(), dtype="float64")
    return [rows[held.index.sequences == number] for number in range(len(texts))]


PLAIN: dict[str, Callable[[Any], Any]] = {
    "cls": lambda states: states[0],
    "lasttoken": lambda states: states[-1],
    "max": lambda states: states.max(0),
    "mean": lambda states: states.mean(0),
    "mean_sqrt_len_tokens": lambda states: states.sum(0) / len(states) ** 0.5,
    "weightedmean": lambda states: np.average(states, axis=0, weights=np.arange(1, len(states) + 1)),
}


@pytest.mark.parametrize("mode", PLAIN)
def test_a_mode_of_pooling_is_its_formula(mode: str, checkpoint_folder: Folder, tmp_path: Path) -> None:
    base = checkpoint_folder("bert")
    modules = [(f"{OLD}Transformer", ""), (f"{OLD}Pooling", "1_Pooling")]
    old = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "weightedmean": "weightedmean_tokens"}
    flags = {f"pooling_mode_{old.get(each, each)}": each == mode for each in PLAIN}
    expected = np.stack([PLAIN[mode](states) for states in _states(base)])
    for place, pooling in enumerate((flags, {"pooling_mode": mode})):
        folder = _sentence_folder(tmp_path / str(place), base, modules, pooling)
        np.testing.assert_allclose(_rows(folder), expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_modes_stand_side_by_side(checkpoint_folder: Folder, tmp_path: Path) -> None:
    base = checkpoint_folder("llama")
    modules = [(f"{NEW}Transformer", ""), (f"{NEW}Pooling", "1_Pooling")]
    folder = _sentence_folder(tmp_path / "several", base, modules, {"pooling_mode": ["lasttoken", "mean"]})
    rows = _rows(folder)
    assert rows.shape == (4, 64)
    np.testing.assert_allclose(rows[:, :32], [states[-1] for states in _states(base)], atol=1e-5)
    found = opened(str(folder), {"corpora": [list(TEXTS)], "pooling": "model", "device": "cpu"})
    assert found.subject["hidden_size"] == 64
    assert found.read_with == {"sentence_model": {"pooling": ["lasttoken", "mean"], "then": []}}
    assert not found.token_positions


@pytest.fixture
def dense(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    """A folder in the older layout whose rows pass through Dense, LayerNorm and Normalize."""
    kinds = ["0_Transformer", "1_Pooling", "2_Dense", "3_Dropout", "4_LayerNorm", "5_Normalize"]
    modules = [(OLD + kind[2:], kind) for kind in kinds]
    folder = _sentence_folder(
        tmp_path / "dense", checkpoint_folder("bert"), modules, {"pooling_mode_mean_tokens": True},
        transformer="0_Transformer",
    )  # fmt: skip
    _write(folder / "2_Dense" / "config.json", {"activation_function": "torch.nn.modules.activation.ReLU"})
    _write(folder / "4_LayerNorm" / "config.json", {"dimension": 16})
    save_file(
        {"linear.weight": torch.from_numpy(WEIGHT), "linear.bias": torch.from_numpy(BIAS)},
        folder / "2_Dense" / "model.safetensors",
    )
    save_file(
        {"norm.weight": torch.from_numpy(BIAS), "norm.bias": torch.from_numpy(BIAS[::-1].copy())},
        folder / "4_LayerNorm" / "model.safetensors",
    )
    return folder


def test_rows_pass_through_every_module(dense: Path, checkpoint_folder: Folder) -> None:
    pooled = np.stack([states.mean(0) for states in _states(checkpoint_folder("bert"))])
    after = np.maximum(pooled @ WEIGHT.T + BIAS, 0)
    scaled = (after - after.mean(1, keepdims=True)) / np.sqrt(after.var(1, keepdims=True) + 1e-5)
    expected = scaled * BIAS + BIAS[::-1]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert kind_of(dense) is Kind.TEXT
    np.testing.assert_allclose(_rows(dense), expected, atol=2e-6)
    report = geoscope.measure(
        str(dense), corpora=[list(TEXTS)], pooling="model", measures=["average_cosine_similarity"], errors=False,
        null="none",
    )  # fmt: skip
    cosines = (expected @ expected.T)[np.triu_indices(4, 1)]
    assert report.value("average_cosine_similarity") == pytest.approx(cosines.mean(), abs=1e-6)
    assert report.settings["sentence_model"]["then"] == ["Dense 32 to 16, ReLU", "LayerNorm", "Normalize"]
    assert report.subject.hidden_size == 16
    tokens = geoscope.extract(str(dense), corpora=[list(TEXTS)], max_length=64)
    np.testing.assert_array_equal(tokens.rows(), np.concatenate(_states(checkpoint_folder("bert"))).astype("float32"))


@pytest.fixture
def plain(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    """A folder of mean pooling."""
    modules = [(f"{OLD}Transformer", ""), (f"{OLD}Pooling", "1_Pooling")]
    return _sentence_folder(tmp_path / "plain", checkpoint_folder("bert"), modules, {"pooling_mode": "mean"})


def test_the_length_is_the_folders(plain: Path, checkpoint_folder: Folder) -> None:
    _write(plain / "sentence_bert_config.json", {"max_seq_length": 4, "do_lower_case": True})
    short = np.stack([states.mean(0) for states in _states(checkpoint_folder("bert"), max_length=4)])
    assert not np.allclose(short[0], _states(checkpoint_folder("bert"))[0].mean(0), atol=1e-3)
    np.testing.assert_allclose(_rows(plain)[:3], short[:3], atol=1e-6)
    lower = _states(checkpoint_folder("bert"), ("w10 w11",), max_length=4)[0].mean(0)
    np.testing.assert_allclose(_rows(plain)[3], lower, atol=1e-6)
    assert opened(str(plain), {"corpora": [list(TEXTS)], "pooling": "model"}).sample["max_length"] == 4
    shorter = opened(str(plain), {"corpora": [list(TEXTS)], "pooling": "model", "max_length": 3})
    assert shorter.sample["max_length"] == 3
    longer = opened(str(plain), {"corpora": [list(TEXTS)], "pooling": "model", "max_length": 99})
    assert longer.sample["max_length"] == 4


@pytest.mark.parametrize("pooled", [True, False])
def test_the_default_prompt_stands_before_every_text(pooled: bool, plain: Path, checkpoint_folder: Folder) -> None:
    prompts = {"query": "w20 w21 ", "document": ""}
    _write(plain / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": "query"})
    _write(plain / "1_Pooling" / "config.json", {"pooling_mode": "mean", "include_prompt": pooled})
    states = _states(checkpoint_folder("bert"), tuple(f"w20 w21 {text}" for text in TEXTS))
    np.testing.assert_allclose(_rows(plain), [each[0 if pooled else 3 :].mean(0) for each in states], atol=1e-6)
    told = opened(str(plain), {"corpora": [list(TEXTS)], "pooling": "model"}).read_with["sentence_model"]
    assert told == {"pooling": ["mean"], "then": [], "prompt": "w20 w21 ", "prompt_pooled": pooled}


def test_prompts_without_a_default_are_told_of(plain: Path) -> None:
    _write(plain / "config_sentence_transformers.json", {"prompts": {"query": "w20 ", "passage": "w21 "}})
    with pytest.warns(UserWarning, match="has prompts for query, passage and none by default; text is read without"):
        _rows(plain)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("modules.json", {}, r"one list of JSON in .*modules\.json, got a dict"),
        ("modules.json", [{"type": "x.Y", "path": "../up"}], r"names inside .*, got '\.\./up'"),
        ("modules.json", [{"type": f"{OLD}WordEmbeddings"}], "as the first module .*, got WordEmbeddings"),
        ("modules.json", [{"type": f"{OLD}Transformer"}], "expected Pooling after .*, got no module"),
        (
            "modules.json",
            [{"type": f"{OLD}Transformer"}, {"type": f"{OLD}Dense"}],
            "Pooling after the transformer .*, got the module Dense",
        ),
        (
            "modules.json",
            [
                {"type": f"{OLD}Transformer"},
                {"type": f"{OLD}Pooling", "path": "1_Pooling"},
                {"type": "own_code.Whiten", "path": "2"},
            ],
            r"expected Dense, LayerNorm, Normalize after pooling, got the module own_code\.Whiten",
        ),
        ("1_Pooling/config.json", {"pooling_mode": "median"}, "expected a pooling_mode of cls, .*, got 'median'"),
        ("config_sentence_transformers.json", {"default_prompt_name": "query"}, r"prompts \(none\), got 'query'"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(file: str, content: Any, words: str, plain: Path) -> None:
    _write(plain / file, content)
    with pytest.raises(GeoscopeError, match=words):
        _rows(plain)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation_function": "os.system"}, "an activation function of torch.nn, got 'os.system'"),
        ({"module_input_name": "token_embeddings"}, "Dense of the sentence's row, got one of token_embeddings"),
        (None, r"expected model\.safetensors in .*2_Dense, got only pytorch_model\.bin, .*--allow-pickle"),
        ("narrow", "expected rows of 31 dimensions before Dense 31 to 16, Tanh, got 32"),
        ("other", r"expected 'linear\.weight' among the weights of Dense"),
    ],
)
def test_a_dense_module_that_does_not_fit_is_a_sentence(change: Any, words: str, dense: Path) -> None:
    weights = dense / "2_Dense" / "model.safetensors"
    if change is None:
        weights.unlink()
        torch.save({"linear.weight": torch.from_numpy(WEIGHT)}, dense / "2_Dense" / "pytorch_model.bin")
    elif isinstance(change, str):
        _write(dense / "2_Dense" / "config.json", {})
        key = "linear.weight" if change == "narrow" else "weight"
        save_file({key: torch.from_numpy(WEIGHT[:, :31].copy())}, weights)
    else:
        _write(dense / "2_Dense" / "config.json", change)
    with pytest.raises(GeoscopeError, match=words):
        _rows(dense)


def test_only_the_last_layer_and_only_such_a_folder(plain: Path, checkpoint_folder: Folder) -> None:
    with pytest.raises(GeoscopeError, match=r"the last layer with --pooling model, .* got 0, 3; leave --layers out"):
        _rows(plain, layers="0,-1")
    with pytest.raises(GeoscopeError, match=r"expected modules\.json, .* for --pooling model, got none"):
        _rows(checkpoint_folder("bert"))


def test_what_is_fetched_of_the_hub() -> None:
    names = [
        "modules.json", "config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx", "tokenizer.json",
        "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/pytorch_model.bin", "openvino/openvino_model.bin",
    ]  # fmt: skip
    read = {"modules.json", "config.json", "model.safetensors", "tokenizer.json", *names[6:8]}
    assert set(wanted_files(names, subject="org/x", code=False, allow_pickle=False)) == read
    assert set(wanted_files(names, subject="org/x", code=False, allow_pickle=True)) == read | {names[8]}
