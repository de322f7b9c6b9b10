"""Extraction: a checkpoint reading sequences, its hidden states handed over as rows, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, NonFinite
from geoscope.progress import Progress
from geoscope.rows import Batch, FloatArray, IntArray, Layer, RowIndex
from geoscope.settings.measuring import Text
from geoscope.settings.option import choices_of, default_of
from geoscope.subjects.checkpoints import Checkpoint, cache_off
from geoscope.subjects.finiteness import non_finite_rows
from geoscope.subjects.layers import Wanted, resolve_layers
from geoscope.subjects.sentence_models import SentenceModel
from geoscope.subjects.tokenization import Tokenization, batch_sequences, tokenize

POOLINGS = tuple(name for name in choices_of(Text, "pooling") if name != "vocabulary")
"""What makes a row: each kept position, a sequence's mean, first or last real position, or what a folder says."""

BATCH_TOKENS_CPU = 4096
BATCH_TOKENS_GPU = 32768
"""Positions a forward pass reads, padding included, unless `batch_tokens` says otherwise."""


class Extraction:
    """The rows of some layers of a checkpoint over some texts (a Source).

    The index and the number of rows come from tokenisation; `batches` runs the forward passes and holds the
    hidden states of one batch only. Padding is on the right and never a row. Rows are float32 whatever the
    dtype. A row's place is by its sequence's place in `texts`, then position, however sequences are batched.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        texts: Sequence[str],
        *,
        pooling: str = default_of(Text, "pooling"),
        tokens: str = default_of(Text, "tokens"),
        max_length: int = default_of(Text, "max_length"),
        layers: Wanted = default_of(Text, "layers"),
        seed: int = 0,
        batch_tokens: int | None = None,
        progress: Progress | None = None,
        warnings: Sequence[str] = (),
        sentence: SentenceModel | None = None,
    ) -> None:
        """sentence: what makes a row under pooling `model`."""
        _check(pooling, tokens, max_length, batch_tokens, checkpoint)
        self.checkpoint = checkpoint
        self.pooling = pooling
        self.layers: tuple[int, ...] = resolve_layers(layers, range(checkpoint.layers + 1))
        self.warnings = tuple(warnings)
        self.row_size = checkpoint.hidden_size
        self._progress, self._sentence, self._prompt_tokens = progress, sentence, 0
        if sentence is not None:
            _refuse_middle(self.layers, checkpoint)
            self.row_size = sentence.row_size(checkpoint.hidden_size)
            self._prompt_tokens = sentence.prompt_tokens(checkpoint.tokenizer)
            texts = [sentence.prepared(text) for text in texts]
        self._tokenization = tokenize(checkpoint.tokenizer, texts, max_length=max_length, tokens=tokens, seed=seed)
        self._counts = _row_counts(self._tokenization, pooling)
        self._row_starts = np.concatenate([[0], np.cumsum(self._counts)]).astype(np.int64)
        self.index: RowIndex = _row_index(self._tokenization, self._counts, pooling)
        if not len(self.index):
            raise GeoscopeError(
                f"expected rows of {len(texts)} sequences under --pooling {pooling} --tokens {tokens}, got none; "
                "give longer text or keep more tokens"
            )
        read = np.where(self._counts > 0, self._tokenization.lengths, 0)
        self._read_lengths = read
        default = BATCH_TOKENS_CPU if checkpoint.device == "cpu" else BATCH_TOKENS_GPU
        self.read_at_once(batch_tokens or default)
        self.tokens_read = int(read.sum())
        self.longest = int(read.max())
        self.dropped_sequences = int((self._counts == 0).sum())

    def read_at_once(self, batch_tokens: int) -> None:
        """Batch the sequences (anew): at most so many positions each, but for a longer sequence, which goes alone."""
        read = self._read_lengths
        self.batch_tokens = batch_tokens
        self._batches = batch_sequences(read, batch_tokens)
        self.tokens_padded = sum(len(batch) * int(read[batch[0]]) for batch in self._batches)

    @property
    def padding(self) -> float:
        """Share of the positions read that are padding, in [0, 1)."""
        return 1.0 - self.tokens_read / self.tokens_padded

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """Every row of every asked layer once, batch after batch; one forward pass a batch.

        Raises GeoscopeError naming the layer and how many rows of a batch are not finite.
        """
        asked = self.layers if layers is None else tuple(layer for layer in self.layers if layer in set(layers))
        done = 0
        for sequences in self._batches:
            yield self._read(sequences, asked)
            done += int(self._tokenization.lengths[sequences].sum())
            if self._progress is not None:
                self._progress(done, self.tokens_read, "tokens read")

    def _read(self, sequences: IntArray, layers: tuple[int, ...]) -> Batch:
        """One forward pass over some sequences, longest first, down to the rows asked for."""
        import torch

        lengths = self._tokenization.lengths[sequences]
        starts = self._tokenization.starts[sequences]
        width = int(lengths[0])
        columns = np.arange(width)
        real = columns < lengths[:, None]
        ids = np.full(real.shape, _padding_id(self.checkpoint.tokenizer), dtype=np.int64)
        source = (starts[:, None] + columns)[real]
        ids[real] = self._tokenization.ids[source]
        kept = real.copy()
        kept[real] = self._tokenization.kept[source]
        model = self.checkpoint.model
        with torch.inference_mode():
            output = model(
                input_ids=torch.from_numpy(ids).to(model.device),
                attention_mask=None if real.all() else torch.from_numpy(real.astype(np.int64)).to(model.device),
                output_hidden_states=layers != (self.checkpoint.layers,),
                **cache_off(model),
            )
            states = self._states(output, layers)
            del output
            rows: dict[Layer, FloatArray] = {layer: self._rows(states.pop(layer), kept, lengths) for layer in layers}
        offsets = _ranges(self._row_starts[sequences], self._counts[sequences])
        _refuse_non_finite(rows, len(sequences))
        return Batch(offsets, rows)

    def _states(self, output: Any, layers: tuple[int, ...]) -> dict[int, Any]:
        """(B, T, d) per layer; the last is the model's output: in decoders, the one after the final norm."""
        last = self.checkpoint.layers
        return {
            layer: output["last_hidden_state"] if layer == last else output["hidden_states"][layer] for layer in layers
        }

    def _rows(self, states: Any, kept: Any, lengths: IntArray) -> FloatArray:
        """(B, T, d) -> (m, d) float32 on the CPU."""
        import torch

        if self._sentence is not None:
            return self._sentence.rows(states, lengths, self._prompt_tokens)
        width, size = states.shape[1], states.shape[2]
        if self.pooling == "mean":
            sums = [
                state[:length].double().sum(0) / length for state, length in zip(states, lengths.tolist(), strict=True)
            ]
            chosen = torch.stack(sums)
        elif self.pooling == "cls":
            chosen = states[:, 0]
        elif self.pooling == "last":
            chosen = states[torch.arange(len(states)), torch.from_numpy(lengths - 1)]
        elif kept.all():
            chosen = states.reshape(-1, size)
        else:
            places = torch.from_numpy(np.flatnonzero(kept)).to(states.device)
            chosen = states.reshape(len(states) * width, size).index_select(0, places)
        rows: FloatArray = chosen.to(device="cpu", dtype=torch.float32).contiguous().numpy()
        return rows


