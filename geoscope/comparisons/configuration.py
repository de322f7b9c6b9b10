"""Limits that a project keeps in a file: `[tool.geoscope.limits]` of pyproject.toml, or `[limits]` of geoscope.toml.

```toml
[tool.geoscope.limits]
isoscore_star = "-10%"             # may not drop by more than a tenth
"two_nn@last" = ["-1.5", "+3"]     # may drop by 1.5 and rise by 3
```
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from geoscope.comparisons.limits import Limit, limit_of_target
from geoscope.errors import GeoscopeError

_TABLES = ("limits",)


def find_limits(folder: Path) -> tuple[Path | None, tuple[Limit, ...]]:
    """The nearest configuration from a folder upwards, and its limits; (None, ()) where there is none.

    In one folder geoscope.toml comes before pyproject.toml, which counts only if it has a [tool.geoscope] table.
    Raises GeoscopeError for a file that is not TOML, a key that is not known and a limit that is not one.
    """
    for place in (folder, *folder.parents):
        own = place / "geoscope.toml"
        if own.is_file():
            return own, _limits(_own_table(_read(own)), own)
        project = place / "pyproject.toml"
        table = _tool_table(_read(project)) if project.is_file() else None
        if table is not None:
            return project, _limits(table, project)
    return None, ()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GeoscopeError(f"expected TOML in {path}, got {error}; mend it or use --no-config") from error


def _tool_table(content: dict[str, Any]) -> Any:
    tools = content.get("tool")
    return tools.get("geoscope") if isinstance(tools, dict) else None


def _own_table(content: dict[str, Any]) -> Any:
    """geoscope.toml may leave `tool.geoscope` out or keep it."""
    table = _tool_table(content)
    return content if table is None else table


def _limits(table: Any, path: Path) -> tuple[Limit, ...]:
    tables = _as_table(table, "geoscope's part", path)
    unknown = [key for key in tables if key not in _TABLES]
    if unknown:
        raise GeoscopeError(f"expected only [{'], ['.join(_TABLES)}] in {path}, got {', '.join(unknown)}; take it out")
    entries = _as_table(tables.get("limits", {}), "limits", path)
    return tuple(
        limit_of_target(target, amount, str(path))
        for target, amounts in entries.items()
        for amount in _amounts(target, amounts, path)
    )


def _as_table(value: Any, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GeoscopeError(f"expected {name} to be a table in {path}, got {value!r}; write it under a [heading]")
    return value


def _amounts(target: str, value: Any, path: Path) -> list[str]:
    """One amount or several. A bare number is refused: TOML drops the + that would make it a limit on a rise."""
    amounts = value if isinstance(value, list) else [value]
    for amount in amounts:
        if not isinstance(amount, str):
            raise GeoscopeError(
                f'expected text for the limit {target} in {path}, got {amount!r}; write it in quotes, as in "-10%"'
            )
    return amounts
