"""Examples: what is learnt from and scored on: texts with labels, or questions with answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, TypeVar

from geoscope.subjects.texts.sequences import Fingerprint


@dataclass(frozen=True)
class Examples:
    """n examples: the texts of each (one or two) and its label (a class's number, or a score)."""

    texts: tuple[tuple[str, ...], ...]
    labels: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, places: Sequence[int]) -> Examples:
        """The examples at some places, in that order."""
        return _taken(self, places)

    @property
    def fingerprint(self) -> str:
        """ "sha256:..." over texts and labels in order."""
        return _fingerprint((*texts, repr(float(label))) for texts, label in zip(self.texts, self.labels, strict=True))


class Answer(NamedTuple):
    """A part of a context: its text, and the character that it begins at."""

    text: str
    start: int


@dataclass(frozen=True)
class Questions:
    """n questions, each with a context, its answers there (the first is learnt, any is right) and its source: what the
    context is from, no two of which share a text."""

    contexts: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[tuple[Answer, ...], ...]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.questions)

    def take(self, places: Sequence[int]) -> Questions:
        """The questions at some places, in that order."""
        return _taken(self, places)

    @property
    def fingerprint(self) -> str:
        """ "sha256:..." over contexts, questions and answers in order."""
        rows = zip(self.contexts, self.questions, self.answers, strict=True)
        return _fingerprint(
            (context, question, *(part for text, start in answers for part in (text, str(start))))
            for context, question, answers in rows
        )


_E = TypeVar("_E", Examples, Questions)


def _taken(held: _E, places: Sequence[int]) -> _E:
    columns = (getattr(held, field.name) for field in fields(held))
    return type(held)(*(tuple(column[place] for place in places) for column in columns))


def _fingerprint(rows: Iterable[Iterable[str]]) -> str:
    seen = Fingerprint()
    for row in rows:
        for text in row:
            seen.add(text)
    return str(seen)
