"""Heads: the class that a kind of task is learnt with: transformers', or an encoder-decoder's encoder with a head."""

from __future__ import annotations

from typing import Any

from geoscope.subjects.models.checkpoints import Checkpoint

ON_THE_MEAN, ON_EACH_TOKEN = "the mean of the encoder's last states", "each of the encoder's last states"
"""What the head of an encoder-decoder reads."""

_AUTO = {
    "classification": "AutoModelForSequenceClassification",
    "regression": "AutoModelForSequenceClassification",
    "answers": "AutoModelForQuestionAnswering",
    "mlm": "AutoModelForMaskedLM",
    "clm": "AutoModelForCausalLM",
}


def own_head(kind: str, checkpoint: Checkpoint) -> str | None:
    """What the head made here reads, of an encoder-decoder; None where transformers' class is taken."""
    halves = checkpoint.kind == "encoder-decoder" or checkpoint.architecture.endswith("EncoderModel")
    if not halves or _whole(checkpoint) is None:
        return None
    return {"classification": ON_THE_MEAN, "regression": ON_THE_MEAN, "answers": ON_EACH_TOKEN}.get(kind)


def headed_class(kind: str, checkpoint: Checkpoint) -> Any:
    """What `from_pretrained` is called on for a kind of task and a checkpoint.

    Transformers' class with that head: on the last token that is no padding for decoders, on the first for most
    encoders. Of an encoder-decoder it is the encoder that is measured, and so it is the encoder that learns: with a
    linear head on the mean of its last states for texts, on each for answers. The decoder stays as it is.
    """
    import transformers

    own = own_head(kind, checkpoint)
    if own is None:
        return getattr(transformers, _AUTO[kind])
    return (_on_the_mean if own == ON_THE_MEAN else _on_each_token)(_whole(checkpoint))


def _whole(checkpoint: Checkpoint) -> Any:
    """The checkpoint's class, None where transformers has none of its name."""
    import transformers

    return getattr(transformers, checkpoint.architecture, None)


def _on_the_mean(whole: Any) -> Any:
    """A model whose encoder has a linear head on the mean of its last states."""
    from transformers.loss.loss_utils import ForSequenceClassificationLoss
    from transformers.modeling_outputs import SequenceClassifierOutput

    class OnTheMean(_with_head(whole)):  # type: ignore[misc]  # transformers ships no types
        def forward(self, input_ids: Any, attention_mask: Any = None, labels: Any = None, **asked: Any) -> Any:
            found = self.get_encoder()(input_ids=input_ids, attention_mask=attention_mask, **asked)
            logits = self.head(_mean(found.last_hidden_state, attention_mask))
            loss = None if labels is None else ForSequenceClassificationLoss(labels, logits, self.config)
            return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=found.hidden_states)

    return _named(OnTheMean, whole)


def _on_each_token(whole: Any) -> Any:
    """A model whose encoder has a linear head on each of its last states: does an answer start there, does it end."""
    from transformers.loss.loss_utils import ForQuestionAnsweringLoss
    from transformers.modeling_outputs import QuestionAnsweringModelOutput

    class OnEachToken(_with_head(whole)):  # type: ignore[misc]  # transformers ships no types
        def forward(
            self, input_ids: Any, attention_mask: Any = None, start_positions: Any = None, end_positions: Any = None,
            **asked: Any,
        ) -> Any:  # fmt: skip
            found = self.get_encoder()(input_ids=input_ids, attention_mask=attention_mask, **asked)
            starts, ends = self.head(found.last_hidden_state).unbind(dim=-1)
            loss = ForQuestionAnsweringLoss(starts, ends, start_positions, end_positions)
            return QuestionAnsweringModelOutput(
                loss=loss, start_logits=starts, end_logits=ends, hidden_states=found.hidden_states
            )

    return _named(OnEachToken, whole)


def _with_head(whole: Any) -> Any:
    """The class with a linear layer of as many outputs as its configuration has labels, drawn where it is lacking."""
    from torch import nn
    from transformers import initialization

    class WithHead(whole):  # type: ignore[misc]  # transformers ships no types
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.head = nn.Linear(self.get_encoder().config.hidden_size, config.num_labels)
            self.post_init()

        def _init_weights(self, module: Any) -> None:
            super()._init_weights(module)
            head = getattr(self, "head", None)  # not yet there while the rest is made
            if head is not None and module is head:
                initialization.normal_(head.weight, mean=0.0, std=head.in_features**-0.5)
                initialization.zeros_(head.bias)

    return WithHead


def _named(made: Any, whole: Any) -> Any:
    """The class under the name that its saved folder is then read by again."""
    made.__name__ = made.__qualname__ = whole.__name__
    return made


def _mean(states: Any, attention_mask: Any) -> Any:
    """(B, d): the mean of each sequence's states (B, T, d), padding left out."""
    if attention_mask is None:
        return states.mean(dim=1)
    weights = attention_mask.to(states.dtype).unsqueeze(-1)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)
