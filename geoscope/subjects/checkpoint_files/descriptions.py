"""Descriptions: the JSON files that say what stands in a checkpoint's folder, and the paths that they give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from geoscope.bounds import DESCRIPTION_BYTES, LAYERS, PARTS, read_whole
from geoscope.errors import GeoscopeError, first_line
from geoscope.files import json_content

T = TypeVar("T", bound=dict[str, Any] | list[Any])


def read_json(path: Path, kind: type[T]) -> T:
    """A file's one object or list; raises GeoscopeError where it holds something else or cannot be read."""
    wanted = "object" if kind is dict else "list"
    try:
        held = json_content(read_whole(path, "JSON", DESCRIPTION_BYTES))
    except (OSError, ValueError) as error:
        raise GeoscopeError(
            f"expected JSON in {path}, got something else: {first_line(error)}; download or save it again"
        ) from error
    if not isinstance(held, kind):
        raise GeoscopeError(
            f"expected one {wanted} of JSON in {path}, got a {type(held).__name__}; download or save it again"
        )
    return held


_COUNTS = (
    (re.compile(r"(^|_)(layers?|blocks?|depths?)$"), LAYERS),
    (re.compile(r"(^|_)(heads?|experts|labels|classes|codebooks|groups)$"), PARTS),
)


def refuse_many_parts(config: Mapping[str, Any], subject: str) -> None:
    """Refuse a configuration, or one in it, with more layers, heads and so on than any model has."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            refuse_many_parts(value, subject)
        most = next((most for pattern, most in _COUNTS if pattern.search(name)), None)
        for number in value if isinstance(value, list) else [value]:
            if most is not None and isinstance(number, int) and number > most:
                raise GeoscopeError(
                    f"expected {name} of at most {most:,} in the config.json of '{subject}', got {number:,}; mend it"
                )


def inside(folder: Path, name: Any, origin: Path) -> Path:
    """The file or folder of a name below a folder; raises GeoscopeError for a name that leads out of it."""
    parts = Path(name).parts if isinstance(name, str) and "\0" not in name else ("..",)
    if ".." in parts or Path(*parts).is_absolute():
        raise GeoscopeError(f"expected names inside {folder}, got {name!r} in {origin}; mend it, or do not trust it")
    return folder.joinpath(*parts)
