"""Configured: what options are where nobody types them, from the environment or the project's file, and which it is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.settings.option import Field
from geoscope.settings.project_files import BOUNDS, LIMITS, as_table, project_table
from geoscope.wording import meant

PREFIX = "GEOSCOPE_"
"""How the environment's names of options begin."""

_NEAR = 0.85
"""How alike a variable's name must be to an option's to be it mistyped: they all begin alike."""

TABLES = {LIMITS: "compare", BOUNDS: "check"}
"""What of a project's file is no option, and the command that it is of."""


@dataclass(frozen=True)
class Configured:
    """The environment, and the nearest project file's options under the names that the command line has."""

    environment: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def here(cls, *, use_files: bool = True) -> Configured:
        """What is in force in this folder."""
        folder = _working_folder()
        path, table = project_table(folder) if use_files else (None, {})
        kept = {name.replace("_", "-"): value for name, value in table.items() if name not in TABLES}
        tables = {name: as_table(table[name], name, path) for name in TABLES if path is not None and name in table}
        named = {name: text for name, text in os.environ.items() if name.startswith(PREFIX) and text}
        return cls(named, path, kept, tables)

    def of(self, option: Field) -> tuple[Any, str] | None:
        """An option's value and where it is from; None where nothing says it."""
        variable = variable_of(option)
        if variable in self.environment:
            text = self.environment[variable]
            return _read(option, _words(text, variable) if option.option.repeated else text, variable), variable
        if option.key not in self.kept:
            return None
        value = _read(option, self.kept[option.key], str(self.path))
        if value and option.option.trusts:
            raise GeoscopeError(
                f"expected {option.flag} on the command line or in {variable}, got it in {self.path}, which may be "
                "from whoever made the project; type it if you trust what it lets in, and take it out there"
            )
        return value, str(self.path)

    def check(self, known: Iterable[str]) -> None:
        """Refuse a key that is no option of any command, and a variable that is one mistyped."""
        keys = set(known)
        for name in self.kept:
            if name not in keys:
                advice = meant(name, [*keys, *TABLES], "`geoscope measure --help-all` lists the options")
                raise GeoscopeError(f"expected an option's name in {self.path}, got {name}; {advice}")
        for variable in self.environment:  # others may have variables that begin so
            name = variable.removeprefix(PREFIX).lower().replace("_", "-")
            near = [] if name in keys else map(_variable, keys)
            if advice := meant(variable, near, "", cutoff=_NEAR):
                raise GeoscopeError(f"expected {PREFIX} and the name of an option, got {variable}; {advice}")


def _working_folder() -> Path:
    """Where the command is run; raises GeoscopeError where that is gone, before any path is taken from there."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise GeoscopeError(
            "expected a working folder that is there, got one that was removed; change to another (cd) and run again"
        ) from error


def variable_of(option: Field) -> str:
    """An option's name in the environment."""
    return _variable(option.key)


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace("-", "_")


def _words(text: str, variable: str) -> list[str]:
    """A variable's values, as a shell takes a line apart."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise GeoscopeError(
            f"expected values with spaces between them in {variable}, got {text!r}, which a shell would not take apart "
            f"({str(error).lower()}); quote what has a quote or a backslash in it"
        ) from error


def _read(option: Field, value: Any, where: str) -> Any:
    try:
        return option.read_file(value)
    except GeoscopeError as error:
        raise GeoscopeError(f"expected a value of {option.flag} in {where}, got another: {error}") from error
