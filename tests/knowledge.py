"""Where knowledge stands: what of the package says again what another place says. `python tests/knowledge.py [FOLDER]`.

Each function lists the places beyond the one that a piece of knowledge has; `test_knowledge.py` wants none.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geoscope.settings.option import Field

PACKAGE = Path(__file__).resolve().parent.parent / "geoscope"

_OPTION_LISTS = 4
"""So many options' names in one literal are a list of options."""

_OPENERS = frozenset({"object_embeddings", "load_checkpoint", "open_embeddings", "open_text_subject", "read_folder"})
_MAY_OPEN = {
    "opening": _OPENERS,
    "text_subjects": {"load_checkpoint", "open_text_subject"},
    "embedding_folders": {"read_folder"},  # what was written is read back
    "batch": {"open_embeddings", "open_text_subject"},  # to compare with what was kept, before anything is read
    "study": {"load_checkpoint", "open_text_subject"},  # its weights are to be changed
    "sweeps": {"load_checkpoint"},  # to be trained
    "runs": {"load_checkpoint"},  # a run's own
}
_TABLES = {("csv", "reader"), ("csv", "DictReader"), ("pq", "read_table"), ("pq", "ParquetFile")}
_READERS = ("tables.py", "table_files.py", "separated_files.py", "csv_heads.py")
"""The reader of tables, and which of its own files open one; rows of embeddings are streamed, their head looked at."""

_TRAITS_MAY_STAND = ("catalogue", "protocols.py", "measures", "settings", "diagnosis")
"""Files and folders that name measures for what they are: their rows, formulas, what works and options ask for, and
what other code found for them.
"""


_FORMS = "forms"
"""Where what is written of a result must not depend on what result it is."""

_OWN = {"null", "limit", "error"}
"""Words that forms have of their own: a chart's line, JUnit's kinds of failure, GitHub's of annotation."""


def modules(package: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Every module's path under the package, and its tree."""
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package), ast.parse(path.read_text(encoding="utf-8"))


def option_defaults(package: Path) -> list[str]:
    """Defaults of options written again as a literal, where the option's own could be asked for."""
    found = []
    for path, tree in modules(package):
        if path.parts[0] == "settings":
            continue
        for name, default, line in _defaults(tree):
            known = _options().get(name, ())
            if isinstance(default, ast.Constant) and not isinstance(default.value, bool) and default.value in known:
                found.append(f"{path}:{line} {name}={default.value!r}")
    return found


def option_lists(package: Path) -> list[str]:
    """Literals that list options by name."""
    found = []
    for path, tree in modules(package):
        if path.parts[0] in ("settings", "measures") or path.name == "protocols.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
                words = [each.value for each in node.elts if isinstance(each, ast.Constant)]
                if sum(1 for word in words if word in _options()) >= _OPTION_LISTS:
                    found.append(f"{path}:{node.lineno} {len(words)} names")
    return found


def option_choices(package: Path) -> list[str]:
    """Literals of the words that an option may be."""
    chosen = {frozenset(field.choices) for field in _fields() if field.choices}
    found = []
    for path, tree in modules(package):
        for node in ast.walk(tree) if path.parts[0] != "settings" else ():
            if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
                words = [each.value for each in node.elts if isinstance(each, ast.Constant)]
                found += [f"{path}:{node.lineno} {words}"] * (frozenset(words) in chosen)
    return found


def ladders(package: Path) -> list[str]:
    """Places that open a subject of some kind themselves, or tell kinds by a name's ending."""
    found = []
    for path, tree in modules(package):
        allowed = _MAY_OPEN.get(path.stem, frozenset())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OPENERS - allowed:
                found.append(f"{path}:{node.lineno} {node.func.id}")
            if isinstance(node, ast.Constant) and node.value == "embeddings.json":
                found += [f"{path}:{node.lineno} embeddings.json"] * (path.stem not in ("kinds", "embedding_folders"))
    return found


def table_readers(package: Path) -> list[str]:
    """Places beside the reader of tables that open a table."""
    found = []
    for path, tree in modules(package):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and path.name not in _READERS:
                called = (node.value.id, node.attr)
                found += [f"{path}:{node.lineno} {'.'.join(called)}"] * (called in _TABLES)
    return found


def measure_traits(package: Path) -> list[str]:
    """Places that name a measure to treat it in a way of its own."""
    from geoscope.catalogue import FAMILIES, KEYS

    keys = set(KEYS) - set(FAMILIES)
    found = []
    for path, tree in modules(package):
        if path.parts[0] in _TRAITS_MAY_STAND:
            continue
        told = {id(each) for each in _docstrings(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in keys and id(node) not in told:
                found.append(f"{path}:{node.lineno} {node.value}")
    return found


def result_columns(package: Path) -> list[str]:
    """Columns of results that a form names: they stand in the result's document alone."""
    names = _columns()
    found = []
    for path, tree in modules(package):
        if path.parts[0] == _FORMS:
            known = {id(node) for node in _docstrings(tree)}
            found += [
                f"{path}:{node.lineno} {node.value}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and node.value in names and id(node) not in known
            ]
    return found


KNOWLEDGE: dict[str, Callable[[Path], list[str]]] = {
    "defaults of options": option_defaults,
    "lists of options": option_lists,
    "choices of options": option_choices,
    "ladders of subjects": ladders,
    "readers of tables": table_readers,
    "traits of measures": measure_traits,
    "columns of results": result_columns,
}


def _columns() -> frozenset[str]:
    """Every column that a result's document names, whichever kind of result it is."""
    named = {
        node.args[0].value
        for path, tree in modules(PACKAGE)
        if path.parts[0] == "documents"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Column" and node.args
        if isinstance(node.args[0], ast.Constant)
    }
    return frozenset(named) - {""} - _OWN


def _options() -> dict[str, tuple[object, ...]]:
    """Every option's name with the defaults it has that say something: no None, no 0."""
    found: dict[str, tuple[object, ...]] = {}
    for field in _fields():
        default = field.option.default
        telling = [default] if default and isinstance(default, (int, float, str)) else []
        found[field.name] = (*found.get(field.name, ()), *telling)
    return found


def _fields() -> Iterator[Field]:
    """Every option of the package's groups."""
    from geoscope.settings import correlating, fine_tuning, judging, measuring, studying
    from geoscope.settings.option import fields_of

    groups = (
        measuring.MeasureKeywords, judging.CompareKeywords, judging.FloorKeywords, judging.CurveKeywords,
        studying.StudyKeywords, fine_tuning.FineTuningKeywords, correlating.CorrelateOptions,
    )  # fmt: skip
    for group in groups:
        yield from fields_of(group).values()


def _defaults(tree: ast.Module) -> Iterator[tuple[str, ast.expr, int]]:
    """(name, default, line) of every parameter and class field that has one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            places = [*node.args.posonlyargs, *node.args.args]
            late = places[len(places) - len(node.args.defaults) :]
            pairs = [*zip(late, node.args.defaults, strict=True)]
            pairs += [(a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None]
            yield from ((argument.arg, default, default.lineno) for argument, default in pairs)
        if isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value is not None:
                    yield each.target.id, each.value, each.lineno


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


if __name__ == "__main__":
    folders = [each for each in sys.argv[1:] if each != "-v"]
    chosen = Path(folders[0]) if folders else PACKAGE
    for what, where in KNOWLEDGE.items():
        places = where(chosen)
        print(f"{what}: {len(places)} further places")
        for place in places if "-v" in sys.argv else []:
            print(f"  {place}")
