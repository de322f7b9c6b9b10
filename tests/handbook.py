"""The handbook: README.md and docs/, and what the code says of itself in them. `test_readme.py` holds and mends it.

`python tests/handbook.py` measures the demo checkpoint again, for the README's table and picture.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any

import typer

import geoscope
from geoscope.catalogue import MEASURES
from geoscope.cli import app as cli
from geoscope.cli.help import default_of
from geoscope.cli.help import written as written_as
from geoscope.document import Card, Cards
from geoscope.documents import rendering
from geoscope.documents.reports import document
from geoscope.forms.html.charts import chart
from geoscope.forms.html.drawing import WIDTH
from geoscope.forms.output import Page
from geoscope.report import Report
from geoscope.wording import capital

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "tests" / "fixtures" / "demo.json"
_WIDTH = 100  # columns of the README's table
LAYERS = ROOT / "tests" / "fixtures" / "demo_layers.json"
"""Reports of `geoscope measure demo`, of the last layer and, of the measures that are drawn, of every layer."""

DRAWN = ("isoscore_star", "average_cosine_similarity", "persistent_entropy_deficit", "two_nn")

TOP = {
    "sample_data/": "the `sample` corpus, written for this project, in PTB and WikiText form",
    "tests/": "what must be true; `make slow` adds the simulations",
    "benchmarks/": "geoscope and its peers side by side; `make bench`",
    "docs/": "what the README leaves out",
}


def commands() -> str:
    return _grid(("command", "what it does"), [(f"`geoscope {name}`", says) for name, says in _commands().items()])


def options() -> str:
    """Every argument and option once: where commands differ in its default or its words, once for each."""
    found: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for name, command in _parser().commands.items():
        for each in command.params:
            panel = "Arguments" if not each.opts[0].startswith("-") else each.rich_help_panel or "Of a command"
            row = (written_as(each), each.help or "", default_of(each))
            found.setdefault(panel, {}).setdefault(row, []).append(name)
    parts = []
    for panel, rows in found.items():
        cells = [(f"`{flags}`", says, default, ", ".join(of)) for (flags, says, default), of in rows.items()]
        heads = ("argument" if panel == "Arguments" else "option", "what it is", "default", "of")
        parts.append(f"### {panel}\n\n{_grid(heads, cells)}")
    return "\n\n".join(parts)


def measures() -> str:
    rows = []
    seen = ""
    for one in MEASURES:
        family = one.family if one.family != seen else ""
        seen = one.family
        rows.append((family, f"`{one.key}`", one.title, one.range, one.blind_to, ", ".join(one.moves_with)))
    return _grid(("family", "measure", "what it is", "range", "what it cannot see", "moves with"), rows)


def order() -> str:
    """The layers of the import contract, from top to bottom."""
    held = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    return "\n".join(["```", *held[0]["layers"], "```"])


def tree() -> str:
    """Every module with its first line, packages after the modules beside them."""
    lines = ["```", "geoscope/", *_branch(ROOT / "geoscope", "  ")]
    lines += [f"{name:<26} {purpose}" for name, purpose in TOP.items()]
    return "\n".join([*lines, "```"])


def benchmarks() -> str:
    """What follows from the kept results: benchmarks/results.md has the seconds."""
    rows = []
    for name, section in json.loads((ROOT / "benchmarks" / "results.json").read_text())["sections"].items():
        for place, found in enumerate(section["findings"]):
            bounds = ((found["at_least"], "at least"), (found["at_most"], "at most"))
            wanted = ", ".join(f"{word} {bound:g}" for bound, word in bounds if bound is not None)
            missed = " (missed)" if found["met"] is False else ""
            value = f"{found['value']:.3g} {found['unit']}".strip()
            rows.append(("" if place else name, found["what"], value, f"{wanted}{missed}"))
    return _grid(("section", "what follows", "value", "wanted"), rows, right=2)


def demo() -> str:
    """The table of the kept report."""
    return f"```\n$ geoscope measure demo\n{rendering.render(Report.read(DEMO), 'table', Page(_WIDTH)).strip()}\n```"


def picture() -> str:
    """Some cards of the page of the kept report of every layer, side by side in one drawing."""
    made = document([Report.read(LAYERS)])
    held = (block for section in made.sections for block in section.blocks if isinstance(block, Cards))
    cards = {card.name: card for block in held for card in block.make()}
    gap, height, top = 16, 294, 66
    width = 2 * WIDTH + 7 * gap
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {top + 2 * (height + gap)}" role="img">',
        f"<title>Part of a page of geoscope report: {', '.join(DRAWN)} over the layers of the demo checkpoint</title>",
        f"<style>{_style()}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="head" x="{gap}" y="30">{made.title}</text>',
        f'<text class="what" x="{gap}" y="52">{made.facts[0]}</text>',
    ]
    for place, key in enumerate(DRAWN):
        left, upper = gap + place % 2 * (WIDTH + 3 * gap), top + place // 2 * (height + gap)
        lines.append(f'<g transform="translate({left:g} {upper})">{_card(cards[key], gap, height)}</g>')
    return "\n".join([*lines, "</svg>", ""])


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"demo": demo},
    "docs/architecture.md": {"order": order, "tree": tree},
    "docs/benchmarks.md": {"benchmarks": benchmarks},
    "docs/cli.md": {"commands": commands, "options": options},
    "docs/measures.md": {"measures": measures},
}
"""Each file's parts between `<!-- NAME -->` and `<!-- /NAME -->`, and what writes them."""

