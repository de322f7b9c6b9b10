"""JSON as every result is written: indented, without NaN, and without a sign before a zero."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def json_text(content: Any) -> str:
    """The text: two-space indent, keys in their order, a newline at the end. Raises ValueError for NaN and infinity."""
    return json.dumps(unsigned(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def is_none(value: object) -> bool:
    """Whether a field has nothing to say, for those that are left out then."""
    return value is None


def unsigned(content: Any) -> Any:
    """The same content with 0.0 in the place of -0.0: a direction is not said of what is nothing."""
    if isinstance(content, float):
        return content + 0.0
    if isinstance(content, Mapping):
        return {key: unsigned(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [unsigned(value) for value in content]
    return content
