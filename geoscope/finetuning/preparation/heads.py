"""Heads: the class that a kind of task is learnt with: transformers', or an encoder-decoder's encoder with a head."""

from __future__ import annotations

from typing import Any

_AUTO = {
    "classification": "AutoModelForSequenceClassification",
    "regression": "AutoModelForSequenceClassification",
    "answers": "AutoModelForQuestionAnswering",
    "mlm": "AutoModelForMaskedLM",
    "clm": "AutoModelForCausalLM",
}


def headed_class(kind: str, config: Any) -> Any:
    """What `from_pretrained` is called on for a kind of task and a checkpoint's configuration.

    Transformers' class with that head: one on the last token that is no padding for decoders, on the first for most
    encoders. Where transformers has the encoder of an encoder-decoder as a model (T5 and its like), that encoder with a
    head of its own: on the mean of its last states for texts, on each for answers. Of other encoder-decoders (BART)
    transformers' class, which trains both halves.
    """
    import transformers

    encoder = _lone_encoder(config)
    if encoder is not None and kind in ("classification", "regression"):
        return _on_the_mean(encoder)
    if encoder is not None and kind == "answers":
        return _on_each_token(encoder)
    return getattr(transformers, _AUTO[kind])


def _lone_encoder(config: Any) -> Any:
    """The class that is the encoder of an encoder-decoder alone, None where there is none."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING

    found = MODEL_FOR_TEXT_ENCODING_MAPPING.get(type(config), None)
    return found if found is not None and found.__name__.endswith("EncoderModel") else None


def _on_the_mean(encoder: Any) -> Any:
    """The encoder, and a linear head on the mean of its last states."""
    from transformers.loss.loss_utils import ForSequenceClassificationLoss
    from transformers.modeling_outputs import SequenceClassifierOutput

    class OnTheMean(_with_head(encoder)):  # type: ignore[misc]  # transformers ships no types
        def forward(self, input_ids: Any, attention_mask: Any = None, labels: Any = None, **asked: Any) -> Any:
            found = super().forward(input_ids=input_ids, attention_mask=attention_mask, **asked)
            logits = self.head(_mean(found.last_hidden_state, attention_mask))
            loss = None if labels is None else ForSequenceClassificationLoss(labels, logits, self.config)
            return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=found.hidden_states)

    return _named(OnTheMean, encoder)


def _on_each_token(encoder: Any) -> Any:
    """The encoder, and a linear head on each of its last states: whether an answer starts there, whether it ends."""
    from transformers.loss.loss_utils import ForQuestionAnsweringLoss
    from transformers.modeling_outputs import QuestionAnsweringModelOutput

    class OnEachToken(_with_head(encoder)):  # type: ignore[misc]  # transformers ships no types
        def forward(
            self, input_ids: Any, attention_mask: Any = None, start_positions: Any = None, end_positions: Any = None,
            **asked: Any,
        ) -> Any:  # fmt: skip
            found = super().forward(input_ids=input_ids, attention_mask=attention_mask, **asked)
            starts, ends = self.head(found.last_hidden_state).unbind(dim=-1)
            loss = ForQuestionAnsweringLoss(starts, ends, start_positions, end_positions)
            return QuestionAnsweringModelOutput(
                loss=loss, start_logits=starts, end_logits=ends, hidden_states=found.hidden_states
            )

    return _named(OnEachToken, encoder)


def _with_head(encoder: Any) -> Any:
    """The encoder with a linear layer of as many outputs as its configuration has labels, drawn where it is lacking."""
    from torch import nn
    from transformers import initialization

    class WithHead(encoder):  # type: ignore[misc]  # transformers ships no types
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.head = nn.Linear(config.hidden_size, config.num_labels)
            self.post_init()

        def _init_weights(self, module: Any) -> None:
            super()._init_weights(module)
            head = getattr(self, "head", None)  # not yet there while the encoder is made
            if head is not None and module is head:
                initialization.normal_(head.weight, mean=0.0, std=head.in_features**-0.5)
                initialization.zeros_(head.bias)

    return WithHead


def _named(made: Any, encoder: Any) -> Any:
    """The class under the encoder's name, which is what its saved folder is then read as again."""
    made.__name__ = made.__qualname__ = encoder.__name__
    return made


def _mean(states: Any, attention_mask: Any) -> Any:
    """(B, d): the mean of each sequence's states (B, T, d), padding left out."""
    if attention_mask is None:
        return states.mean(dim=1)
    weights = attention_mask.to(states.dtype).unsqueeze(-1)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)
