"""Limits that a project keeps in a file: `[tool.geoscope.limits]` and `[tool.geoscope.bounds]` of pyproject.toml.

```toml
[tool.geoscope.limits]             # of a change: `compare`
isoscore_star = "-10%"             # may not drop by more than a tenth
"two_nn@last" = ["-1.5", "+3"]     # may drop by 1.5 and rise by 3

[tool.geoscope.bounds]             # of a value: `check`
anisotropy = "<0.5"
"two_nn@last" = [">5", "<40"]
collapse = true                    # its signs, in either table
```
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from geoscope.comparisons.collapse import Collapse, collapse_of
from geoscope.comparisons.limits import Bound, Limit, bound_of_target, limit_of_target
from geoscope.errors import GeoscopeError
from geoscope.settings.project_files import BOUNDS, LIMITS, as_table, project_table

Held = TypeVar("Held", Limit, Bound)


def find_limits(folder: Path) -> tuple[Path | None, tuple[Limit | Collapse, ...]]:
    """The nearest project file from a folder upwards, and its limits; GeoscopeError for one that is none."""
    return _found(folder, LIMITS, limit_of_target)


def find_bounds(folder: Path) -> tuple[Path | None, tuple[Bound | Collapse, ...]]:
    """The nearest project file from a folder upwards, and its bounds; GeoscopeError for one that is none."""
    return _found(folder, BOUNDS, bound_of_target)


def _found(
    folder: Path, name: str, made: Callable[[str, str, str], Held]
) -> tuple[Path | None, tuple[Held | Collapse, ...]]:
    path, table = project_table(folder)
    if path is None:
        return None, ()
    found: list[Held | Collapse] = []
    for target, kept in as_table(table.get(name, {}), name, path).items():
        named = collapse_of(target)
        if named is None:
            found += [made(target, amount, str(path)) for amount in _amounts(target, kept, path)]
        elif not isinstance(kept, bool):
            raise GeoscopeError(f"expected {target} to be true or false in {path}, got {kept!r}; its limits are known")
        elif kept:
            found.append(named)
    return path, tuple(found)


def _amounts(target: str, value: Any, path: Path) -> list[str]:
    """One amount or several. A bare number is refused: TOML drops the + that would make it a limit on a rise."""
    amounts = value if isinstance(value, list) else [value]
    for amount in amounts:
        if not isinstance(amount, str):
            raise GeoscopeError(
                f'expected text for the limit {target} in {path}, got {amount!r}; write it in quotes, as in "-10%"'
            )
    return amounts
