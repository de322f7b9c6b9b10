"""Language: masked language modelling, and causal: each token from those before it. Both are scored by their loss."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.finetuning.preparation.reader import Collator, Encoded, Reader
from geoscope.tasks.examples import Examples
from geoscope.torch_state import drawn_by

MASKED_SHARE = 0.15
"""Of the tokens, in masked language modelling."""

_FEWEST = 2  # tokens of a sequence of which one can be predicted


@dataclass(frozen=True)
class _Language:
    """What both have: text for one reader, and a loss that is the score."""

    reader: Reader
    learnt: Examples
    held_out: Examples

    label_names = ("labels",)
    in_order = False
    compute_metrics = None

    def plain(self) -> Encoded:
        """The evaluation examples as token ids alone."""
        return self.reader.encoded(self.held_out.texts)


class MaskedTokens(_Language):
    """Masked language modelling for one reader: in training the masks are drawn anew, in evaluation once."""

    def check(self) -> None:
        """Raises GeoscopeError for a checkpoint that has no mask."""
        if self.reader.tokenizer.mask_token is None:
            raise GeoscopeError(
                f"expected a checkpoint with a mask token for mlm, got '{self.reader.checkpoint.name}', which has "
                "none; take clm, or another checkpoint"
            )

    def train(self) -> Encoded:
        """The training examples without labels: their masks are drawn by the collator."""
        return self.reader.encoded(self.learnt.texts)

    def evaluation(self) -> Encoded:
        """The evaluation examples, masked here, the same every time."""
        masked = []
        with drawn_by(0):
            for example in self.plain():
                batch = self._masking([example])
                masked.append({name: values[0].tolist() for name, values in batch.items()})
        return masked

    @property
    def collator(self) -> Collator:
        """Pads a batch to its longest example; draws the masks of one without labels."""
        padding = _padding(self.reader)

        def collate(features: list[Any]) -> Any:
            return padding(features) if "labels" in features[0] else self._masking(features)

        return collate

    @cached_property
    def _masking(self) -> Any:
        from transformers import DataCollatorForLanguageModeling

        return DataCollatorForLanguageModeling(self.reader.tokenizer, mlm_probability=MASKED_SHARE)


class NextTokens(_Language):
    """Causal language modelling for one reader: every token but the first is to be told from those before it."""

    def check(self) -> None:
        """Raises GeoscopeError for a checkpoint that sees the tokens that it is to tell."""
        checkpoint = self.reader.checkpoint
        if checkpoint.kind != "decoder":
            raise GeoscopeError(
                f"expected a decoder for clm, got '{checkpoint.name}', an {checkpoint.kind}, which reads what it is to "
                "tell; take mlm, or another checkpoint"
            )

    def train(self) -> Encoded:
        """The training examples, each its own label."""
        return self._labelled(self.learnt)

    def evaluation(self) -> Encoded:
        """The evaluation examples, each its own label."""
        return self._labelled(self.held_out)

    def plain(self) -> Encoded:
        """The evaluation examples as token ids alone."""
        return self._long_enough(self.held_out)

    @property
    def collator(self) -> Collator:
        """Pads a batch to its longest example; padding is not to be told, whatever token it is made of."""
        return _padding(self.reader)

    def _labelled(self, examples: Examples) -> Encoded:
        kept = self._long_enough(examples)
        short = len(examples) - len(kept)
        if short:
            one = short == 1
            warnings.warn(
                f"{short} of {len(examples):,} sequences {'has' if one else 'have'} fewer than two tokens, none of "
                f"which could be told from another, and {'is' if one else 'are'} left out.",
                stacklevel=2,
            )
        return [{**row, "labels": row["input_ids"]} for row in kept]

    def _long_enough(self, examples: Examples) -> Encoded:
        kept = [row for row in self.reader.encoded(examples.texts) if len(row["input_ids"]) >= _FEWEST]
        if not kept:
            raise GeoscopeError(
                f"expected sequences of {_FEWEST} tokens and more for clm, got {len(examples)} shorter ones; give "
                "other text"
            )
        return kept


def _padding(reader: Reader) -> Collator:
    """Pads token ids, and labels by what no loss counts."""
    from transformers import DataCollatorForTokenClassification

    collator: Collator = DataCollatorForTokenClassification(reader.tokenizer)
    return collator
