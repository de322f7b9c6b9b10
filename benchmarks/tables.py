"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def markdown(sections: Mapping[str, Any]) -> str:
    """One heading, two tables and the notes a section."""
    return "\n".join(line for section in sections.values() for line in (*_section(section), ""))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A head and rows of cells, in which a bar is no border."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def finding_cells(finding: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """What follows, its value, what was wanted, and whether it is met."""
    bounds = (("at least", finding["at_least"]), ("at most", finding["at_most"]))
    wanted = ", ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
    met = {None: "", True: "yes", False: "no"}[finding["met"]]
    return finding["what"], f"{finding['value']:.3g} {finding['unit']}".strip(), wanted, met


def _section(section: Mapping[str, Any]) -> list[str]:
    lines = [f"## {section['title']}", "", f"`{section['command']}`, {section['date']}; {_machine(section)}", ""]
    lines += ["| case | data | n x d | runs | median s | peak memory MB |", "|---|---|---|---:|---:|---:|"]
    for row in section["results"]:
        size = f"{row['n']:,} x {row['d']}" if row["d"] else f"{row['n']:,} sequences" if row["n"] else ""
        measured = f"| {row['skipped']} | |"
        if row["seconds"]:
            measured = f"| {_seconds(row['median_seconds'])} | {row['peak_bytes'] / 1e6:,.0f} |"
        lines.append(f"| {row['case']} | {row['data']} | {size} | {len(row['seconds'])} {measured}")
    if section["findings"]:
        lines += ["", "| what follows | value | wanted | met |", "|---|---:|---|---|"]
        lines += [f"| {' | '.join(finding_cells(finding))} |" for finding in section["findings"]]
    return [*lines, *(f"\nNote: {note}." for note in section["notes"])]


def _seconds(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.3g}"


def _machine(section: Mapping[str, Any]) -> str:
    about = section["environment"]
    libraries = ", ".join(f"{name} {about[name]}" for name in ("torch", "faiss-cpu", "numpy") if name in about)
    return f"{about['processor']}, {about['cores']} cores, {about['threads']} threads, {libraries}"
