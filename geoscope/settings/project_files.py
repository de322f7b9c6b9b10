"""Project files: what a project keeps for geoscope in a file, `[tool.geoscope]` of pyproject.toml, or geoscope.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from geoscope.bounds import PROJECT_BYTES, read_whole
from geoscope.errors import GeoscopeError, first_line

_OURS = re.compile(r"tool\W+geoscope|^\s*geoscope\b", re.MULTILINE)
"""What stands in a project's file that keeps something for geoscope."""

LIMITS, BOUNDS = "limits", "bounds"
"""What of a file is no option: of a change, and of a value."""


def project_table(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The nearest file from a folder upwards, and what it keeps; (None, {}) where there is none.

    In one folder geoscope.toml comes before pyproject.toml, which counts only if it has a [tool.geoscope] table.
    Raises GeoscopeError for a file that is not TOML.
    """
    for place in (folder, *folder.parents):
        own = place / "geoscope.toml"
        if own.is_file():
            content = _read(own)
            table = _tool_table(content)  # which it may leave out or keep
            return own, as_table(content if table is None else table, "geoscope's part", own)
        project = place / "pyproject.toml"
        table = _tool_table(_read(project, foreign=True)) if project.is_file() else None
        if table is not None:
            return project, as_table(table, "geoscope's part", project)
    return None, {}


def as_table(value: Any, name: str, path: Path) -> dict[str, Any]:
    """A part of a file, if it is a table; GeoscopeError otherwise."""
    if not isinstance(value, dict):
        raise GeoscopeError(f"expected {name} to be a table in {path}, got {value!r}; write it under a [heading]")
    return value


def _read(path: Path, *, foreign: bool = False) -> dict[str, Any]:
    """A file's tables; GeoscopeError for one that is no TOML, unless it is foreign: nothing in it is of geoscope."""
    import tomllib  # most runs find no file

    text = ""
    try:
        text = read_whole(path, "TOML", PROJECT_BYTES).decode("utf-8")
        return tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        if foreign and not isinstance(error, (OSError, UnicodeDecodeError)) and not _OURS.search(text):
            return {}
        why = "too many lists in each other" if isinstance(error, RecursionError) else first_line(error)
        raise GeoscopeError(f"expected TOML in {path}, got {why}; mend it or use --no-config") from error


def _tool_table(content: dict[str, Any]) -> Any:
    tools = content.get("tool")
    return tools.get("geoscope") if isinstance(tools, dict) else None
