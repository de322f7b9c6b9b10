"""Docstrings of what is public: every parameter once, in numpydoc's sections, and examples that are run."""

from __future__ import annotations

import doctest
import inspect
import re
from typing import Any

import pytest

import geoscope
from geoscope.result import Result

FUNCTIONS = ("check", "compare", "correlate", "extract", "finetune", "measure", "noise_floor", "perturb", "size_curve")
SECTIONS = ("Parameters", "Returns", "Raises")
WITHOUT_EXAMPLE = {"finetune"}
"""It trains a model."""


def sections_of(text: str) -> dict[str, str]:
    parts = re.split(r"^([A-Z]\w+)\n-+\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entries_of(section: str) -> dict[str, str]:
    """Each name of a section on parameters with its type and meaning; several names may share one."""
    parts = re.split(r"^(\*?\w+(?:, \*?\w+)*) : ", section, flags=re.MULTILINE)
    return {
        name.lstrip("*"): meaning
        for names, meaning in zip(parts[1::2], parts[2::2], strict=True)
        for name in names.split(", ")
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_told_of_once_in_its_order(name: str) -> None:
    function = getattr(geoscope, name)
    told = inspect.getdoc(function)
    found = sections_of(told)
    assert set(SECTIONS) <= set(found)
    entries = entries_of(found["Parameters"])
    assert list(entries) == list(inspect.signature(function).parameters)
    for parameter, meaning in entries.items():
        kind, _, words = meaning.partition("\n")
        assert kind.strip(), parameter
        assert len(words.strip()) > 4, parameter
        assert "--" not in words, (parameter, words)
    assert all(len(line) <= 120 for line in told.splitlines())


def test_kinds_defaults_and_bounds_are_the_fields() -> None:
    entries = entries_of(sections_of(inspect.getdoc(geoscope.measure))["Parameters"])
    assert entries["sequences"].split() == ["int,", "default", "5000", "Sequences", "to", "draw.", "At", "least", "1."]
    assert entries["bits"].startswith("int, default 8\n")
    assert "At least 1 and at most 16." in entries["bits"]
    assert entries["population"].startswith("{'endless', 'corpus'}, default 'endless'\n")
    assert "If left out: every split." in entries["split"]
    assert "in what `memory` leaves" in " ".join(entries["device_map"].split())


@pytest.mark.parametrize("name", sorted(set(geoscope.__all__) - {"__version__"}))
def test_examples_are_right(name: str) -> None:
    held = getattr(geoscope, name)
    tests = doctest.DocTestFinder(recurse=False).find(held, name, globs={})
    wanted = name in FUNCTIONS and name not in WITHOUT_EXAMPLE
    assert any(each.examples for each in tests) == wanted
    said: list[str] = []
    for each in tests:
        doctest.DocTestRunner(verbose=False).run(each, out=said.append)
    assert said == []


def test_what_results_share_is_told() -> None:
    public: dict[str, Any] = {name: each for name, each in vars(Result).items() if inspect.isfunction(each)}
    assert all(inspect.getdoc(each) for name, each in public.items() if not name.startswith("_"))
    assert set(SECTIONS) <= set(sections_of(inspect.getdoc(Result.plot)))
    assert set(SECTIONS) <= set(sections_of(inspect.getdoc(geoscope.Report.plot)))
