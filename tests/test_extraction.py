"""Rows of tiny checkpoints: against a plain loop, whatever the batching, pooling and choice of tokens."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from geoscope.errors import GeoscopeError
from geoscope.subjects.layers import resolve_layers
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.subjects.models.extraction import Extraction
from geoscope.subjects.models.tokenization import batch_sequences

Load = Callable[[str], Checkpoint]

ARCHITECTURES = ("bert", "gpt2", "llama", "roberta", "t5")


def gather(extraction: Extraction) -> dict[int | None, Any]:
    """Every layer's (n, d), each row at its place; each place filled once."""
    rows: dict[int | None, Any] = {}
    seen = {layer: np.zeros(len(extraction.index), dtype=int) for layer in extraction.layers}
    for batch in extraction.batches():
        for layer, values in batch.rows.items():
            assert values.dtype == np.float32
            assert values.flags.c_contiguous
            rows.setdefault(layer, np.full((len(extraction.index), values.shape[1]), np.nan))
            rows[layer][batch.offsets] = values
            seen[layer][batch.offsets] += 1  # type: ignore[index]
    assert all((count == 1).all() for count in seen.values())
    return rows


def plainly(checkpoint: Checkpoint, texts: tuple[str, ...]) -> list[list[Any]]:
    """Hidden states sequence by sequence, without padding or batching: [sequence][layer] -> (t, d)."""
    states = []
    for text in texts:
        ids = torch.tensor([checkpoint.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            output = checkpoint.model(input_ids=ids, output_hidden_states=True)
        states.append([state[0].numpy() for state in output.hidden_states])
    return states


def relative(a: Any, b: Any) -> float:
    """The largest difference of two rows, by the row's norm."""
    return float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max())


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_rows_are_the_plain_loops(kind: str, checkpoint: Load, texts: tuple[str, ...]) -> None:
    rows = gather(Extraction(checkpoint(kind), texts, layers="all", max_length=60))
    states = plainly(checkpoint(kind), texts)
    assert list(rows) == [0, 1, 2, 3]
    for layer in rows:
        assert relative(rows[layer], np.concatenate([state[layer] for state in states])) < 1e-5


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("pooling", ["tokens", "mean"])
def test_rows_do_not_depend_on_batch_tokens(kind: str, pooling: str, checkpoint: Load, texts: tuple[str, ...]) -> None:
    alone, some, full = (
        gather(Extraction(checkpoint(kind), texts, layers="all", max_length=60, pooling=pooling, batch_tokens=b))
        for b in (1, 200, 4096)
    )
    for layer in full:
        assert relative(alone[layer], full[layer]) < 1e-5
        assert relative(some[layer], full[layer]) < 1e-5


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_pooling(kind: str, checkpoint: Load, texts: tuple[str, ...]) -> None:
    states = [state[-1] for state in plainly(checkpoint(kind), texts)]
    expected = {
        "mean": np.stack([state.mean(axis=0) for state in states]),
        "cls": np.stack([state[0] for state in states]),
        "last": np.stack([state[-1] for state in states]),
    }
    for pooling, rows in expected.items():
        extraction = Extraction(checkpoint(kind), texts, pooling=pooling, max_length=60)
        assert relative(gather(extraction)[3], rows) < 1e-5
        assert (extraction.index.positions == -1).all()
        assert (extraction.index.token_ids == -1).all()
        assert extraction.index.sequences.tolist() == list(range(len(texts)))


def test_index_knows_sequence_position_and_token(checkpoint: Load, texts: tuple[str, ...]) -> None:
    extraction = Extraction(checkpoint("bert"), texts, max_length=20)
    ids = [checkpoint("bert").tokenizer(text, truncation=True, max_length=20)["input_ids"] for text in texts]
    assert extraction.index.token_ids.tolist() == [token for sequence in ids for token in sequence]
    assert extraction.index.positions.tolist() == [place for sequence in ids for place in range(len(sequence))]
    assert extraction.index.sequences.tolist() == [s for s, sequence in enumerate(ids) for _ in sequence]
    assert max(len(sequence) for sequence in ids) == 20


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_tokens_choose_rows_of_the_same_values(kind: str, checkpoint: Load, texts: tuple[str, ...]) -> None:
    every = Extraction(checkpoint(kind), texts, max_length=60)
    rows = gather(every)[3]
    place = {key: i for i, key in enumerate(zip(every.index.sequences, every.index.positions, strict=True))}
    special = set(checkpoint(kind).tokenizer("")["input_ids"])
    for tokens in ("content", "no-first", "types"):
        chosen = Extraction(checkpoint(kind), texts, max_length=60, tokens=tokens)
        index = chosen.index
        order = [place[key] for key in zip(index.sequences, index.positions, strict=True)]
        assert order == sorted(order)
        assert relative(gather(chosen)[3], rows[order]) < 1e-5
        if tokens == "content":
            assert not special & set(index.token_ids.tolist())
            assert len(index) == len(every.index) - len(special) * len(texts)
        elif tokens == "no-first":
            assert (index.positions > 0).all()
            assert len(index) == len(every.index) - len(texts)
        else:
            assert sorted(index.token_ids) == sorted(set(every.index.token_ids.tolist()))


def test_types_depend_on_the_seed_alone(checkpoint: Load, texts: tuple[str, ...]) -> None:
    first, again, other = (
        Extraction(checkpoint("bert"), texts, max_length=60, tokens="types", seed=seed, batch_tokens=size).index
        for seed, size in ((0, 4096), (0, 1), (1, 4096))
    )
    assert (first.sequences == again.sequences).all()
    assert (first.sequences != other.sequences).any()


def test_sequences_without_rows_are_dropped_and_counted(checkpoint: Load) -> None:
    extraction = Extraction(checkpoint("gpt2"), ["w01", "w02 w03", "w04"], tokens="no-first", max_length=60)
    assert extraction.dropped_sequences == 2
    assert extraction.index.sequences.tolist() == [1]
    with pytest.raises(GeoscopeError, match=r"expected rows of 1 sequences .* got none"):
        Extraction(checkpoint("gpt2"), ["w01"], tokens="no-first", max_length=60)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pooling": "max"}, "--pooling to be one of tokens, mean, cls, last, model, got 'max'"),
        ({"tokens": "words"}, "--tokens to be one of all, content, no-first, types, got 'words'"),
        ({"pooling": "mean", "tokens": "content"}, "with --tokens content, .* got --pooling mean"),
        ({"max_length": 65}, "at most 64, what '.*' can read, got 65"),
        ({"max_length": 2}, "at least 3 and at most 64"),
        ({"batch_tokens": 0}, "--batch-tokens to be at least 1, got 0"),
        ({"layers": "4"}, "expected --layers of 0 to 3, .* got 4"),
        ({"layers": "first"}, "last, all, union or numbers"),
    ],
)
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_mistakes_are_sentences(kind: str, settings: dict[str, Any], sentence: str, checkpoint: Load) -> None:
    with pytest.raises(GeoscopeError, match=sentence):
        Extraction(checkpoint(kind), ["w01 w02"], **{"max_length": 60, **settings})


