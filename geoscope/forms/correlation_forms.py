"""Correlations in the forms a person or a spreadsheet reads. Rounds for display only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geoscope.correlations.covariates import LEVEL, LOG
from geoscope.correlations.measured import Case
from geoscope.forms.csv import csv_text
from geoscope.forms.markdown import markdown_table, markdown_text
from geoscope.forms.output import Page
from geoscope.forms.terminal import draw
from geoscope.wording import cell_text, coefficient, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from geoscope.correlations.associations import Correlation
    from geoscope.correlations.correlation import Association, Correlations
    from geoscope.correlations.predictions import Prediction

_GIVEN = "r given "
_COLUMNS = ("n", "r", "95 %", "p adj.", "r of means", "r within", _GIVEN, "rho", "slope", "R2", "error")
_LEAST_NEEDED = (
    "slope",
    "R2",
    "rho",
    "error",
    "r of means",
    "r within",
    "p adj.",
    "95 %",
)  # dropped where there is no room
_PREDICTED = ("subject", "task", "measure", "value", "score", "low", "high", "outside", "reason")


def title(result: Correlations) -> str:
    """What is held against what."""
    measures = len(dict.fromkeys(row.measure for row in result.associations))
    points = max(row.n for row in result.associations)
    return (
        f"{measures} measure{'s' * (measures != 1)} against {', '.join(result.tasks)}: {points} points of "
        f"{len(result.subjects)} subject{'s' * (len(result.subjects) != 1)}"
    )


# CSV


def to_csv(result: Correlations) -> str:
    """A row an association."""
    names = _given_names(result)
    rows = [_flat(row, names) for row in result.associations]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_text(columns, [[row.get(column) for column in columns] for row in rows])


def _flat(row: Association, given: Sequence[str]) -> dict[str, Any]:
    """Every number of an association by a column name; which names there are depends on nothing but given."""
    level, left, repeats, line = row.level, row.left_out, row.repeats, row.line
    means, within = (None, None) if repeats is None else (repeats.pearson, repeats.within)
    flat: dict[str, Any] = {
        "task": row.task, "layer": row.layer, "measure": row.measure, "quantizer": row.quantizer, "n": row.n,
        **_spread("r", row.pearson), **_spread("rho", row.spearman), **_why("rho", row.spearman),
        "slope": line and line.slope, "slope_standard_error": line and line.standard_error,
        "intercept": line and line.intercept, "r2": line and line.r2,
        "level_r": level and level.pearson.value, "log_level_r": level and level.log_pearson.value,
        "left_out": left and left.left_out, "error": left and left.measure, "mean_error": left and left.mean,
        "level_error": left and left.level, "log_level_error": left and left.log_level,
        "groups": repeats and repeats.groups,
        **_spread("r_of_means", means), **_why("r_of_means", means),
        **_spread("r_within", within), **_why("r_within", within),
    }  # fmt: skip
    partials = {partial.name: partial for partial in row.partials}
    for name in given:
        flat |= _spread(f"r_given_{name}", partials.get(name)) | _why(f"r_given_{name}", partials.get(name))
    for told in row.predictions:
        who = f"predicted {_who(told)}"
        low, high = told.interval or (None, None)
        flat |= {who: told.score, f"{who} low": low, f"{who} high": high}
    return flat | {"reason": row.pearson.reason}


def _spread(name: str, found: Correlation | None) -> dict[str, Any]:
    low, high = (found and found.interval) or (None, None)
    return {
        name: found and found.value, f"{name}_low": low, f"{name}_high": high, f"{name}_p": found and found.p,
        f"{name}_p_adjusted": found and found.p_adjusted,
    }  # fmt: skip


def _why(name: str, found: Correlation | None) -> dict[str, Any]:
    return {f"{name}_reason": found and found.reason}


# Tables


@dataclass(frozen=True)
class _Line:
    label: str
    cells: dict[str, str] = field(default_factory=dict)
    style: str = ""


def _lines(rows: Sequence[Association], given: Sequence[str], reasons: list[str]) -> list[_Line]:
    """One task's lines: what predicts without a measure, then the measures by layer; reasons: footnotes, added to."""
    lines = _rivals(max(rows, key=lambda row: row.n), reasons)
    heading = ""
    several = len({row.layer for row in rows}) > 1
    for row in rows:
        layer = ("union of layers" if several else "") if row.layer is None else f"layer {row.layer}"
        if layer != heading:
            heading = layer
            lines.append(_Line(heading, style="bold"))
        lines.append(_line(row, given, reasons))
    return lines