def _refuse_middle(layers: tuple[int, ...], checkpoint: Checkpoint) -> None:
    if layers != (checkpoint.layers,):
        told = ", ".join(str(layer) for layer in layers)
        raise GeoscopeError(
            f"expected the last layer with --pooling model, which is made for no other, got {told}; leave --layers out"
        )


def _check(pooling: str, tokens: str, max_length: int, batch_tokens: int | None, checkpoint: Checkpoint) -> None:
    if pooling not in POOLINGS:
        raise GeoscopeError(f"expected --pooling to be one of {', '.join(POOLINGS)}, got '{pooling}'; choose one")
    if pooling != "tokens" and tokens != "all":
        raise GeoscopeError(
            f"expected --pooling tokens with --tokens {tokens}, which chooses among its rows, got --pooling "
            f"{pooling}; leave one of them out"
        )
    limit = checkpoint.max_positions
    least = checkpoint.tokenizer.num_special_tokens_to_add() + 1
    if max_length < least or (limit is not None and max_length > limit):
        most = f" and at most {limit}, what '{checkpoint.name}' can read" if limit is not None else ""
        raise GeoscopeError(f"expected --max-length to be at least {least}{most}, got {max_length}; choose another")
    if batch_tokens is not None and batch_tokens < 1:
        raise GeoscopeError(f"expected --batch-tokens to be at least 1, got {batch_tokens}; ask for 1 or more")


def _row_counts(tokenization: Tokenization, pooling: str) -> IntArray:
    """Rows that each sequence gives."""
    if pooling != "tokens":
        return (tokenization.lengths > 0).astype(np.int64)
    before = np.concatenate([[0], np.cumsum(tokenization.kept)])
    return np.diff(before[tokenization.starts]).astype(np.int64)


def _row_index(tokenization: Tokenization, counts: IntArray, pooling: str) -> RowIndex:
    if pooling == "tokens":
        return tokenization.index()
    sequences = np.flatnonzero(counts).astype(np.int64)
    return RowIndex(sequences, np.full(len(sequences), -1, dtype=np.int64), np.full(len(sequences), -1, dtype=np.int64))


def _ranges(starts: IntArray, counts: IntArray) -> IntArray:
    """[starts[0], starts[0] + 1, ... counts[0] of them, starts[1], ...]."""
    ends = np.cumsum(counts)
    within = np.arange(int(ends[-1]), dtype=np.int64) - np.repeat(ends - counts, counts)
    return np.repeat(starts, counts) + within


def _padding_id(tokenizer: Any) -> int:
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if candidate is not None:
            return int(candidate)
    return 0


def _refuse_non_finite(rows: dict[Layer, FloatArray], sequences: int) -> None:
    for layer, values in rows.items():
        broken = non_finite_rows(values)
        if broken:
            raise NonFinite(
                f"Layer {layer} has NaN or infinite values in {broken} of the {len(values)} rows of a batch "
                f"of {sequences} sequences; load the checkpoint with --dtype float32, or check its weights."
            )