def test_longest_sequences_fit(checkpoint: Load) -> None:
    """RoBERTa's 66 position embeddings hold 64 tokens; the 65th would be out of range."""
    for kind in ("bert", "roberta", "gpt2"):
        extraction = Extraction(checkpoint(kind), ["w01 " * 100], max_length=64)
        assert gather(extraction)[3].shape == (64, 32)


def test_non_finite_states_are_refused(checkpoint: Load, texts: tuple[str, ...]) -> None:
    loaded = checkpoint("bert")
    weight = loaded.model.encoder.layer[1].output.dense.weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight[0, 0] = float("nan")
    try:
        with pytest.raises(GeoscopeError, match=r"got NaN or infinite values in \d+ of the \d+ rows of layer 2 in"):
            gather(Extraction(loaded, texts, layers="all", max_length=60))
    finally:
        with torch.no_grad():
            weight.copy_(before)


def test_one_batch_of_hidden_states_is_alive(checkpoint: Load, texts: tuple[str, ...]) -> None:
    loaded = checkpoint("bert")
    alive: list[weakref.ref[Any]] = []

    def watch(module: Any, inputs: Any) -> None:
        assert not any(state() is not None for state in alive)

    def record(module: Any, inputs: Any, output: Any) -> None:
        alive.append(weakref.ref(inputs[0]))

    hooks = [block.register_forward_hook(record) for block in loaded.model.encoder.layer]
    hooks.append(loaded.model.register_forward_pre_hook(watch))
    try:
        for batch in Extraction(loaded, texts, layers="all", max_length=60, batch_tokens=100).batches():
            del batch
    finally:
        for hook in hooks:
            hook.remove()
    assert len(alive) > 4 * 5


