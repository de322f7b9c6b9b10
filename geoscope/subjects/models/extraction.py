"""Extraction: a checkpoint reading sequences, its hidden states handed over as rows, a batch at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from geoscope.environment import describe_environment
from geoscope.errors import GeoscopeError, NonFinite, first_line, is_out_of_memory
from geoscope.progress import Progress
from geoscope.rows import Batch, BoolArray, FloatArray, IntArray, Layer, RowIndex, non_finite
from geoscope.settings.measuring import MAX_LENGTH, Text
from geoscope.settings.option import choices_of, default_of, without
from geoscope.subjects.checkpoint_files.sentence_models import SentenceModel
from geoscope.subjects.embeddings.kept_rows import KeptRows
from geoscope.subjects.layers import Wanted, resolve_layers
from geoscope.subjects.models.checkpoints import Checkpoint, quiet_transformers
from geoscope.subjects.models.hidden_states import cuda_devices, device_of, read_states
from geoscope.subjects.models.probe import FEWEST_TRIED, alike
from geoscope.subjects.models.tokenization import Tokenization, batch_sequences, tokenize
from geoscope.subjects.models.tokenizers import padding_id, refuse_foreign_ids, refuse_unknown
from geoscope.subjects.models.untouched import borrowed, untouched
from geoscope.torch_state import drawn_by, full_precision, runs_compiled

POOLINGS = tuple(name for name in choices_of(Text, "pooling") if name != "vocabulary")
"""What makes a row: each kept position, a sequence's mean, first or last real position, or what a folder says."""

BATCH_TOKENS_CPU = 4096
BATCH_TOKENS_GPU = 32768
"""Positions a forward pass reads, padding included, unless `batch_tokens` says otherwise."""

_TRIED = frozenset((1, 16, 128))
"""Of the batches with padding, those whose shortest sequence is read again without it."""


