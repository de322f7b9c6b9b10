"""A study's scores as rows, for the table and for Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geoscope.forms.markdown import markdown_table

if TYPE_CHECKING:
    from geoscope.report import Report


def score_rows(report: Report) -> tuple[list[str], list[list[Any]]]:
    """The column names and one row a score; the method and key columns that have a value come between."""
    from geoscope.report import STUDY_KEYS

    scores = report.scores or []
    keys = [key for key in ("method", *STUDY_KEYS) if any(getattr(score, key) is not None for score in scores)]
    rows = [
        [score.task, score.metric, *(getattr(score, key) for key in keys), score.score, score.n, score.reason]
        for score in scores
    ]
    return ["task", "metric", *keys, "score", "n", "reason"], rows


def markdown_scores(report: Report) -> str:
    """The scores as a table of their own; nothing where there are none."""
    if not report.scores:
        return ""
    columns, rows = score_rows(report)
    return "\n" + markdown_table([column.replace("_", " ") for column in columns], rows, numeric=("score", "n"))
