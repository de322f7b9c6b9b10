"""Answers: questions whose answer is a span of a context, read in windows that overlap (Devlin et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from geoscope.errors import GeoscopeError
from geoscope.finetuning.preparation.reader import Collator, Encoded, Reader
from geoscope.rows import Float64, IntArray
from geoscope.tasks.answer_scores import answer_f1, exact_match
from geoscope.tasks.examples import Answer, Questions

LONGEST_ANSWER = 30
"""Tokens of a span that is given as an answer, as published."""

_SHARE = 3
"""A question has at most this part of a window, and two windows next to each other share this part."""

_CHUNK = 256
_CONTEXT = 1  # the second of the two texts
_SLACK = 2  # tokens that a question may grow by where it is cut
_NONE = 0  # the token that start and end stand for in a window without the answer


class Window(NamedTuple):
    """One window: its question's place, token ids, and where its context's tokens begin and end in the context.

    spans: (T, 2) characters, (0, 0) for every token that is not of the context.
    """

    question: int
    row: dict[str, Any]
    spans: IntArray

    @property
    def places(self) -> IntArray:
        """Of the context's tokens among all."""
        found: IntArray = np.flatnonzero(self.spans[:, 1] > self.spans[:, 0])
        return found

    def target(self, answer: Answer) -> tuple[int, int]:
        """The first and the last token of an answer; those of no answer where it is not in the window whole."""
        places, end = self.places, answer.start + len(answer.text)
        inside = places[(self.spans[places, 1] > answer.start) & (self.spans[places, 0] < end)]
        if not len(inside) or self.spans[inside[0], 0] > answer.start or self.spans[inside[-1], 1] < end:
            return _NONE, _NONE
        return int(inside[0]), int(inside[-1])


@dataclass(frozen=True)
class Answers:
    """Questions for one reader: start and end of the first answer are learnt, in every window that has it whole."""

    reader: Reader
    learnt: Questions
    held_out: Questions

    label_names = ("start_positions", "end_positions")
    in_order = True

    def check(self) -> None:
        """Raises GeoscopeError where a window has no room, or places of tokens in the text are not told."""
        name, length = self.reader.checkpoint.name, self.reader.max_length
        room = length - length // _SHARE - self.reader.tokenizer.num_special_tokens_to_add(pair=True) - _SLACK
        if room <= length // _SHARE:
            raise GeoscopeError(
                f"expected --max-length with room for a question and its context, got {length}; give more"
            )
        if not self.reader.tokenizer.is_fast:
            raise GeoscopeError(
                f"expected a tokenizer that says where in the text a token is, got that of '{name}', which does not; "
                "choose a checkpoint with a tokenizer.json"
            )

    def train(self) -> Encoded:
        """The training windows with start and end of the answer."""
        return self._labelled(self._windows(self.learnt), self.learnt)

    def evaluation(self) -> Encoded:
        """The evaluation windows with start and end of the answer."""
        return self._labelled(self._held_out, self.held_out)

    def plain(self) -> Encoded:
        """The evaluation windows as token ids alone."""
        return [window.row for window in self._held_out]

    @property
    def collator(self) -> Collator:
        """Pads a batch to its longest window."""
        return self.reader.padding

    def compute_metrics(self, predicted: Any) -> dict[str, float]:
        """F1 and exact match of the answers that Trainer's predictions of the windows, in their order, give."""
        starts, ends = predicted.predictions[:2]
        given = self.answers(starts, ends)
        right = [[answer.text for answer in answers] for answers in self.held_out.answers]
        return {"f1": answer_f1(right, given), "exact_match": exact_match(right, given)}

    def answers(self, starts: Any, ends: Any) -> list[str]:
        """The best span of every evaluation question, over its windows; "" where a question has no token of context.

        starts, ends: (windows, T) scores of each token. A span has at most LONGEST_ANSWER tokens of the context.
        """
        if len(starts) != len(self._held_out):
            raise ValueError(f"{len(starts)} predictions of {len(self._held_out)} windows")
        best = [(-np.inf, "")] * len(self.held_out)
        for window, start, end in zip(self._held_out, starts, ends, strict=True):
            places = window.places
            if not len(places):
                continue
            first, last, score = best_span(np.asarray(start)[places], np.asarray(end)[places])
            if score > best[window.question][0]:
                begin, close = window.spans[places[first], 0], window.spans[places[last], 1]
                best[window.question] = score, self.held_out.contexts[window.question][begin:close]
        return [text for _, text in best]

    @cached_property
    def _held_out(self) -> list[Window]:
        return self._windows(self.held_out)

    def _labelled(self, windows: Sequence[Window], questions: Questions) -> Encoded:
        targets = (window.target(questions.answers[window.question][0]) for window in windows)
        return [
            {**window.row, **dict(zip(self.label_names, target, strict=True))}
            for window, target in zip(windows, targets, strict=True)
        ]

    def _windows(self, questions: Questions) -> list[Window]:
        windows: list[Window] = []
        for start in range(0, len(questions), _CHUNK):
            windows += self._read(questions.take(range(start, min(start + _CHUNK, len(questions)))), start)
        return windows

    def _read(self, questions: Questions, first: int) -> Iterator[Window]:
        found = self.reader.tokenizer(
            self._cut(questions.questions), list(questions.contexts), truncation="only_second",
            max_length=self.reader.max_length, stride=self.reader.max_length // _SHARE,
            return_overflowing_tokens=True, return_offsets_mapping=True,
        )  # fmt: skip
        for place, row in enumerate(self.reader.rows_of(found)):
            whose = np.array([side == _CONTEXT for side in found.sequence_ids(place)])
            spans = np.asarray(found["offset_mapping"][place], dtype=np.int64) * whose[:, None]
            yield Window(first + found["overflow_to_sample_mapping"][place], row, spans)

    def _cut(self, questions: Sequence[str]) -> list[str]:
        """The questions, each to as many tokens as it may have."""
        most = self.reader.max_length // _SHARE
        found = self.reader.tokenizer(list(questions), add_special_tokens=False, return_offsets_mapping=True)
        return [
            text if len(spans) <= most else text[: spans[most - 1][1]]
            for text, spans in zip(questions, found["offset_mapping"], strict=True)
        ]


def best_span(starts: Float64, ends: Float64) -> tuple[int, int, float]:
    """(first, last, score) of the span of at most LONGEST_ANSWER tokens whose first token's start and last token's end
    (n,) have the greatest sum, the first of equals."""
    sums = np.add.outer(starts, ends)
    behind = np.subtract.outer(np.arange(len(ends)), np.arange(len(starts))).T
    allowed = np.where((behind >= 0) & (behind < LONGEST_ANSWER), sums, -np.inf)
    first, last = np.unravel_index(int(np.argmax(allowed)), sums.shape)
    return int(first), int(last), float(sums[first, last])