def _rivals(row: Association, reasons: list[str]) -> list[_Line]:
    """The mean and the noise level alone, over the points of the row that has most."""
    error = row.left_out
    lines = [] if error is None else [_Line("mean alone", {"n": str(row.n), "error": cell_text(error.mean)}, "dim")]
    if row.level is None or error is None:
        return lines
    for label, found, off in (
        (LEVEL, row.level.pearson, error.level),
        (LOG + LEVEL, row.level.log_pearson, error.log_level),
    ):
        lines.append(
            _Line(f"{label} alone", {"n": str(row.n), **_pearson(found, reasons), "error": cell_text(off)}, "dim")
        )
    return lines


def _line(row: Association, given: Sequence[str], reasons: list[str]) -> _Line:
    label = "  " + row.measure + (f" ({row.quantizer})" if row.quantizer else "")
    if row.pearson.value is None:
        return _Line(label, {"n": str(row.n), **_pearson(row.pearson, reasons)}, "dim")
    partials = {partial.name: partial.value for partial in row.partials}
    repeats = row.repeats
    return _Line(
        label,
        {
            "n": str(row.n),
            **_pearson(row.pearson, reasons),
            "r of means": _coefficient(repeats.pearson.value) if repeats else "",
            "r within": _coefficient(repeats.within.value) if repeats else "",
            **{_GIVEN + name: _coefficient(partials.get(name)) for name in given},
            "rho": _coefficient(row.spearman.value),
            "slope": cell_text(row.line.slope) if row.line else "",
            "R2": _coefficient(row.line.r2) if row.line else "",
            "error": cell_text(row.left_out.measure) if row.left_out else "",
        },
    )


def _pearson(found: Correlation, reasons: list[str]) -> dict[str, str]:
    """r with its interval and p, and a footnote where it has a reason for lacking one."""
    low, high = found.interval or (None, None)
    return {
        "r": ("undefined" if found.value is None else _coefficient(found.value)) + _footnote(found.reason, reasons),
        "95 %": "" if low is None else f"{_coefficient(low)} to {_coefficient(high)}",
        "p adj.": "" if found.p_adjusted is None else f"{found.p_adjusted:.2g}",
    }


def _footnote(reason: str | None, reasons: list[str]) -> str:
    """Where among the footnotes so far a reason stands, which is added where it is new."""
    if reason is None:
        return ""
    if reason not in reasons:
        reasons.append(reason)
    return f" [{reasons.index(reason) + 1}]"


def _coefficient(value: float | None) -> str:
    return "" if value is None else coefficient(value)


def _shown(lines: Sequence[_Line], given: Sequence[str]) -> list[str]:
    """The columns that hold something, given's where they belong."""
    columns = [each for name in _COLUMNS for each in ([_GIVEN + one for one in given] if name == _GIVEN else [name])]
    return [column for column in columns if any(line.cells.get(column) for line in lines)]


