"""Every test asserts something: one that only runs code passes whatever the code gives."""

from __future__ import annotations

import ast
from pathlib import Path

ASSERTING = ("pytest.raises", "pytest.warns", "pytest.fail", "np.testing.")


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def calls(node: ast.AST) -> list[str]:
    return [ast.unparse(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)]


def asserts(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Assert) for each in ast.walk(node)) or any(
        name.startswith(ASSERTING) for name in calls(node)
    )


def asserting_nothing(source: str) -> list[str]:
    """The tests of a module that hold no assertion, nor call a function of the module that does."""
    held = functions(ast.parse(source))
    asserting = {name for name, node in held.items() if asserts(node)}
    tests = {name: node for name, node in held.items() if name.startswith("test_")}
    return [name for name, node in tests.items() if name not in asserting and not asserting & set(calls(node))]


def test_every_test_asserts_something() -> None:
    files = sorted(Path(__file__).parent.glob("test_*.py"))
    found = {path.name: asserting_nothing(path.read_text(encoding="utf-8")) for path in files}
    assert {name: tests for name, tests in found.items() if tests} == {}


def test_a_test_without_an_assertion_is_found() -> None:
    helpers = "def helper(x):\n    assert x\ndef other(x):\n    print(x)\n"
    assert asserting_nothing(helpers + "def test_a():\n    other(1)\n") == ["test_a"]
    assert asserting_nothing(helpers + "def test_a():\n    helper(1)\n") == []
    assert asserting_nothing("def test_a():\n    with pytest.raises(ValueError):\n        int('x')\n") == []
