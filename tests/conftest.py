"""Tiny checkpoints of five architectures, randomly initialised from configurations, with tokenizers built here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, and that is no failure.
settings.register_profile("geoscope", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("geoscope")

_WORDS = tuple(f"w{number:02d}" for number in range(60))
_SPECIAL = {
    "bert": ("[PAD]", "[UNK]", "[CLS]", "[SEP]"),
    "gpt2": ("<|endoftext|>",),
    "llama": ("<unk>", "<s>", "</s>"),
    "roberta": ("<s>", "<pad>", "</s>", "<unk>"),
    "t5": ("<pad>", "</s>", "<unk>"),
}
_TEMPLATE = {
    "bert": ("[CLS]", "[SEP]"),
    "gpt2": (None, None),
    "llama": ("<s>", None),
    "roberta": ("<s>", "</s>"),
    "t5": (None, "</s>"),
}


def _tokenizer(kind: str) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = _SPECIAL[kind]
    vocabulary = {word: number for number, word in enumerate((*special, *_WORDS))}
    unknown = next((token for token in special if "unk" in token.lower()), special[0])
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    begin, end = _TEMPLATE[kind]
    used = [token for token in (begin, end) if token]
    if used:
        single = " ".join(part for part in (begin, "$A", end) if part)
        tokenizer.post_processor = processors.TemplateProcessing(
            single=single, special_tokens=[(token, vocabulary[token]) for token in used]
        )
    names: dict[str, str] = {"unk_token": unknown}
    if begin:
        names["cls_token" if end else "bos_token"] = begin
    if end or kind in ("gpt2", "llama"):
        names["sep_token" if kind == "bert" else "eos_token"] = end or special[-1]
    if any("pad" in token.lower() for token in special):
        names["pad_token"] = next(token for token in special if "pad" in token.lower())
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def _model(kind: str, vocabulary: int) -> Any:
    import transformers

    small: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "initializer_range": 0.2,  # states that differ by far more than rounding
    }
    if kind == "bert":
        return transformers.BertModel(transformers.BertConfig(**small, max_position_embeddings=64))
    if kind == "roberta":
        return transformers.RobertaModel(
            transformers.RobertaConfig(**small, max_position_embeddings=66, pad_token_id=1)
        )
    if kind == "llama":
        return transformers.LlamaModel(
            transformers.LlamaConfig(**small, num_key_value_heads=2, max_position_embeddings=64)
        )
    if kind == "gpt2":
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=vocabulary, n_positions=64, n_embd=32, n_layer=3, n_head=4, initializer_range=0.2
            )
        )
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=vocabulary, d_model=32, d_kv=8, d_ff=64, num_layers=3, num_heads=4,
            pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
        )
    )  # fmt: skip


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint (bert, gpt2, llama, roberta, t5), made once a session."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            import torch
            from transformers.utils import logging

            logging.disable_progress_bar()
            torch.manual_seed(0)
            made[kind] = tmp_path_factory.mktemp("checkpoints") / f"tiny-{kind}"
            tokenizer = _tokenizer(kind)
            tokenizer.save_pretrained(made[kind])
            _model(kind, len(tokenizer)).save_pretrained(made[kind])
        return made[kind]

    return folder


@pytest.fixture(scope="session")
def checkpoint(checkpoint_folder: Callable[[str], Path]) -> Callable[[str], Any]:
    """A loaded tiny checkpoint, loaded once a session."""
    from geoscope.subjects.models.checkpoints import Checkpoint, load_checkpoint

    loaded: dict[str, Checkpoint] = {}

    def load(kind: str) -> Checkpoint:
        if kind not in loaded:
            loaded[kind] = load_checkpoint(str(checkpoint_folder(kind)), device="cpu")
        return loaded[kind]

    return load


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "elsewhere" in metafunc.fixturenames:
        from pretended_device import KINDS

        metafunc.parametrize("elsewhere", KINDS, indirect=True)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    """Another device than the CPU: the pretended one, and CUDA where there is one."""
    from pretended_device import elsewhere_of

    with elsewhere_of(request.param) as device:
        yield device


@pytest.fixture(scope="session")
def texts() -> tuple[str, ...]:
    """40 seeded sequences of 1 to 30 words."""
    rng = np.random.default_rng(0)
    return tuple(" ".join(rng.choice(_WORDS, rng.integers(1, 31))) for _ in range(40))


@pytest.fixture
def corpus_file(tmp_path: Path, texts: tuple[str, ...]) -> Path:
    """The same sequences as a plain text file."""
    path = tmp_path / "words.txt"
    path.write_text("\n".join(texts) + "\n")
    return path


@pytest.fixture(scope="module")
def one_thread():
    """torch with one thread: tiny models train no faster with more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
