"""The fragment: a document's charts as a piece of HTML that a notebook shows, its style held to itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Any

from markupsafe import Markup

from geoscope.document import Card, Cards, Document, Table, in_turn
from geoscope.forms.html.page import environment

SCOPE = ".geoscope"
"""What every rule of the fragment's style begins with."""

_MOST_BYTES = 45_000
"""Of charts and tables; the style sheet and words come on top."""

_FINDINGS = 5
_ROWS = 40
_OF_PAGES = re.compile(r"@media print \{.*\}\s*$", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{")


def text(document: Document) -> str:
    """As many charts as have room, the first of each section first; of a document without charts its tables."""
    kept: list[Markup] = []
    left, room = 0, _MOST_BYTES
    parts: Any = environment().get_template("parts.html").module
    for block in chain(_cards(document), _tables(document)):
        written = parts.table(block) if isinstance(block, Table) else parts.card(block)
        if left or len(written.encode()) > room:
            left += 1
            continue
        kept.append(written)
        room -= len(written.encode())
    told = [finding for finding in document.findings if not finding.further][:_FINDINGS]
    fragment = environment().get_template("fragment.html")
    return fragment.render(document=document, findings=told, blocks=kept, left=left, style=_scoped_style()) + "\n"


def _cards(document: Document) -> Iterator[Card]:
    """The charts, the first of every section before the second of any; how to read them is on the page."""
    for card in in_turn(document.drawn()):
        yield replace(card, reading=None)


def _tables(document: Document) -> Iterator[Table]:
    """What stands foremost, and all tables where nothing is drawn; the first rows of each."""
    drawn = any(isinstance(block, Cards) and block.drawn for block in document.blocks())
    for section in document.sections:
        for block in section.blocks:
            shown = section.foremost or (not drawn and not section.background)
            if isinstance(block, Table) and block.rows and shown:
                yield replace(block, rows=block.rows[:_ROWS])


@lru_cache(maxsize=1)
def _scoped_style() -> Markup:
    """The page's style sheet with every selector inside the fragment, without what is for printing."""
    loader = environment().loader
    if loader is None:
        return Markup()
    sheet = _OF_PAGES.sub("", loader.get_source(environment(), "page.css")[0])
    scoped = _RULE.sub(lambda found: f"{_inside(found[1])}{{", sheet)
    return Markup(f"{scoped}{SCOPE} .legend {{ position: static; }}\n")


def _inside(head: str) -> str:
    """A rule's selectors within the fragment; the page itself is the fragment."""
    if head.lstrip().startswith("@"):
        return head
    before = head[: len(head) - len(head.lstrip())]
    names = [each.strip() for each in head.split(",")]
    return before + ", ".join(SCOPE if name in (":root", "body") else f"{SCOPE} {name}" for name in names) + " "
