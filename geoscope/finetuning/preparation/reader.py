"""A reader: a checkpoint's tokenizer and model as every kind of task uses them to make texts into token ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any

import numpy as np

from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.subjects.models.tokenizers import padding_id, refuse_foreign_ids

Encoded = Sequence[Mapping[str, Any]]
"""Examples as token ids: what a model is given of each, and its labels."""

_CHUNK = 2048


@dataclass(frozen=True)
class Reader:
    """Makes token ids of texts for one checkpoint, each cut to max_length tokens."""

    checkpoint: Checkpoint
    max_length: int

    @cached_property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer, padding on the right: on the left a model that counts positions would be shifted.

        With its end token, or whatever the model has, where it has no padding token that the model knows.
        """
        tokenizer, rows = self.checkpoint.tokenizer, self.checkpoint.embedded
        if tokenizer.pad_token_id is None or (rows is not None and tokenizer.pad_token_id >= rows):
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(padding_id(tokenizer, rows))
        tokenizer.padding_side = "right"
        return tokenizer

    @cached_property
    def names(self) -> list[str]:
        """What of a tokenizer's output the model takes."""
        taken = signature(self.checkpoint.model.forward).parameters
        always = ("input_ids", "attention_mask")
        return [name for name in self.tokenizer.model_input_names if name in always or name in taken]

    def encoded(self, texts: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
        """Texts, or pairs of them, as token ids; one padding token for a text of none."""
        rows: list[dict[str, Any]] = []
        for start in range(0, len(texts), _CHUNK):
            columns = [list(column) for column in zip(*texts[start : start + _CHUNK], strict=True)]
            found = self.tokenizer(*columns, truncation=True, max_length=self.max_length)
            rows += self.rows_of(found)
        return [row if row["input_ids"] else self._nothing(row) for row in rows]

    def rows_of(self, found: Any) -> Iterator[dict[str, Any]]:
        """What a tokenizer gave, a row an example; refused where the model lacks one of the ids."""
        largest = np.asarray([max(ids, default=0) for ids in found["input_ids"]], dtype=np.int64)
        refuse_foreign_ids(self.tokenizer, largest, self.checkpoint.embedded, self.checkpoint.name)
        names = [name for name in self.names if name in found]
        return ({name: found[name][place] for name in names} for place in range(len(largest)))

    def _nothing(self, row: Mapping[str, Any]) -> dict[str, Any]:
        values = {"input_ids": self.tokenizer.pad_token_id, "attention_mask": 1}
        return {name: [values.get(name, 0)] for name in row}
