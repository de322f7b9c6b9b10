"""The README says what is there: commands, measures, files. `UPDATE_README=1 pytest tests/test_readme.py` mends it."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path

import pytest

from geoscope.catalogue import MEASURES
from geoscope.cli import app as cli

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

TOP = {
    "sample_data/": "the `sample` corpus, written for this project, in PTB and WikiText form",
    "tests/": "what must be true; `make slow` adds the simulations",
    "benchmarks/": "geoscope and its peers side by side; `make bench`",
}


def commands() -> str:
    rows = ["| command | what it does |", "|---|---|"]
    for command in cli.app.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        rows.append(f"| `geoscope {name}` | {command.callback.__doc__.strip().splitlines()[0]} |")
    return "\n".join(rows)


def measures() -> str:
    head = ("family", "measure", "what it is", "range", "what it cannot see", "moves with")
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    seen = ""
    for one in MEASURES:
        family = one.family if one.family != seen else ""
        seen = one.family
        cells = [family, f"`{one.key}`", one.title, one.range, one.blind_to, ", ".join(one.moves_with)]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def tree() -> str:
    lines = ["```", "geoscope/"]
    for path in sorted(ROOT.glob("geoscope/**/*.py"), key=lambda p: (p.parent, p.name != "__init__.py", p.name)):
        place = path.relative_to(ROOT / "geoscope")
        depth = "  " * len(place.parts)
        purpose = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()[0]
        assert purpose, f"{path} does not say what it is for"
        if path.name == "__init__.py" and place.parts[:-1]:
            lines.append(f"{'  ' * (len(place.parts) - 1)}{place.parts[-2]}/  {purpose}")
        else:
            lines.append(f"{depth}{path.name:<22} {purpose}")
    lines += [f"{name:<26} {purpose}" for name, purpose in TOP.items()]
    return "\n".join([*lines, "```"])


def benchmarks() -> str:
    """What follows from the kept results: benchmarks/results.md has the seconds."""
    rows = ["| section | what follows | value | wanted |", "|---|---|---:|---|"]
    for name, section in json.loads((ROOT / "benchmarks" / "results.json").read_text())["sections"].items():
        for place, found in enumerate(section["findings"]):
            bounds = ((found["at_least"], "at least"), (found["at_most"], "at most"))
            wanted = ", ".join(f"{word} {bound:g}" for bound, word in bounds if bound is not None)
            missed = " (missed)" if found["met"] is False else ""
            value = f"{found['value']:.3g} {found['unit']}".strip()
            rows.append(f"| {'' if place else name} | {found['what']} | {value} | {wanted}{missed} |")
    return "\n".join(rows)


BLOCKS = {"commands": commands, "measures": measures, "benchmarks": benchmarks, "tree": tree}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_readme_is_true(name):
    text = README.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n?<!-- /{name} -->)", re.DOTALL)
    expected = pattern.sub(lambda found: found[1] + BLOCKS[name]() + found[2], text)
    if os.environ.get("UPDATE_README"):
        README.write_text(expected, encoding="utf-8")
    assert pattern.search(text), f"README.md has no {name} block"
    assert README.read_text(encoding="utf-8") == expected


def test_every_folder_of_the_readme_is_there():
    for name in TOP:
        assert (ROOT / name).is_dir()


def test_the_library_example_runs(monkeypatch, tmp_path, capsys):
    """The README's six lines, on an array instead of the demo checkpoint, which the tests do not need."""
    import numpy as np

    import geoscope
    from geoscope import measures

    code = re.search(r"```python\n(import geoscope.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    rows = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", **{"layer-05": rows, "layer-06": rows + 1})
    file, measure = str(tmp_path / "rows.npz"), geoscope.measure
    monkeypatch.setattr(geoscope, "measure", lambda *_, **__: measure(file, measures=["isotropy"], layers="all"))
    from geoscope.subjects.embeddings.embedding_files import open_embeddings

    monkeypatch.setattr(geoscope, "extract", lambda *_, **__: open_embeddings(tmp_path / "rows.npz"))
    exec(compile(code, "README.md", "exec"), {})
    printed = [float(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == pytest.approx([measures.isoscore(rows + 1), measures.two_nn(rows + 1)], rel=1e-9)
