"""Markdown: GitHub's tables, and text with nothing in it that Markdown or HTML would act on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from geoscope.document import Cards, Code, Column, Document, Finding, Section, Table, entry
from geoscope.wording import cell_text, code_and_words, printable, sentence


def text(document: Document) -> str:
    """The outcome first, the facts, every table, and what to be wary of."""
    blocks = document.blocks()
    tables = [block for block in blocks if isinstance(block, Table)]
    tables += [each for section in document.sections for each in _of_cards(section)]
    name = "" if document.cases is None else "geoscope: "  # of a gate, which stands among what others report
    parts = [f"### {name}{escaped(document.title)}"]
    parts += [f"**{escaped(document.outcome)}**"] if document.outcome is not None else []
    parts += [
        _listed(list(map(_prose, document.facts))) if len(document.facts) > 1 else "".join(map(_prose, document.facts))
    ]
    parts += [_listed([_opening(finding) for finding in document.opening])]
    for table in tables:
        parts += [f"**{escaped(table.caption)}**"] if len(tables) > 1 and table.telling is None else []
        parts += _table(table) if table.telling is None else _folded(table, table.telling)
    below = [*document.how_to_read(tables), *document.told(warning=False)]
    parts += [_listed(list(map(_prose, below)))]
    parts += [f"**Warning:** {_prose(warning)}" for warning in document.told(warning=True)]
    parts += [f"```{block.language}\n{block.text.rstrip()}\n```" for block in blocks if isinstance(block, Code)]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def escaped(cell: Any) -> str:
    """One cell or phrase with nothing in it that Markdown or HTML would act on."""
    found = cell_text(cell).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found = re.sub(r"([\\|`*\[\]#])", r"\\\1", found)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\_", found)  # inside a word GitHub leaves it alone


def _opening(finding: Finding) -> str:
    return ("**Warning:** " if finding.warning else "") + _prose(sentence(finding.text))


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _prose(text: str) -> str:
    """A sentence, in which what stands between backticks is code."""
    return "".join(f"`{printable(piece)}`" if code else escaped(piece) for piece, code in code_and_words(text))


def _table(table: Table) -> list[str]:
    columns = table.shown()
    lines = [[escaped(column.title) for column in columns]]
    lines += [["---" if column.words or column.note else "---:" for column in columns]]
    lines += [[escaped(column.told(row)) for column in columns] for row in table.rows]
    return ["".join("| " + " | ".join(line) + " |\n" for line in lines)]


def _of_cards(section: Section) -> list[Table]:
    """Cards that have no chart, a row each."""
    cards = [card for block in section.blocks if isinstance(block, Cards) and not block.drawn for card in block.make()]
    rows = [
        {"name": card.name, "what": card.reading.title, **card.reading.facts, "paper": card.reading.paper}
        for card in cards
        if card.reading is not None
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return [Table(section.title, [Column(name, value=entry(name), words=True) for name in names], rows)] if rows else []


def _folded(table: Table, telling: Any) -> list[str]:
    """The telling rows, and all of them folded away where there are others."""
    first = [row for row in table.rows if telling(row)]
    parts = _table(Table(table.caption, table.columns, first)) if first else []
    if len(first) < len(table.rows):
        parts += [f"<details><summary>{escaped(table.caption)}</summary>", *_table(table), "</details>"]
    return parts
