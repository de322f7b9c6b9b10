"""One dialect of errors: what was expected, what came, what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import geoscope
from geoscope import errors
from geoscope.errors import GeoscopeError

PACKAGE = Path(geoscope.__file__).parent
SENTENCES = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, GeoscopeError)}
WITHOUT_GOT = re.compile(r"^expected (no |--\w+ only |\{\} only |.*, could not read )")
"""What came is what was not expected, or could not be read."""


def _text(node: ast.expr) -> str:
    """A string as it will read, "{}" for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "{}"


def _raised() -> Iterator[tuple[str, str, str]]:
    """(place, kind, sentence) of every error that the package makes."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SENTENCES:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node.func.id, _text(node.args[0])


RAISED = list(_raised())


def test_the_errors_are_found() -> None:
    assert len(RAISED) > 200


def test_every_error_reads_expected_got() -> None:
    sentences = [(place, sentence) for place, _, sentence in RAISED]
    assert [each for each in sentences if not each[1].startswith("expected ")] == []
    assert [each for each in sentences if " got " not in each[1] and not WITHOUT_GOT.match(each[1])] == []
    assert [each for each in sentences if each[1].endswith(".")] == []


def test_a_heading_brings_what_it_is_of() -> None:
    error = ValueError("\nClass validation error for validator 'size':\n    ValueError: it is odd.\n    more")
    assert errors.first_line(error) == "Class validation error for validator 'size': ValueError: it is odd"
    assert errors.first_line(ValueError("it is odd.\nmore")) == "it is odd"
    assert errors.first_line(KeyError()) == "KeyError"
