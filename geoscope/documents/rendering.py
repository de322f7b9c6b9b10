"""Rendering: any result as text in any form. The one place that knows both documents and forms."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from geoscope.document import Document
from geoscope.documents.kinds import document_of
from geoscope.errors import GeoscopeError
from geoscope.files import send
from geoscope.forms.output import FORMS, GATE_FORMS, SUFFIXES, Page
from geoscope.json_text import json_text

_ANY_PAGE = Page()


def render(result: Any, form: str, page: Page = _ANY_PAGE) -> str:
    """A result, or a list of reports, as text. page: what a table is drawn on.

    Raises GeoscopeError for a form that such a result is not written in.
    """
    if form == "json":
        return _json(result)
    document = document_of(result)
    what = "several reports" if isinstance(result, Sequence) else f"a {result.noun}"
    forms = FORMS if document.cases is None else GATE_FORMS
    if form not in forms:
        *most, last = forms
        raise GeoscopeError(f"expected {', '.join(most)} or {last} for {what}, got {form}; choose with --format")
    return _written(document, form, page)


def _json(result: Any) -> str:
    if isinstance(result, Sequence):
        return json_text([each.model_dump(mode="json") for each in result])
    text: str = result.to_json()
    return text


_WRITERS = {"table": "terminal", "html": "html.page"}
"""The module of `geoscope/forms/` that writes a form, where it has another name."""


def _written(document: Document, form: str, page: Page) -> str:
    """The document in a form, whose writer is loaded when it is used."""
    writer = import_module(f"geoscope.forms.{_WRITERS.get(form, form)}")
    written: str = writer.text(document, page) if form == "table" else writer.text(document)
    return written


def write_beside(result: Any, folder: str) -> None:
    """A result beside its runs: results.json, .csv, .md and .html."""
    for suffix in (".json", ".csv", ".md", ".html"):
        send(render(result, SUFFIXES[suffix]), str(Path(folder).expanduser() / f"results{suffix}"))
