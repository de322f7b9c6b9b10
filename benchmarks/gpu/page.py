"""The page of a run, made from what its JSON holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.gpu.outcomes import DONE
from benchmarks.tables import finding_cells, table

_HEAD = ("what follows", "value", "wanted", "met")
_RATIOS = ("x", "%")


def page(document: Mapping[str, Any]) -> str:
    """In Markdown; a dry run's first line says that it is one."""
    sections = document["sections"]
    dry = [f"A dry run on {document['device']}: its figures mean nothing.\n"] if document["dry_run"] else []
    wanted = [
        (section["name"], *finding_cells(finding))
        for section in sections
        for finding in section["findings"]
        if finding["met"] is not None
    ]
    return "\n".join(
        [
            *dry,
            "# On a GPU\n",
            f"Made by `{document['command']}` on {document['date']}: one run on one machine, within "
            f"{document['seconds']:g} s. `gpu.json` has the same. Ratios above 1 are in the direction that their name "
            "says.\n",
            "## What is aimed at\n",
            table(("section", *_HEAD), wanted) + "\n",
            *map(_section, sections),
        ]
    )


def _section(section: Mapping[str, Any]) -> str:
    parts = [f"## {section['title']}\n\n{_ending(section)}\n"]
    if section["findings"]:
        ordered = sorted(section["findings"], key=lambda finding: finding["unit"] not in _RATIOS)
        parts.append(table(_HEAD, _cells(ordered)) + "\n")
    if section["notes"]:
        parts.append("\n".join(f"- {note}" for note in section["notes"]) + "\n")
    return "\n".join(parts)


def _cells(findings: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [finding_cells(finding) for finding in findings]


def _ending(section: Mapping[str, Any]) -> str:
    ended = section["ended"]
    told = f"**{ended[0].upper()}{ended[1:]}**"
    if section["seconds"]:
        told += f" {'in' if ended == DONE else 'after'} {section['seconds']:.1f} s"
    if section["peak"]:
        told += f", with at most {section['peak'] / 1e9:.2f} GB on the device at once"
    return f"{told}: {section['why']}." if section["why"] else f"{told}."
