"""Outputs: where a command's result goes and in which forms, settled before the run; its outcome in words on stderr."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoscope import files
from geoscope.cli import exits
from geoscope.errors import GeoscopeError
from geoscope.files import STDOUT
from geoscope.forms import output

_MOST_TOLD = 5
"""So many findings are told beside JSON."""


@dataclass(frozen=True)
class Outputs:
    """Each destination with the form that is written there."""

    forms: Mapping[str, str]
    quiet: bool = False

    @property
    def first_file(self) -> str | None:
        """The first destination that is a file."""
        return next((place for place in self.forms if place != STDOUT), None)

    @property
    def on_stdout(self) -> str | None:
        """The form of what goes to standard output, if anything does."""
        return self.forms.get(STDOUT)

    def send(self, result: Any, *, all_measures: bool = False) -> list[str]:
        """The result to every destination; where its JSON goes to standard output, what came of it to stderr.

        all_measures: people see every row. Returns what was said on stderr.
        """
        from geoscope.documents.rendering import document_of, render

        for place, form in self.forms.items():
            files.send(render(result, form, output.page_of(place, all_measures=all_measures)), place)
        if self.on_stdout == "json" and not self.quiet:
            said = document_of(result).outcome_lines(_MOST_TOLD)
            for line in said:
                exits.say(line)
            return said
        return []


def chosen_outputs(
    written: Mapping[str, Any],
    *,
    quiet: bool = False,
    inputs: Iterable[Any] = (),
    forms: Collection[str] = output.FORMS,
    piped: str = "json",
) -> Outputs:
    """Where a result goes, by --format and every -o; refused where it cannot be written, or would be over an input.

    inputs: what was typed that may name files. forms: those of such a result. piped: the form without a terminal.
    """
    places = list(written["output"]) or [STDOUT]
    chosen = {place: output.choose_format(written.get("form"), place, forms, piped) for place in places}
    check_places(chosen, inputs)
    return Outputs(chosen, quiet)


def check_places(places: Collection[str], inputs: Iterable[Any]) -> None:
    """Refuse, before any work, a file that cannot be written, is named twice, or is read by the command."""
    read = {os.path.realpath(name): name for name in _names(inputs) if name and os.path.isfile(name)}
    seen: dict[str, str] = {}
    for place in places:
        files.check_destination(place)
        if place == STDOUT:
            continue
        real = os.path.realpath(place)
        if real in read:
            raise GeoscopeError(
                f"expected -o to name a file that is not read, got {place}, which is the input {read[real]}; "
                "name another"
            )
        if real in seen:
            raise GeoscopeError(f"expected every -o to name a file of its own, got {seen[real]} and {place}; drop one")
        seen[real] = place


def _names(inputs: Any) -> Iterator[str]:
    """Every text among what was typed, and what stands behind a = in it."""
    if isinstance(inputs, str):
        yield inputs
        yield inputs.partition("=")[2]
        yield str(Path(inputs).expanduser())
    elif isinstance(inputs, Mapping):
        yield from _names(inputs.values())
    elif isinstance(inputs, Iterable):
        for each in inputs:
            yield from _names(each)
