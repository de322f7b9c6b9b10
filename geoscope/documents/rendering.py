"""Rendering: any result as text in any form. The one place that knows both documents and forms."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from geoscope.document import Document
from geoscope.errors import GeoscopeError
from geoscope.files import json_text, path_from_home, send
from geoscope.forms.output import FORMS, GATE_FORMS, SCREENS, SUFFIXES, Page
from geoscope.result import Result, parse, read_content

_ANY_PAGE = Page()


def render(result: Any, form: str, page: Page = _ANY_PAGE) -> str:
    """A result, or a list of reports, as text. page: what a table is drawn on, and whether people see every row.

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
    screened = form in SCREENS and not page.all_measures
    return _written(document.without_folded() if screened else document, form, page)


def _json(result: Any) -> str:
    if isinstance(result, Sequence):
        return json_text([each.model_dump() for each in result])
    text: str = result.to_json()
    return text


_WRITERS = {"table": "terminal", "html": "html.page"}
"""The module of `geoscope/forms/` that writes a form, where it has another name."""


def _written(document: Document, form: str, page: Page) -> str:
    """The document in a form, whose writer is loaded when it is used."""
    writer = import_module(f"geoscope.forms.{_WRITERS.get(form, form)}")
    written: str = writer.text(document, page) if form == "table" else writer.text(document)
    return written


def in_lines(result: Any) -> str:
    """A result in at most six lines."""
    from geoscope.forms import lines

    return lines.text(document_of(result), type(result).__name__)


def summary(result: Any) -> str:
    """A result's table as wide as the terminal, without colour."""
    return render(result, "table", Page(shutil.get_terminal_size((100, 24)).columns))


def fragment(result: Any) -> str:
    """A result's charts as HTML to be shown within another page."""
    from geoscope.forms.html import fragment as of_notebooks

    return of_notebooks.text(document_of(result).without_folded())


def plot(result: Any, names: Sequence[str], axes: Any) -> Any:
    """A result's charts by matplotlib."""
    from geoscope.forms import figures

    return figures.drawn(document_of(result), names, axes)


def rows(result: Any) -> list[dict[str, Any]]:
    """A result's rows by the names of CSV's columns."""
    from geoscope.forms import csv

    names, cells = csv.cells(document_of(result))
    return [dict(zip(names, row, strict=True)) for row in cells]


def frame(result: Any) -> Any:
    """A result's rows as a data frame with CSV's columns: whole numbers as Int64, other numbers as float64."""
    try:
        import pandas
    except ImportError as error:
        raise GeoscopeError("expected pandas for to_dataframe, got none installed; pip install pandas") from error
    from geoscope.forms import csv

    document = document_of(result)
    names, cells = csv.cells(document)
    made = pandas.DataFrame(cells, columns=names)
    words = {column.name for table in document.data for column in table.columns if column.words or column.note}
    return made.astype({name: kind for at, name in enumerate(names) if (kind := _kind(name, at, cells, words))})


def _kind(name: str, at: int, rows: Sequence[Sequence[Any]], words: Collection[str]) -> str | None:
    """A column's type in a data frame; None for what is no number throughout."""
    held = {type(row[at]) for row in rows} - {type(None)}
    if held == {int}:
        return "Int64"
    return "float64" if (held and held <= {int, float}) or (not held and name not in words) else None


def write_beside(result: Any, folder: str) -> None:
    """A result beside its runs: results.json, .csv, .md and .html."""
    for suffix in (".json", ".csv", ".md", ".html"):
        send(render(result, SUFFIXES[suffix]), str(path_from_home(folder) / f"results{suffix}"))


@dataclass(frozen=True)
class ResultKind:
    """One kind of result: what its JSON calls it, where its class is, and the module whose `document` takes it."""

    name: str
    module: str
    class_name: str
    documents: str

    @property
    def type(self) -> type[Any]:
        """Its class, loaded when it is asked for."""
        found: type[Any] = getattr(import_module(f"geoscope.{self.module}"), self.class_name)
        return found

    @property
    def document(self) -> Callable[[Any], Document]:
        """What makes a document of it, loaded when it is asked for."""
        made: Callable[[Any], Document] = import_module(f"geoscope.documents.{self.documents}").document
        return made


KINDS = (
    ResultKind("report", "report", "Report", "reports"),
    ResultKind("comparison", "comparisons.comparison", "Comparison", "comparisons"),
    ResultKind("check", "comparisons.checks", "Check", "gates"),
    ResultKind("noise_floor", "comparisons.noise_floor", "NoiseFloor", "noise_floors"),
    ResultKind("size_curve", "comparisons.size_curve", "SizeCurve", "size_curves"),
    ResultKind("correlations", "correlations.correlations", "Correlations", "correlations"),
    ResultKind("fine_tuning", "finetuning.outcome", "FineTuning", "fine_tunings"),
    ResultKind("diagnosis", "diagnosis.diagnosis", "Diagnosis", "listings.diagnoses"),
    ResultKind("verification", "diagnosis.verification", "Verification", "listings.verifications"),
    ResultKind("measures", "documents.listings.measures", "MeasureList", "listings.measures"),
    ResultKind("protocols", "documents.listings.protocols", "ProtocolList", "listings.protocols"),
    ResultKind("configuration", "documents.listings.configuration", "InForce", "listings.configuration"),
)


def document_of(result: Any) -> Document:
    """A result, or reports of several subjects, as a document."""
    held = list(result) if isinstance(result, Sequence) else [result]
    name = type(held[0]).__name__
    kind = next(each for each in KINDS if each.class_name == name)
    return kind.document(held if name == "Report" else result)


def read_result(path: str | Path) -> Result:
    """Any saved result, by the kind that its JSON names; "-" is standard input."""
    return _made(*read_content(path))


def result_of(text: str, name: str = "the text") -> Result:
    """Any result from its JSON; name: what errors call it."""
    return _made(parse(text, name), name)


def _made(content: Any, name: str) -> Result:
    named = content.get("kind", "report")
    kind = next((each for each in KINDS if each.name == named), None)
    if kind is None or not issubclass(kind.type, Result):
        held = ", ".join(each.name for each in KINDS if issubclass(each.type, Result))
        raise GeoscopeError(f"expected a result of one of the kinds {held}, got {named!r} in {name}; update geoscope")
    found: Result = kind.type.from_content(content, name)
    return found
