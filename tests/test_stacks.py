"""The decoder of an encoder-decoder: each layer as a plain loop has it, told in the report, refused without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from architectures import SAME, apart, plain_loop, rows_of, texts
from tiny_models import build

import geoscope
from geoscope.errors import GeoscopeError, NotComparable
from geoscope.subjects.checkpoints import load_checkpoint
from geoscope.subjects.extraction import Extraction

Folder = Callable[[str], Path]


@pytest.mark.parametrize("kind", ["t5", "bart", "marian", "encoder-decoder", "prophetnet"])
def test_every_layer_of_a_decoder_equals_a_plain_loop(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / kind
    build(kind, folder)
    loaded, first = load_checkpoint(str(folder), stack="decoder"), load_checkpoint(str(folder))
    extraction = Extraction(loaded, texts(), layers="all")
    rows = rows_of(extraction)
    expected = plain_loop(kind, folder, extraction.layers, loaded.layers, extraction.max_length, stack="decoder")
    alone = rows_of(Extraction(loaded, texts(), layers="all", batch_tokens=1))
    assert list(rows) == [0, 1, 2]
    assert extraction.padding > 0
    for layer, values in rows.items():
        assert apart(values, expected[layer]) < SAME
        assert apart(values, alone[layer]) < SAME
    assert loaded.kind == first.kind == "encoder-decoder"
    assert loaded.fingerprint != first.fingerprint  # its rows depend on both halves
    assert loaded.parameters > first.parameters
    assert apart(rows[2], rows_of(Extraction(first, texts()))[2]) > 100 * SAME


def test_a_decoder_reads_what_comes_before_and_the_whole_text_by_its_encoder(tmp_path: Path) -> None:
    build("bart", tmp_path)
    loaded = load_checkpoint(str(tmp_path), stack="decoder")
    one, other = (rows_of(Extraction(loaded, [text], layers="0,1")) for text in ("the bank said", "the bank sank"))
    same = len(loaded.tokenizer("the bank s")["input_ids"]) - 2
    np.testing.assert_array_equal(one[0][:same], other[0][:same])
    assert (np.abs(one[1][:same] - other[1][:same]).max(axis=1) > 0).all()


def test_the_report_tells_it_and_is_held_apart(checkpoint_folder: Folder, texts: tuple[str, ...]) -> None:
    folder, asked = str(checkpoint_folder("t5")), {"texts": list(texts), "measures": ["isoscore"], "null": "none"}
    encoder, decoder = geoscope.measure(folder, **asked), geoscope.measure(folder, stack="decoder", **asked)
    assert "stack" not in encoder.settings
    assert decoder.settings["stack"] == "decoder"
    assert geoscope.measure(folder, stack="encoder", **asked).model_dump() == encoder.model_dump()
    with pytest.raises(NotComparable, match=r"stack \(none and decoder\)"):
        geoscope.compare(encoder, decoder)
    alike = geoscope.compare(decoder, folder, texts=list(texts))  # which is measured as the report was
    assert [row.difference for row in alike.differences] == [0.0]
    kept = geoscope.extract(folder, corpora=[list(texts)], stack="decoder")
    again = geoscope.measure(kept, measures=["isoscore"], null="none")
    assert again.settings["stack"] == "decoder"
    assert again.measurements[0].value == pytest.approx(decoder.measurements[0].value, rel=1e-12)
    assert decoder.measurements[0].value != pytest.approx(encoder.measurements[0].value, rel=1e-3)


def test_a_model_without_two_halves_has_no_decoder(checkpoint_folder: Folder) -> None:
    for kind, name in (("bert", "BertModel"), ("gpt2", "GPT2Model")):
        with pytest.raises(GeoscopeError, match=rf"expected an encoder-decoder with --stack decoder, got .*\({name}\)"):
            load_checkpoint(str(checkpoint_folder(kind)), stack="decoder")


@pytest.mark.parametrize("tables", [(80, 90), (80, 80)])
def test_a_decoder_with_tokens_of_its_own_is_refused(
    tables: tuple[int, int], checkpoint_folder: Folder, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    small = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    config = transformers.MarianConfig(
        **small, vocab_size=tables[0], decoder_vocab_size=tables[1], share_encoder_decoder_embeddings=False,
        encoder_attention_heads=2, decoder_attention_heads=2, pad_token_id=0, max_position_embeddings=64,
        tie_word_embeddings=False,
    )  # fmt: skip
    transformers.MarianModel(config).save_pretrained(tmp_path)
    with pytest.raises(GeoscopeError, match=r"expected a decoder of the encoder's tokens .*; measure its encoder"):
        load_checkpoint(str(tmp_path), stack="decoder", tokenizer=str(checkpoint_folder("bert")))
