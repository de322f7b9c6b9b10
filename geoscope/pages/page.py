"""The page: one HTML file without script or network, from a template, a style sheet and what they are given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from geoscope import __version__
from geoscope.pages.drawing import swatch
from geoscope.pages.grids import kind_of, shown
from geoscope.pages.reading import Reading
from geoscope.wording import printable


@dataclass(frozen=True)
class Card:
    """One measure on a page: its chart, how to read it, and its number where there is only one."""

    name: str
    chart: Markup
    reading: Reading | None
    number: str | None = None
    beside: str | None = None


def render_page(template: str, title: str, **content: Any) -> str:
    """The whole page; title: of the document. Every string is escaped, whoever wrote it."""
    drawn = _environment().get_template(f"{template}.html").render(title=title, version=__version__, **content)
    return drawn.rstrip("\n") + "\n"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("geoscope", "pages/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finished,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"kind": kind_of, "shown": shown, "swatch": swatch}
    return environment


def _finished(value: Any) -> Any:
    """What a template writes: control characters cannot hide in text, None is nothing."""
    if value is None:
        return ""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