class Extraction:
    """The rows of some layers of a checkpoint over some texts (a Source).

    The index and the number of rows come from tokenisation; `batches` runs the forward passes and holds the
    hidden states of one batch only. Padding is on the right and never a row. Rows are float32 whatever the
    dtype, and those of tokens stay on the model's device. A row's place is by its sequence's place in `texts`, then
    position, however sequences are batched.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        texts: Sequence[str],
        *,
        pooling: str = default_of(Text, "pooling"),
        tokens: str = default_of(Text, "tokens"),
        max_length: int | None = default_of(Text, "max_length"),
        layers: Wanted = default_of(Text, "layers"),
        before_final_norm: bool = default_of(Text, "before_final_norm"),
        seed: int = 0,
        batch_tokens: int | None = None,
        progress: Progress | None = None,
        warnings: Sequence[str] = (),
        sentence: SentenceModel | None = None,
    ) -> None:
        """sentence: what makes a row under pooling `model`."""
        self.max_length = _length(max_length, checkpoint)
        _check(pooling, tokens, self.max_length, batch_tokens, checkpoint)
        if before_final_norm and checkpoint.outline.norm is None:
            raise GeoscopeError(
                f"expected a model with a final norm under --before-final-norm, got '{checkpoint.name}' "
                f"({checkpoint.architecture}), which has none after its last block; leave it out"
            )
        self.checkpoint = checkpoint
        self.pooling = pooling
        self.before_final_norm = before_final_norm
        self.layers: tuple[int, ...] = resolve_layers(layers, checkpoint.outline.layers)
        self.warnings = (*warnings, *_unmeasured(checkpoint, layers))
        self.row_size = checkpoint.hidden_size
        self._progress, self._seed, self._sentence, self._prompt_tokens = progress, seed, sentence, 0
        self._kept_rows: KeptRows | None = None
        if sentence is not None:
            _refuse_middle(self.layers, checkpoint)
            self.row_size = sentence.row_size(checkpoint.hidden_size)
            self._prompt_tokens = sentence.prompt_tokens(checkpoint.tokenizer)
            texts = [sentence.prepared(text) for text in texts]
        self._tokenization = tokenize(checkpoint.tokenizer, texts, max_length=self.max_length, tokens=tokens, seed=seed)
        refuse_foreign_ids(checkpoint.tokenizer, self._tokenization.ids, checkpoint.embedded, checkpoint.name)
        refuse_unknown(checkpoint.tokenizer, self._tokenization.ids, checkpoint.name)
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
        self._padding = padding_id(checkpoint.tokenizer, checkpoint.embedded)
        self._alike = not (checkpoint.outline.padding and checkpoint.outline.steady)
        self._tried = frozenset() if self._alike else _TRIED
        self.read_at_once(batch_tokens or default)
        self.tokens_read = int(read.sum())
        self.longest = int(read.max())
        self.dropped_sequences = int((self._counts == 0).sum())

    def read_at_once(self, batch_tokens: int) -> None:
        """Batch the sequences (anew): at most so many positions each, but for a longer sequence, which goes alone."""
        read = self._read_lengths
        self.batch_tokens = batch_tokens
        self._batches = batch_sequences(read, batch_tokens, alike=self._alike)
        self.tokens_padded = sum(len(batch) * int(read[batch[0]]) for batch in self._batches)

    @property
    def identity(self) -> dict[str, Any]:
        """What the bytes of the rows follow from, beside the weights, the text, and how they are batched."""
        checkpoint, tokenization = self.checkpoint, self._tokenization
        told = checkpoint.model.config
        config = without(told.to_dict() if hasattr(told, "to_dict") else vars(told), ["_name_or_path", "name_or_path"])
        read = hashlib.sha256(tokenization.ids.tobytes())
        for array in (tokenization.lengths, tokenization.kept):
            read.update(array.tobytes())
        return {
            "layers": list(self.layers),
            "before_final_norm": self.before_final_norm,
            "dtype": checkpoint.dtype,
            "kind": checkpoint.kind,
            "tokens": f"sha256:{read.hexdigest()}",
            "config": f"sha256:{hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()}",
            "environment": describe_environment(device=checkpoint.device),
        }

    def keep_in(self, kept: KeptRows) -> None:
        """Put every batch's rows there as they are read, and read no batch that is there already.

        Raises OSError where the disk has no room for them all.
        """
        kept.require(len(self.index) * self.row_size * 4 * len(self.layers))
        self._kept_rows = kept

    @property
    def read_with(self) -> dict[str, Any]:
        """What a report says beside the options of how rows were read."""
        inner = any(layer != self.checkpoint.layers for layer in self.layers)
        return {"streams": "made one as after the last block"} if self.checkpoint.outline.streams and inner else {}

    @property
    def padding(self) -> float:
        """Share of the positions read that are padding, in [0, 1)."""
        return 1.0 - self.tokens_read / self.tokens_padded

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """Every row of every asked layer once, batch after batch; one forward pass a batch.

        Raises GeoscopeError naming the layer and how many rows of a batch are not finite.
        """
        asked = self.layers if layers is None else tuple(layer for layer in self.layers if layer in set(layers))
        done = padded = 0
        lengths, pending = self._read_lengths, self._batches[::-1]
        while pending:
            sequences = pending.pop()
            held = self._held(sequences, asked)
            batch = self._read(sequences, asked) if held is None else held
            beside = bool(lengths[sequences[0]] > lengths[sequences[-1]])
            padded += beside
            if held is None and beside and padded in self._tried and self._moved(sequences[-1:], batch, asked):
                left = np.concatenate([sequences, *pending[::-1]])
                self._alike, self._tried = True, frozenset()
                self.read_at_once(self.batch_tokens)  # from now on, and what is left of this time
                wanted = np.zeros_like(lengths)
                wanted[left] = lengths[left]
                pending = batch_sequences(wanted, self.batch_tokens, alike=True)[::-1]
                continue
            if held is None and self._kept_rows is not None:
                self._kept_rows.keep(batch.offsets, batch.rows)
            yield batch
            del batch, held  # or its rows would stay during the next forward pass
            done += int(lengths[sequences].sum())
            if self._progress is not None:
                self._progress(done, self.tokens_read, "tokens read")
        self._tried = frozenset()

    def _moved(self, shortest: IntArray, batch: Batch, layers: tuple[int, ...]) -> bool:
        """Whether a batch's last and shortest sequence is another without the padding.

        The probe at load reads few tokens; what goes by a text's length (sparse attention) shows in the text itself.
        """
        import torch

        alone = self._read(shortest, layers)
        count = len(alone.offsets)
        return not all(
            alike(torch.as_tensor(batch.held[layer][-count:]), torch.as_tensor(rows), self.checkpoint.dtype)
            for layer, rows in alone.held.items()
        )

    def _read(self, sequences: IntArray, layers: tuple[int, ...]) -> Batch:
        """One forward pass over some sequences, longest first, down to the rows asked for."""
        import torch

        lengths = self._tokenization.lengths[sequences]
        starts = self._tokenization.starts[sequences]
        columns = np.arange(int(lengths[0]))
        real = columns < lengths[:, None]
        ids = np.full(real.shape, self._padding, dtype=np.int64)
        source = (starts[:, None] + columns)[real]
        ids[real] = self._tokenization.ids[source]
        kept = real.copy()
        kept[real] = self._tokenization.kept[source]
        with full_precision(), torch.inference_mode():
            states = self._states(ids, None if real.all() else real, layers)
            rows: dict[Layer, Any] = {layer: self._rows(states.pop(layer), kept, lengths) for layer in layers}
        offsets = self._offsets(sequences)
        _refuse_non_finite(rows, len(sequences), self.checkpoint.dtype)
        return Batch(offsets, rows)

    def _held(self, sequences: IntArray, layers: tuple[int, ...]) -> Batch | None:
        """The rows of some sequences where they are kept."""
        if self._kept_rows is None:
            return None
        offsets = self._offsets(sequences)
        rows = self._kept_rows.find(offsets, layers)
        return None if rows is None else Batch(offsets, rows)

    def _offsets(self, sequences: IntArray) -> IntArray:
        """The places of some sequences' rows."""
        return _ranges(self._row_starts[sequences], self._counts[sequences])

    def _states(self, ids: IntArray, real: BoolArray | None, layers: tuple[int, ...]) -> dict[int, Any]:
        """(B, T, d) per layer from one forward pass; what a model draws from torch's random numbers is by the seed."""
        import torch

        checkpoint = self.checkpoint
        device = device_of(checkpoint.model)
        given = torch.from_numpy(ids).to(device)
        mask = None if real is None else torch.from_numpy(real.astype(np.int64)).to(device)
        try:
            with (
                quiet_transformers(),
                drawn_by(self._seed, cuda_devices(checkpoint.model)),
                self._kept(checkpoint),
            ):
                return read_states(
                    checkpoint.model, checkpoint.outline, given, mask, layers, before_norm=self.before_final_norm
                )
        except GeoscopeError:
            raise
        except Exception as error:  # whatever a model's own code raises
            if is_out_of_memory(error):
                raise
            raise GeoscopeError(
                f"expected '{checkpoint.name}' ({checkpoint.architecture}) to read {len(ids)} texts of {ids.shape[1]} "
                f"tokens, got {type(error).__name__}: {first_line(error)}; {_to_do(ids.shape[1])}"
            ) from error

    @staticmethod
    def _kept(checkpoint: Checkpoint) -> AbstractContextManager[Any]:
        """What leaves the model as it was, where reading it would not."""
        if checkpoint.borrowed:
            return borrowed(checkpoint.model)
        return nullcontext() if checkpoint.outline.steady else untouched(checkpoint.model)

    def _rows(self, states: Any, kept: Any, lengths: IntArray) -> Any:
        """(B, T, d) -> (m, d) float32: a row a token where the states are, a row a sequence on the CPU."""
        import torch

        if self._sentence is not None:
            return self._sentence.rows(states, lengths, self._prompt_tokens)
        width, size = states.shape[1], states.shape[2]
        if self.pooling == "mean" and not runs_compiled(states.device):
            chosen = _means(states, torch.from_numpy(lengths).to(states.device))
        elif self.pooling == "mean":
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
        chosen = chosen.to(torch.float32).contiguous()
        if self.pooling == "tokens" and not runs_compiled(chosen.device):
            return chosen.to(device_of(self.checkpoint.model))  # layers of a model on several may lie on another
        rows: FloatArray = chosen.cpu().numpy()
        return rows