def to_markdown(result: Correlations) -> str:
    """A table a task, predictions, cautions and notes."""
    given, reasons = _given_names(result), list[str]()
    parts = [f"### {markdown_text(title(result))}"]
    for task in result.tasks:
        lines = _lines([row for row in result.associations if row.task == task], given, reasons)
        shown = _shown(lines, given)
        rows = [[line.label.strip(), *(line.cells.get(column, "") for column in shown)] for line in lines]
        parts += [f"**{markdown_text(task)}**", markdown_table(["measure", *shown], rows, numeric=shown)]
    parts += [f"[{number}] {markdown_text(reason)}" for number, reason in enumerate(reasons, 1)]
    predicted = _predictions(result)
    if predicted:
        parts.append(markdown_table(_PREDICTED, predicted, numeric=("value", "score", "low", "high")))
    parts += [f"**Warning:** {markdown_text(caution.text)}" for caution in result.cautions]
    parts += ["\n".join(f"- {markdown_text(note)}" for note in [*_legend(result), *result.notes])]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def to_table(result: Correlations, page: Page) -> str:
    """A table a task, as many columns as fit, predictions, cautions and notes."""
    from rich.text import Text

    given, reasons = _given_names(result), list[str]()
    parts: list[RenderableType] = [Text(printable(title(result)), style="bold")]
    for task in result.tasks:
        lines = _lines([row for row in result.associations if row.task == task], given, reasons)
        parts += [Text(), _grid(printable(task), lines, _fitting(lines, _shown(lines, given), page.width))]
    parts += [Text(f"[{number}] {printable(reason)}") for number, reason in enumerate(reasons, 1)]
    predicted = _predictions(result)
    if predicted:
        plain = [
            _Line(str(row[0]), {name: cell_text(cell) for name, cell in zip(_PREDICTED, row, strict=True)})
            for row in predicted
        ]
        parts += [Text(), _grid("predicted", plain, list(_PREDICTED[1:]))]
    parts += [Text(), *(Text(f"warning: {printable(caution.text)}", style="yellow") for caution in result.cautions)]
    parts += [Text(printable(note), style="dim") for note in [*_legend(result), *result.notes]]
    return draw(parts, page)


def _grid(first: str, lines: Sequence[_Line], shown: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(Text(first), no_wrap=True)
    for column in shown:
        table.add_column(Text(_heading(column)), justify="right", overflow="fold")
    for line in lines:
        cells = (Text(printable(line.cells.get(column, ""))) for column in shown)
        table.add_row(Text(printable(line.label)), *cells, style=line.style)
    return table


def _heading(column: str) -> str:
    return column.replace(_GIVEN, "r given\n") if column.startswith(_GIVEN) else column


def _fitting(lines: Sequence[_Line], shown: list[str], width: int | None) -> list[str]:
    sizes = {
        column: 2
        + max(len(part) for part in [*_heading(column).split("\n"), *(line.cells.get(column, "") for line in lines)])
        for column in shown
    }
    first = 2 + max(len(line.label) for line in lines)
    for column in _LEAST_NEEDED:
        if width and column in shown and first + sum(sizes[name] for name in shown) > width:
            shown = [name for name in shown if name != column]
    return shown


def _given_names(result: Correlations) -> list[str]:
    return list(dict.fromkeys(partial.name for row in result.associations for partial in row.partials))


def _legend(result: Correlations) -> list[str]:
    """What the columns mean that are not known by name."""
    lines = ["error: root mean squared error of scores predicted by the line through all other points"]
    if any(row.repeats is not None for row in result.associations):
        lines.append("r of means: over the means of repeats; r within: what is left when those means are taken out")
    if _given_names(result):
        lines.append("r given: partial correlation, the column taken out of measure and score; log: its logarithm")
    return lines


def _predictions(result: Correlations) -> list[list[Any]]:
    return [
        [
            _who(told), row.task, row.measure if row.layer is None else f"{row.measure}@{row.layer}", told.value,
            told.score, *(told.interval or (None, None)), "yes" if told.outside else None, told.reason,
        ]
        for row in result.associations
        for told in row.predictions
    ]  # fmt: skip


def _who(told: Prediction) -> str:
    return str(Case(told.subject, told.noise_level, told.noise_seed))
