"""A reader: a checkpoint's tokenizer and model as every kind of task uses them to make texts into token ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.subjects.models.tokenizers import refuse_foreign_ids

Encoded = Sequence[Mapping[str, Any]]
"""Examples as token ids: what a model is given of each, and its labels."""

Collator = Callable[[list[Any]], Any]
"""Makes one batch of some of them."""

_CHUNK = 2048


@dataclass(frozen=True)
class Reader:
    """Makes token ids of texts for one checkpoint, each cut to max_length tokens."""

    checkpoint: Checkpoint
    max_length: int

    @cached_property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer, padding on the right: on the left a model that counts positions would be shifted.

        With its end token, or another that stands for no word, where it has no padding token that the model knows.
        """
        tokenizer = self.checkpoint.tokenizer
        special = (tokenizer.pad_token, tokenizer.eos_token, tokenizer.unk_token, tokenizer.bos_token)
        known = next((token for token in special if token is not None and self._knows(token)), None)
        if known is None:
            raise GeoscopeError(
                f"expected a tokenizer with a token for padding, got that of '{self.checkpoint.name}', which has none "
                "for that, nor for ends, what is unknown or beginnings, that the model knows; give it one (pad_token)"
            )
        if tokenizer.pad_token != known:
            tokenizer.pad_token = known
        tokenizer.padding_side = "right"
        return tokenizer

    def _knows(self, token: str) -> bool:
        rows = self.checkpoint.embedded
        return rows is None or int(self.checkpoint.tokenizer.convert_tokens_to_ids(token)) < rows

    @cached_property
    def names(self) -> list[str]:
        """What of a tokenizer's output the model takes."""
        taken = signature(self.checkpoint.model.forward).parameters
        always = ("input_ids", "attention_mask")
        return [name for name in self.tokenizer.model_input_names if name in always or name in taken]

    @property
    def padding(self) -> Collator:
        """Pads a batch to its longest example."""
        from transformers import DataCollatorWithPadding

        collator: Collator = DataCollatorWithPadding(self.tokenizer)
        return collator

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
