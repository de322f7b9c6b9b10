"""Words: text as its words alone, for protocols that read lines of so many of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from geoscope.errors import GeoscopeError

_WORD = re.compile(r"\b\w\w+\b")  # scikit-learn's CountVectorizer's: of two characters or more
_RANGE = re.compile(r"^(\d{1,9})-(\d{1,9})$")


@dataclass(frozen=True)
class Words:
    """Lines as their words joined by spaces, without punctuation and words of one character; lines of
    `fewest` to `most` words, each line once (Marbut et al. 2024: 4 to 49)."""

    fewest: int
    most: int

    def lines(self, texts: Iterable[str]) -> tuple[str, ...]:
        """What is left of some texts, in order, the first of equals."""
        found = (_WORD.findall(text) for text in texts)
        return tuple(dict.fromkeys(" ".join(words) for words in found if self.fewest <= len(words) <= self.most))


def parse_words(text: str) -> Words:
    """MIN-MAX as a filter; raises GeoscopeError for anything else."""
    found = _RANGE.match(text)
    fewest, most = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= fewest <= most:
        raise GeoscopeError(f"expected --words to be MIN-MAX such as 4-49, got {text!r}; give two numbers above 0")
    return Words(fewest, most)
