"""A verification as a document: what disagrees first, then every package's number beside geoscope's."""

from __future__ import annotations

from geoscope.diagnosis.verification import Beside, Verification
from geoscope.document import Column, Document, Finding, Section, Style, Table
from geoscope.wording import rounded

_COLUMNS = (
    Column("measure", words=True), Column("package", words=True), Column("version", words=True, spare=1),
    Column("theirs", exact=True), Column("ours", exact=True), Column("within", label=None),
    Column("outcome", words=True, why=lambda row: row.reason), Column("reason", note=True),
)  # fmt: skip


def document(result: Verification) -> Document:
    """A row a package's number."""
    table = Table("The packages' numbers and geoscope's", _COLUMNS, result.numbers, style=_style)
    counts = {outcome: len(result.of(outcome)) for outcome in ("disagrees", "agrees", "differs", "skipped")}
    where = "" if result.layer is None else f", layer {result.layer}"
    copies = f", {result.copies:,} copies left out" if result.copies else ""
    words = {"disagrees": "without a reason", "agrees": "agree", "differs": "differ for a reason", "skipped": "skipped"}
    return Document(
        f"{result.subject.get('name', 'subject')}{where}",
        [table],
        [Section("numbers", [table])],
        facts=[f"{result.points:,} distinct points{copies}"],
        findings=[Finding(_sentence(each), warning=True, lead=True) for each in result.of("disagrees")],
        outcome=", ".join(f"{count} {words[outcome]}" for outcome, count in counts.items() if count),
    )


def _style(row: Beside) -> Style:
    return "bad" if row.outcome == "disagrees" else ""


def _sentence(row: Beside) -> str:
    ours, theirs = (rounded(each) for each in (row.ours or 0.0, row.theirs or 0.0))
    return f"{row.measure}: {row.package} gives {theirs}, geoscope {ours}, and no reason is known"
