"""Kinds: every kind of result, its class, and what makes a document of it. A new kind is a row here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from geoscope.document import Document
from geoscope.errors import GeoscopeError
from geoscope.result import Result, parse, read_content


@dataclass(frozen=True)
class Kind:
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
    Kind("report", "report", "Report", "reports"),
    Kind("comparison", "comparisons.comparison", "Comparison", "comparisons"),
    Kind("check", "comparisons.holding", "Check", "gates"),
    Kind("noise_floor", "comparisons.noise_floor", "NoiseFloor", "noise_floors"),
    Kind("correlations", "correlations.correlation", "Correlations", "correlations"),
    Kind("fine_tuning", "finetuning.fine_tuning", "FineTuning", "fine_tunings"),
    Kind("measures", "documents.measures", "Measures", "measures"),
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