def test_no_state_of_a_layer_that_is_not_asked_for_is_held(checkpoint: Load, texts: tuple[str, ...]) -> None:
    loaded = checkpoint("bert")
    given: dict[int, weakref.ref[Any]] = {}
    alive: list[list[int]] = []

    def record(number: int) -> Any:
        return lambda module, inputs, output: given.update({number: weakref.ref(inputs[0])})

    def count(module: Any, inputs: Any, output: Any) -> None:
        alive.append([number for number, state in given.items() if state() is not None])

    hooks = [block.register_forward_hook(record(number)) for number, block in enumerate(loaded.model.encoder.layer)]
    hooks.append(loaded.model.register_forward_hook(count))
    try:
        rows = {layers: gather(Extraction(loaded, texts, layers=layers, max_length=60)) for layers in ("0,-1", "all")}
    finally:
        for hook in hooks:
            hook.remove()
    assert alive[0] == [0]
    assert alive[-1] == [0, 1, 2]
    for layer in (0, 3):
        np.testing.assert_array_equal(rows["0,-1"][layer], rows["all"][layer])


def test_progress_ends_at_the_total(checkpoint: Load, texts: tuple[str, ...]) -> None:
    told: list[tuple[int, int, str]] = []
    extraction = Extraction(
        checkpoint("bert"), texts, max_length=60, batch_tokens=100, progress=lambda *step: told.append(step)
    )
    gather(extraction)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][:2] == (extraction.tokens_read, extraction.tokens_read)


def test_batches_hold_every_sequence_once_within_the_budget() -> None:
    lengths = np.random.default_rng(0).integers(0, 129, 3000)
    for budget in (1, 128, 4096, 10**6):
        batches = batch_sequences(lengths, budget)
        assert sorted(np.concatenate(batches)) == np.flatnonzero(lengths).tolist()
        for batch in batches:
            assert (np.diff(lengths[batch]) <= 0).all()
            assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= budget
    padded = sum(len(batch) * lengths[batch[0]] for batch in batch_sequences(lengths, 4096))
    assert 1 - lengths.sum() / padded < 0.03


@pytest.mark.parametrize(
    ("wanted", "available", "layers"),
    [
        ("last", range(7), (6,)),
        ("all", range(3), (0, 1, 2)),
        ("union", range(3), (1, 2)),
        ("0,6,-1", range(7), (0, 6)),
        ("0,last", range(7), (0, 6)),
        ([3, -7], range(7), (0, 3)),
        (-1, (0, 4), (4,)),
        ("last", (None,), (None,)),
        ("union", (None,), (None,)),
    ],
)
def test_layers(wanted: Any, available: Any, layers: Any) -> None:
    assert resolve_layers(wanted, available) == layers


@pytest.mark.parametrize("wanted", ["7", "-8", "", "1,x", [], "0,9"])
def test_no_such_layer(wanted: Any) -> None:
    with pytest.raises(GeoscopeError, match=r"--layers of 0 to 6|numbers such as"):
        resolve_layers(wanted, range(7))


def test_a_cloud_has_no_layer_numbers() -> None:
    with pytest.raises(GeoscopeError, match="one cloud of rows"):
        resolve_layers("0", (None,))
