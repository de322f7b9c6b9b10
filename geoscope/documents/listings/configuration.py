"""The configuration as a document: which options are in force, and where each is from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geoscope.document import Column, Document, Section, Table
from geoscope.files import json_text


@dataclass(frozen=True)
class Setting:
    """One option: its value as it is typed, where it is from, and the commands that it is of."""

    option: str
    value: str
    source: str
    commands: Sequence[str]


@dataclass(frozen=True)
class InForce:
    """What is in force in a folder; file: the project's, None where there is none. command: whose options all are."""

    noun = "configuration"

    settings: Sequence[Setting]
    file: str | None
    command: str | None = None

    def to_json(self) -> str:
        """The file and every setting."""
        settings: list[dict[str, Any]] = [{**vars(each), "commands": list(each.commands)} for each in self.settings]
        return json_text({"file": self.file, "command": self.command, "settings": settings})


def document(result: InForce) -> Document:
    """A row an option."""
    columns = [
        Column("option", words=True), Column("value", words=True), Column("source", "from", words=True),
        Column("commands", "of", value=lambda row: ", ".join(row.commands), words=True,
               shown=lambda row: "" if result.command else ", ".join(row.commands)),
    ]  # fmt: skip
    table = Table("Options", columns, result.settings)
    facts = [f"the project's file: {result.file or 'none'}"]
    if result.command is None:
        facts.append("every option that is not listed is at its default; `geoscope config COMMAND` lists all of one")
    title = "Configuration" if result.command is None else f"Configuration of {result.command}"
    return Document(title, [table], [Section("options", [table])], facts=facts)
