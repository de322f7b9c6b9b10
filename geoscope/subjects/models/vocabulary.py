"""Vocabulary: a checkpoint's input embedding matrix as rows, one a token; no text is read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError, NonFinite
from geoscope.rows import Batch, FloatArray, IntArray, Layer, RowIndex, non_finite_rows
from geoscope.subjects.layers import Wanted, resolve_layers
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.subjects.models.placement import stored
from geoscope.subjects.row_files.array_files import BLOCK_BYTES

_UNUSED = re.compile(
    r"^(?:[<\[|]+(?:unused|reserved|extra_id|placeholder|dummy|pad)\w*\d+[>\]|]+|madeupword\d+)$", re.I
)
"""Names of tokens that a vocabulary keeps free: [unused7], <|reserved_special_token_7|>, madeupword0007."""


class Vocabulary:
    """The rows of the input embedding matrix that are a token's (a Source), by token id; layer 0 alone.

    left_out: how many rows are not: of special tokens (a tokenizer's own, and added ones that it calls special), of
    tokens that by their name are unused, and padding, which has no token at all. The matrix is read anew whenever the
    rows are.
    """

    pooling = "vocabulary"
    warnings: tuple[str, ...] = ()

    def __init__(self, checkpoint: Checkpoint, *, layers: Wanted) -> None:
        self.checkpoint = checkpoint
        self.layers: tuple[int, ...] = resolve_layers(layers, (0,))
        rows, self.row_size = _matrix(checkpoint).shape
        names = {number: token for token, number in checkpoint.tokenizer.get_vocab().items() if number < rows}
        special = _special(checkpoint.tokenizer) & names.keys()
        unused = {number for number, token in names.items() if _UNUSED.match(token)} - special
        self.left_out = {"special": len(special), "unused": len(unused), "padding": rows - len(names)}
        kept = np.array(sorted(names.keys() - special - unused), dtype=np.int64)
        if not len(kept):
            raise GeoscopeError(
                f"expected tokens with a row in the embedding matrix of '{checkpoint.name}', got none that is neither "
                "special nor unused; give another checkpoint"
            )
        self.index = RowIndex(np.arange(len(kept), dtype=np.int64), np.full(len(kept), -1, dtype=np.int64), kept)
        self.fingerprint = _fingerprint(names, kept)

    def batches(self, layers: Sequence[Layer] | None = None) -> Iterator[Batch]:
        """Every row once, in blocks of about 8 MB; raises GeoscopeError where some are not finite."""
        import torch

        model, matrix, ids = self.checkpoint.model, _matrix(self.checkpoint), self.index.token_ids
        table = stored(model, next(name for name, each in model.named_parameters() if each is matrix), matrix)
        step = max(1, BLOCK_BYTES // (4 * self.row_size))
        for start in range(0, len(ids) if layers is None or 0 in layers else 0, step):
            chosen = torch.from_numpy(ids[start : start + step]).to(table.device)
            rows: FloatArray = table[chosen].detach().to(device="cpu", dtype=torch.float32).contiguous().numpy()
            broken = non_finite_rows(rows)
            if broken:
                raise NonFinite(
                    f"expected a finite embedding matrix, got NaN or infinite values in {broken} of {len(rows)} rows; "
                    "check the checkpoint's weights"
                )
            yield Batch(np.arange(start, start + len(rows), dtype=np.int64), {0: rows})


def _matrix(checkpoint: Checkpoint) -> Any:
    """(V, d), the model's input embeddings."""
    try:
        table = checkpoint.model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        table = None
    weight = getattr(table, "weight", None)
    if weight is None or weight.ndim != 2:
        raise GeoscopeError(
            f"expected a model with one vector a token for --pooling vocabulary, got '{checkpoint.name}' "
            f"({checkpoint.architecture}), which embeds tokens in another way; choose another --pooling"
        )
    return weight


def _special(tokenizer: Any) -> set[int]:
    added: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    return set(tokenizer.all_special_ids) | {number for number, token in added.items() if token.special}


def _fingerprint(names: Mapping[int, str], kept: IntArray) -> str:
    """ "sha256:..." over the kept ids and their tokens."""
    digest = hashlib.sha256()
    for number in kept.tolist():
        digest.update(f"{number}\0{names[number]}\0".encode("utf-8", "surrogatepass"))
    return f"sha256:{digest.hexdigest()}"