def _means(states: Any, lengths: Any) -> Any:
    """(B, d) float64, the mean of each sequence's first positions of (B, T, d), some sequences at a time."""
    import torch

    real = torch.arange(states.shape[1], device=states.device) < lengths[:, None]
    sums = [
        torch.where(kept[..., None], some, 0).double().sum(1)
        for some, kept in zip(states.split(64), real.split(64), strict=True)
    ]
    return torch.cat(sums) / lengths[:, None]


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


def _length(max_length: int | None, checkpoint: Checkpoint) -> int:
    """How many tokens a text is cut to where nobody says: MAX_LENGTH, or what the model reads if that is less."""
    if max_length is not None:
        return max_length
    limit = checkpoint.max_positions
    return MAX_LENGTH if limit is None else min(MAX_LENGTH, limit)


def _to_do(length: int) -> str:
    """What to do where texts of so many tokens cannot be read; some of 5 to 16 were when the model was loaded."""
    return "leave out texts that short" if length < FEWEST_TRIED else "try a smaller --max-length"


def _unmeasured(checkpoint: Checkpoint, layers: Wanted) -> tuple[str, ...]:
    """A warning where layers are asked for that have no state a token."""
    found = checkpoint.outline.layers
    if layers not in ("all", "union") or len(found) == checkpoint.layers + 1:
        return ()
    return (
        f"{checkpoint.architecture} has one hidden state a token in its last layer alone, {found[-1]}; "
        "the others are left out",
    )


def _refuse_non_finite(rows: dict[Layer, Any], sequences: int, dtype: str) -> None:
    what_to_do = (
        "float16 ends at 65504, so load the checkpoint with --dtype bfloat16 or float32"
        if dtype == "float16"
        else "load the checkpoint with --dtype float32, or check its weights"
    )
    for layer, broken in non_finite(rows).items():
        if broken:
            raise NonFinite(
                f"expected finite hidden states, got NaN or infinite values in {broken} of the {len(rows[layer])} rows "
                f"of layer {layer} in a batch of {sequences} sequences; {what_to_do}"
            )