WHOLE: dict[str, Callable[[], str]] = {"docs/page.svg": picture}
"""Files that are written whole."""


def measured(place: Path) -> Report:
    """A kept report, measured again; without what only a comparison needs of it."""
    report = geoscope.measure("demo", layers="all", measures=DRAWN) if place == LAYERS else geoscope.measure("demo")
    rows = [row.model_copy(update={"replicates": None, "halves": None}) for row in report.measurements]
    return report.model_copy(update={"measurements": rows})


def part_of(text: str, name: str) -> re.Match[str] | None:
    """Where a part stands: what opens it, the part, what closes it."""
    return re.search(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", text, re.DOTALL)


def written(place: str) -> str:
    """A file of the handbook as it should be."""
    if place in WHOLE:
        return WHOLE[place]()
    text = (ROOT / place).read_text(encoding="utf-8")
    for name, write in PARTS[place].items():
        found = part_of(text, name)
        assert found, f"{place} has no part {name}"
        text = f"{text[: found.end(1)]}{write()}\n{text[found.start(3) :]}"
    return text


def links(text: str) -> Iterator[str]:
    """What a Markdown text links to or shows, outside its code."""
    bare = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", bare)


def anchors(text: str) -> set[str]:
    """What a Markdown text's headings are called in a link."""
    bare = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", bare, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@cache
def _parser() -> Any:
    return typer.main.get_command(cli.app)


def _commands() -> dict[str, str]:
    return {name: command.help.strip().splitlines()[0] for name, command in _parser().commands.items()}


def _branch(folder: Path, indent: str) -> Iterator[str]:
    places = [path for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    for path in sorted(places, key=lambda place: (place.is_dir(), place.name != "__init__.py", place.name)):
        if path.is_dir():
            yield f"{indent}{path.name}/  {_purpose(path / '__init__.py')}"
            yield from _branch(path, indent + "  ")
        elif path.name != "__init__.py" or indent == "  ":
            yield f"{indent}{path.name:<22} {_purpose(path)}"


def _purpose(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert said, f"{path} does not say what it is for"
    return said.splitlines()[0]


def _grid(heads: tuple[str, ...], rows: list[tuple[str, ...]], right: int | None = None) -> str:
    """A Markdown table; right: the column of numbers."""
    rule = "".join("---:|" if place == right else "---|" for place in range(len(heads)))
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(heads)} |", f"|{rule}", *lines])


def _style() -> str:
    """The page's own colours and rules for charts, in light; no variables, which not every viewer knows."""
    sheet = (ROOT / "geoscope/forms/html/templates/page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+(?:-\w+)?): ([^;]+);", sheet[: sheet.index("@media")]))
    of_charts = r"^(?:\.chart [\w.]|\.grid|\.axis|\.null|\.s0|\.whisker|\.faint).*$"
    rules = re.findall(of_charts, sheet, flags=re.MULTILINE)
    rules += [
        "text { font-family: system-ui, sans-serif; }",
        ".head { font-size: 22px; font-weight: 700; fill: var(--ink); }",
        ".name-of { font: 600 14px ui-monospace, monospace; fill: var(--ink); }",
        ".what { font-size: 12px; fill: var(--soft); }",
        ".frame { fill: var(--card); stroke: var(--rule); }",
    ]
    return "\n".join(re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], rule) for rule in rules)


def _card(card: Card, gap: int, height: int) -> str:
    assert card.chart is not None
    assert card.reading is not None
    drawn = str(chart(card.chart)).replace("<svg ", f'<svg x="{gap}" y="72" width="{WIDTH:g}" height="214" ', 1)
    said = "".join(
        f'<text class="what" x="{gap}" y="{44 + 16 * place}">{line}</text>'
        for place, line in enumerate(wrap(capital(card.reading.title), 56))
    )
    return (
        f'<rect class="frame" width="{WIDTH + 2 * gap:g}" height="{height}" rx="6"/>'
        f'<text class="name-of" x="{gap}" y="24">{card.name}</text>{said}{drawn}'
    )


if __name__ == "__main__":
    for kept in (DEMO, LAYERS):
        measured(kept).write(kept)
