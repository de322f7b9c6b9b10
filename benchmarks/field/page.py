"""The page: docs/field.md, of the claims and of every measure of every layer."""

from __future__ import annotations

from pathlib import Path

from benchmarks.field.claims import CLAIMS
from benchmarks.field.looks import CHECKPOINTS, DEMO, LINE, Look, looks
from benchmarks.tables import table

PAGE = Path(__file__).parents[2] / "docs" / "field.md"
CURVES = PAGE.with_suffix("") / "page.html"

_HEAD = """# A look at three checkpoints

Made by `python -m benchmarks.field` from the reports in `benchmarks/field/results`: 500 sequences of PTB and
WikiText-2, every layer, 2,000 points for what is of pairs. What papers say stands in our words; **seen** and **not
seen** say of each checkpoint whether it shows that, **cannot be told** that its errors leave it open. Two layers are
held against each other as if they were of different text, which tells fewer apart than there are. Three small
checkpoints, two of them trained for sentences and not for the next word, confirm or refute nothing of models at large.
[The page](field/page.html) has every curve with its interval and null (download it, and open it).
"""


def page() -> str:
    """The whole page, in Markdown."""
    parts = [_HEAD, _claims(), *map(_layers, looks()), _commands()]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _claims() -> str:
    rows = []
    for claim in CLAIMS:
        for place, held in enumerate(looks()):
            seen = claim.seen(held)
            first = ("", "") if place else (claim.words, claim.paper)
            rows.append((*first, held.name, seen.words, f"**{seen.verdict}**"))
    head = ("what papers say", "which", "checkpoint", "what came out", "")
    return f"## What papers say\n\n{table(head, rows)}\n"


def _layers(held: Look) -> str:
    """Every measure (a row) of every layer, each with its null."""
    keys = list(dict.fromkeys(row.measure for row in held.report.measurements))
    rows = []
    for key in keys:
        found = held.values(key)
        rows.append((f"`{key}`", *(f"{found[layer]:.3g}" if layer in found else "" for layer in held.layers)))
    head = ("measure", *map(str, held.layers))
    return f"## {CHECKPOINTS[held.name]}\n\nBy layer; 0 is the embeddings.\n\n{table(head, rows)}\n"


def _commands() -> str:
    lines = "\n".join(
        f"geoscope {LINE.format(subject='demo' if name == DEMO else name.upper(), data='DATA')} -o {name}.json"
        for name in CHECKPOINTS
    )
    return f"## Commands\n\n```\n{lines}\ngeoscope report minilm.json mpnet.json smollm2.json -o page.html\n```\n"
