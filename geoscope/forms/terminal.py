"""The terminal: tables as wide as it is, reasons as footnotes, what to be wary of below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from geoscope.document import Cards, Code, Document, Finding, Section, Style, Table
from geoscope.forms.laying_out import GAP, Notes, Parts, first_rows, laid_out, left_out, parts_of
from geoscope.forms.output import Page
from geoscope.wording import cells_wide, code_and_words, printable, sentence

_SHORT = 80  # characters of a line
_STICKS = "\N{NO-BREAK SPACE}"  # a number to its unit
_STYLES: dict[Style, str] = {"": "", "strong": "bold", "faint": "dim", "bad": "red"}


def text(document: Document, page: Page) -> str:
    """Title and facts, what is said first, the tables with their footnotes, how to read them, and what else is told."""
    return "".join(f"{line.rstrip()}\n" for line in _drawn(document, page))


def _drawn(document: Document, page: Page) -> Iterator[str]:
    notes, blocks = Notes(), document.blocks(foremost_last=True)
    yield from _lines(document.title, page, style="bold")
    for fact in document.facts:
        yield from _lines(fact, page)
    yield from [""] if document.opening else []
    for each in document.opening:
        yield from _lines(_told(each), page, "- ", "yellow" if each.warning else "")
    whole = [block for block in blocks if isinstance(block, Table)]
    standing = [laid_out(first_rows(table, page), page) for table in whole]
    tables = [each for some in standing for each in some if each.rows]
    for table in tables:
        yield ""
        yield from _lines(table.caption, page, style="bold") if len(tables) > 1 and table.caption else []
        yield from _table(table, notes, page)
    for reason, number in notes.reasons.items():
        yield from _lines(reason, page, f"[{number}] ")
    for section in document.sections:
        yield from _described(section, page)
    further = [line for table, some in zip(whole, standing, strict=True) for line in left_out(table, some, page)]
    below = [*_paired(document.how_to_read(tables)), *document.told(warning=False), *further]
    yield from [""] if below else []
    for line in below:
        yield from _lines(line, page, style="dim")
    for line in document.told(warning=True):
        yield from _lines(f"warning: {line}", page, style="yellow")
    for block in blocks:
        if isinstance(block, Code):
            yield from ["", *block.text.rstrip("\n").split("\n")]
    if document.outcome is not None:
        yield from ["", *_lines(document.outcome, page, style="bold")]


def _told(finding: Finding) -> str:
    return sentence(f"warning: {finding.text}" if finding.warning else finding.text)


def _paired(lines: Sequence[str]) -> list[str]:
    """The lines, short ones together."""
    found: list[str] = []
    for line in lines:
        if found and len(found[-1]) + len(line) < _SHORT:
            found[-1] += f" {line}"
        else:
            found.append(line)
    return found


def _lines(text: str, page: Page, head: str = "", style: str = "") -> list[str]:
    """A text in lines of whole words, all after the first as far in as what heads it; nothing longer is cut."""
    words = "".join(piece for piece, _ in code_and_words(printable(text))).replace(" %", f"{_STICKS}%")
    lines = textwrap.wrap(
        words, (page.width or 100_000) - len(head), break_long_words=False, break_on_hyphens=False,
        drop_whitespace=True,
    )  # fmt: skip
    heads = [head, *[" " * len(head)] * (len(lines) - 1)]
    told = [before + line.replace(_STICKS, " ") for before, line in zip(heads, lines or [""], strict=True)]
    return [page.styled(line, style) for line in told]


def _described(section: Section, page: Page) -> Iterator[str]:
    """Cards that have no chart, in words, under what heads them."""
    cards = [card for block in section.blocks if isinstance(block, Cards) and not block.drawn for card in block.make()]
    yield from _lines(section.title, page, style="bold") if cards else []
    for card in cards:
        facts = dict(card.reading.facts) | {"paper": card.reading.paper} if card.reading is not None else {}
        yield from _lines(f"{card.name}: {'' if card.reading is None else card.reading.title}", page, "  ")
        for name, fact in facts.items():
            yield from _lines(f"{name}: {fact}", page, " " * 6, "dim")


def _table(table: Table, notes: Notes, page: Page) -> Iterator[str]:
    """The table, or several under one another where its columns do not fit the width even without spare ones."""
    width, parts = page.width, parts_of(table, notes, page.width)
    if width and parts.room > width:
        parts = parts.stacked()
    kept = list(range(len(parts.columns)))
    for at in sorted(kept, key=lambda at: -parts.columns[at].spare):
        if width and parts.columns[at].spare and parts.first + sum(parts.sizes[place] for place in kept) > width:
            kept.remove(at)
    blocks: list[list[int]] = [[]]
    for at in kept:
        if blocks[-1] and width and parts.first + sum(parts.sizes[place] for place in [*blocks[-1], at]) > width:
            blocks.append([])
        blocks[-1].append(at)
    for number, block in enumerate(blocks):
        yield from [""] if number else []
        yield from _block(table, parts, block, page)


def _block(table: Table, parts: Parts, block: Sequence[int], page: Page) -> Iterator[str]:
    """Some columns of the table, beside the one that names the rows."""

    def line(stub: str, cells: Sequence[str], style: str = "", of_stub: str = "") -> str:
        placed = [page.styled(stub, of_stub) + " " * (parts.first - cells_wide(stub))]
        for at, cell in zip(block, cells, strict=True):
            room = " " * (parts.sizes[at] - GAP - cells_wide(cell))
            shown = page.styled(cell, style)
            placed.append(" " * GAP + (shown + room if parts.columns[at].words else room + shown))
        return "".join(placed)

    titles = [title.split("\n") for title in (parts.stub.title, *(parts.titles[at] for at in block))]
    for stub, *heads in _bottom_up(titles):
        yield line(printable(stub), list(map(printable, heads)), "bold", "bold")
    yield "─" * (parts.first + sum(parts.sizes[at] for at in block))
    group = ""
    for at, row in enumerate(table.rows):
        head = "" if parts.heading is None or parts.heading.heading is None else printable(parts.heading.heading(row))
        if head not in ("", group):
            yield page.styled(head, "bold")
        group = head
        style = _STYLES[table.style(row) if table.style is not None else ""]
        yield line(parts.labels[at], [parts.cells[at][column] for column in block], style)


def _bottom_up(titles: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Titles of several lines, line by line, so that they end in the same one."""
    return list(zip_longest(*(title[::-1] for title in titles), fillvalue=""))[::-1]
