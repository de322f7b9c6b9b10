"""Outputs: where a command's result goes and in which forms, settled before the run; its outcome in words on stderr."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from geoscope import files
from geoscope.cli import exits
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
        """The first destination that is a file, and no device or pipe."""
        places = (place for place in self.forms if place != STDOUT)
        return next((place for place in places if os.path.isfile(place) or not os.path.exists(place)), None)

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
    forms: Collection[str] = output.FORMS,
    piped: str = "json",
) -> Outputs:
    """Where a result goes, by --format and every -o; refused where it cannot be written.

    forms: those of such a result. piped: the form without a terminal.
    """
    places = list(written["output"]) or [STDOUT]
    chosen = {place: output.choose_format(written.get("form"), place, forms, piped) for place in places}
    for place in chosen:
        files.check_destination(place)
    return Outputs(chosen, quiet)
