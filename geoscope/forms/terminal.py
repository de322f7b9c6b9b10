"""The terminal: what rich draws, as text."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from geoscope.forms.output import Page

if TYPE_CHECKING:
    from rich.console import RenderableType


def draw(parts: Iterable[RenderableType], page: Page) -> str:
    """Rich's drawing of some parts as text, with escape codes only in color."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=page.width or 100_000,
        force_terminal=page.color,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())
