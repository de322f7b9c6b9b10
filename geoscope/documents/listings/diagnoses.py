"""A diagnosis as a document: what is wrong first, then every known answer, library and fact of the machine."""

from __future__ import annotations

from geoscope.diagnosis.diagnosis import Diagnosis, Finding
from geoscope.document import Column, Document, Section, Table
from geoscope.document import Finding as Sentence

_TITLES = {"answers": "Known answers", "libraries": "Libraries", "machine": "Machine"}

_COLUMNS = (
    Column("group", label=None, words=True), Column("finding", value=lambda row: row.name, words=True),
    Column("outcome", "", shown=lambda row: {"wrong": "WRONG", "told": ""}.get(row.outcome, row.outcome), words=True),
    Column("found", words=True), Column("expected", words=True, spare=1),
    Column("source", "by", words=True, spare=2),
    Column("reason", words=True),
)  # fmt: skip


def document(result: Diagnosis) -> Document:
    """A table of each group."""
    sections = [
        Section(title, [_table(title, [each for each in result.findings if each.group == group])])
        for group, title in _TITLES.items()
    ]
    wrong, skipped, right = (len(result.of(outcome)) for outcome in ("wrong", "skipped", "right"))
    told = f"{wrong} of {wrong + right} wrong" if wrong else f"all {right} right"
    return Document(
        f"geoscope {result.geoscope_version}",
        [_table("Findings", result.findings)],
        sections,
        findings=[Sentence(_sentence(each), warning=True, lead=True) for each in result.of("wrong")],
        outcome=told + (f", {skipped} skipped" if skipped else ""),
    )


def _table(caption: str, rows: list[Finding]) -> Table:
    return Table(caption, _COLUMNS, rows, style=lambda row: "bad" if row.outcome == "wrong" else "")


def _sentence(finding: Finding) -> str:
    found = "nothing" if finding.found is None else finding.found
    by = "" if finding.source is None else f" ({finding.source})"
    return f"{finding.name}: expected {finding.expected}{by}, got {found}: {finding.reason}"
