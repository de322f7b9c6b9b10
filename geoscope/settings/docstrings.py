"""Docstrings: the options of a function, from their fields, as the section on parameters that numpydoc has."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import indent, wrap
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    from geoscope.settings.option import Field

_WIDTH = 100
_NEXT = re.compile(r"\n\n(?=(Returns|Yields)\n-+\n)")
_FLAG = re.compile(r"--[a-z][a-z-]*[a-z]")


def with_options(text: str | None, fields: Mapping[str, Field]) -> str | None:
    """A function's docstring with an entry an option behind its own parameters; one without sections stays as it is."""
    told = inspect.cleandoc(text or "")
    if not _NEXT.search(told):
        return text
    flags = {field.flag: name for name, field in fields.items()}
    entries = [_entry(field, flags) for field in fields.values()]
    return _NEXT.sub(lambda found: "\n" + "\n".join(entries) + found[0], told, count=1) + "\n"


def _entry(field: Field, flags: Mapping[str, str]) -> str:
    option = field.option
    default = "optional" if option.default in (None, ()) else f"default {option.default!r}"
    told = [_in_python(option.help, flags)]
    if option.least is not None or option.most is not None:
        told.append(" ".join(_bounds(option.least, option.most)).capitalize() + ".")
    if option.shown is not None and default == "optional":
        told.append(f"If left out: {_in_python(option.shown, flags)}.")
    meaning = "\n".join(wrap(" ".join(filter(None, told)), _WIDTH))
    return f"{field.name} : {_kind(field)}, {default}\n{indent(meaning, '    ')}"


def _bounds(least: float | None, most: float | None) -> Iterable[str]:
    if least is not None:
        yield f"at least {least:g}"
    if most is not None:
        yield f"{'and ' if least is not None else ''}at most {most:g}"


def _in_python(told: str, flags: Mapping[str, str]) -> str:
    """What help says, with options called as Python calls them."""
    said = told.replace("; may be repeated", "")
    return _FLAG.sub(lambda found: f"`{flags.get(found[0], found[0][2:].replace('-', '_'))}`", said)


def _kind(field: Field) -> str:
    """What Python takes: as the field says, else by its type."""
    if field.option.takes is not None:
        return field.option.takes
    kinds = [each for part in field.parts for each in _kinds(part)]
    return " or ".join(dict.fromkeys(kinds))


def _kinds(part: Any) -> Iterable[str]:
    if get_origin(part) is Literal:
        yield "{" + ", ".join(map(repr, get_args(part))) + "}"
    elif isinstance(origin := get_origin(part), type) and issubclass(origin, Iterable):
        inner = [each for kind in get_args(part) for each in _kinds(kind)]
        yield f"{'sequence' if issubclass(origin, Sequence) else 'iterable'} of {' or '.join(inner) or 'object'}"
    elif part is not NoneType:
        yield getattr(part, "__name__", str(part))
