"""Sentences: other libraries' errors, to end one of geoscope's own with."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """The first line of an error's message without its full stop; its type where it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
