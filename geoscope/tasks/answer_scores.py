"""Answer scores: how well a span that was given answers a question, as SQuAD counts it."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from geoscope.errors import Undefined

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(answer: str) -> str:
    """An answer as it is compared: in small letters, without ASCII punctuation and English articles, one space between
    words."""
    bare = answer.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(answers: Sequence[Sequence[str]], predicted: Sequence[str]) -> float:
    """Share of n predictions that are one of their answers once both are normalised, in [0, 1].

    answers: of each question those that are right. The official script gives 100 times this (Rajpurkar et al. 2016).
    Undefined without a question.
    """
    pairs = _pairs(answers, predicted)
    return _mean([float(normalized(given) in map(normalized, right)) for right, given in pairs])


def answer_f1(answers: Sequence[Sequence[str]], predicted: Sequence[str]) -> float:
    """Mean over n questions of the words that a prediction shares with its nearest answer, in [0, 1]: 2 c / (p + a) for
    c words in common (a repeated word as often as both have it) of p and a.

    Where prediction or answer is nothing once normalised, it is 1 if both are, as in the official script of SQuAD 2.0;
    that of 1.1 gives 0 there. The official script gives 100 times this (Rajpurkar et al. 2016). Undefined without a
    question.
    """
    return _mean([max(_overlap(each, given) for each in right) for right, given in _pairs(answers, predicted)])


def _overlap(answer: str, given: str) -> float:
    right, words = normalized(answer).split(), normalized(given).split()
    if not right or not words:
        return float(right == words)
    return 2.0 * (Counter(right) & Counter(words)).total() / (len(right) + len(words))


def _pairs(answers: Sequence[Sequence[str]], predicted: Sequence[str]) -> list[tuple[Sequence[str], str]]:
    if len(answers) != len(predicted):
        raise ValueError(f"{len(answers)} questions and {len(predicted)} predictions must be as many")
    return list(zip(answers, predicted, strict=True))


def _mean(values: Sequence[float]) -> float:
    if not values:
        raise Undefined("there is no example to score")
    return sum(values) / len(values)
