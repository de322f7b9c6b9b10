"""Docstrings of the measures: what each formula's own leaves to the catalogue and the settings, put together."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from textwrap import indent, wrap

from geoscope.catalogue import TRAITS
from geoscope.measures.calling.parameters import MEANINGS
from geoscope.passes.passes import PASSES

_WIDTH = 100
_ROWS = ("array_like of shape (n, d)", "one point a row, n points in d dimensions: finite real numbers")


def of_called(key: str, text: str, signature: inspect.Signature, *, undefined: str, unit: str) -> str:
    """The numpydoc docstring of `key(rows, ...)`.

    text: the formula's own docstring: what the number is, then an example. undefined, unit: as `measure` has them.
    """
    told = TRAITS[key]
    about, _, example = text.partition("\n>>> ")
    sections = {
        "Parameters": _parameters(signature),
        "Returns": _entry("float", f"range: {told.range}; unit: {unit}; {told.direction}"),
        "Raises": "\n".join(
            [
                _entry("Undefined", f"where {undefined}"),
                _entry(
                    "GeoscopeError", "for what is no (n, d) array of finite real numbers, and for unusable settings"
                ),
            ]
        ),
        "Notes": _wrapped(f"Blind to: {told.blind_to}.") + "\n\n" + _wrapped(f"Without structure: {told.null}."),
        "References": _wrapped(f"{told.paper}."),
        "Examples": f">>> from geoscope.measures import {key}\n>>> {example.rstrip()}",
    }
    parts = [about.strip(), *(f"{head}\n{'-' * len(head)}\n{body}" for head, body in sections.items())]
    return "\n\n".join(parts) + "\n"


def of_formula(key: str, passes: Iterable[str]) -> str:
    """The docstring of `key.formula(...)`, which takes passes that were made before."""
    taken = "; ".join(f"`{name}`: {PASSES[name].told}" for name in passes)
    return _wrapped(f"{key}, from passes that were made of the rows before. {taken}.") + "\n"


def _parameters(signature: inspect.Signature) -> str:
    entries = []
    for name, parameter in signature.parameters.items():
        kind, meaning = _ROWS if name == "rows" else MEANINGS[name]
        default = "" if parameter.default in (inspect.Parameter.empty, None) else f", default {parameter.default!r}"
        entries.append(_entry(f"{name} : {kind}{default}", meaning))
    return "\n".join(entries)


def _entry(head: str, meaning: str) -> str:
    return f"{head}\n{indent(_wrapped(f'{meaning[0].upper()}{meaning[1:]}.'), '    ')}"


def _wrapped(text: str) -> str:
    return "\n".join(wrap(text, _WIDTH))
