"""Tokenization: the drawn texts as token ids, which of them become rows, and how they are batched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.rows import BoolArray, IntArray, RowIndex, hash_rows
from geoscope.settings.measuring import Text
from geoscope.settings.option import choices_of

TOKENS = choices_of(Text, "tokens")
"""Which real positions become rows under `--pooling tokens`."""

_CHUNK = 4096
_PADDING_SHARE = 0.02
_FREE_TOKENS = 256
_MOST_SEQUENCES = 1024


@dataclass(frozen=True)
class Tokenization:
    """S sequences in one run: sequence s is `ids[starts[s]:starts[s + 1]]`; `kept` marks the rows to be."""

    ids: IntArray
    starts: IntArray
    kept: BoolArray

    @property
    def lengths(self) -> IntArray:
        return np.diff(self.starts)

    def index(self) -> RowIndex:
        """Every kept position, sequence after sequence."""
        return _positions(self.ids, self.starts).take(np.flatnonzero(self.kept).astype(np.int64))


def tokenize(tokenizer: Any, texts: Sequence[str], *, max_length: int, tokens: str, seed: int) -> Tokenization:
    """The texts cut to `max_length` tokens, special tokens included, and the positions that `tokens` keeps.

    content: none of the special tokens the tokenizer adds; no-first: not position 0; types: of each token id
    the one occurrence whose seeded hash of (sequence, position) is smallest, so that order and batching do
    not matter.
    """
    if tokens not in TOKENS:
        raise GeoscopeError(f"expected --tokens to be one of {', '.join(TOKENS)}, got '{tokens}'; choose one")
    ids: list[IntArray] = []
    special: list[IntArray] = []
    for start in range(0, len(texts), _CHUNK):
        encoded = tokenizer(
            list(texts[start : start + _CHUNK]),
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
            return_special_tokens_mask=tokens == "content",
        )
        ids.extend(np.asarray(sequence, dtype=np.int64) for sequence in encoded["input_ids"])
        if tokens == "content":
            special.extend(np.asarray(mask, dtype=np.int64) for mask in encoded["special_tokens_mask"])
    flat = np.concatenate([np.empty(0, dtype=np.int64), *ids])
    starts = np.concatenate([[0], np.cumsum([len(sequence) for sequence in ids])]).astype(np.int64)
    kept = np.ones(len(flat), dtype=np.bool_)
    if tokens == "content":
        kept = np.concatenate([np.empty(0, dtype=np.int64), *special]) == 0
    elif tokens == "no-first":
        kept[starts[:-1][np.diff(starts) > 0]] = False
    elif tokens == "types":
        kept = _first_of_type(_positions(flat, starts), seed)
    return Tokenization(flat, starts, kept)


def _positions(ids: IntArray, starts: IntArray) -> RowIndex:
    lengths = np.diff(starts)
    sequences = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    return RowIndex(sequences, np.arange(len(ids), dtype=np.int64) - starts[sequences], ids)


def _first_of_type(index: RowIndex, seed: int) -> BoolArray:
    order = np.lexsort((np.arange(len(index)), hash_rows(index, seed), index.token_ids))
    ordered = index.token_ids[order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    kept = np.zeros(len(order), dtype=np.bool_)
    kept[order[first]] = True
    return kept


def batch_sequences(lengths: IntArray, budget: int, *, alike: bool = False) -> list[IntArray]:
    """Sequences in batches of alike length, longest first so that a lack of memory shows at once.

    A batch holds at most `budget` positions, padding included (a longer sequence goes alone), and once it is
    worth a forward pass (256 positions) it closes rather than pad more than 2 % of them. alike: none is padded at
    all. Empty sequences are left out.
    """
    order = np.lexsort((np.arange(len(lengths)), -lengths))
    order = order[lengths[order] > 0]
    batches: list[IntArray] = []
    begin = real = 0
    for place, sequence in enumerate(order):
        length, longest, count = int(lengths[sequence]), int(lengths[order[begin]]), place - begin + 1
        padded = count * longest
        wasteful = padded - real - length > _PADDING_SHARE * padded and longest * (count - 1) >= _FREE_TOKENS
        if count > 1 and (padded > budget or wasteful or count > _MOST_SEQUENCES or (alike and length < longest)):
            batches.append(order[begin:place])
            begin, real = place, 0
        real += length
    if begin < len(order):
        batches.append(order[begin:])
    return batches
