"""A noise floor in the forms a person, a spreadsheet or a project's configuration reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from geoscope.comparisons.contrasts import ERROR_DEGREES
from geoscope.comparisons.noise_floors import CHANCE
from geoscope.forms.csv import csv_text
from geoscope.forms.markdown import markdown_table, markdown_text
from geoscope.forms.output import Page
from geoscope.forms.terminal import draw
from geoscope.statistics import critical
from geoscope.wording import cell_text, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from geoscope.comparisons.noise_floors import Floor, NoiseFloor

COLUMNS = (
    "layer", "measure", "noise_from", "mean", "standard_deviation", "relative", "n", "whole_n", "noise", "limit",
    "amount", "reason",
)  # fmt: skip
_SHOWN = ("mean", "sd", "sd %", "n", "limit")


def to_csv(result: NoiseFloor) -> str:
    """A row a floor."""
    return csv_text([*COLUMNS], [[getattr(row, column) for column in COLUMNS] for row in result.floors])


def title(result: NoiseFloor) -> str:
    """What was measured how often."""
    names = ", ".join(str(subject["name"]) for subject in result.subjects)
    return f"noise floor of {names}, {result.count} {result.over}"


def notes(result: NoiseFloor) -> list[str]:
    """How the limits were made."""
    lines = []
    drawn = [row.measure for row in result.floors if row.noise_from == "draws"]
    if result.over == "trainings":
        lines.append(f"sd over {result.count} trainings on the same sequences; noise = sd")
    elif drawn:
        sizes = result.sample["draws"]
        rows = sum(size["rows"] for size in sizes) / len(sizes)
        sequences = sum(size["sequences"] for size in sizes)
        lines.append(
            f"{', '.join(dict.fromkeys(drawn))}: mean and sd over {result.count} disjoint draws of "
            f"{sequences // len(sizes):,} sequences, about {rows:,.0f} rows each; noise = sd sqrt(n / rows of all)"
        )
    if any(row.noise_from == "whole" for row in result.floors):
        lines.append(
            f"{'the others' if drawn else 'all'} move with the size of the sample: mean is the value of the whole, sd "
            f"and noise its standard error ({ERROR_DEGREES} degrees)"
        )
    told = []
    if result.quantile is not None and (drawn or result.over == "trainings"):
        told.append(f"{result.quantile:.2f} (Student's t of {result.count - 1} degrees)")
    if any(row.noise_from == "whole" for row in result.floors):
        told.append(f"{critical(CHANCE / 2, ERROR_DEGREES):.2f} (of {ERROR_DEGREES})")
    if told:
        lines.append(
            f"limit = {' or '.join(told)} times sqrt(2) noise: a change that chance passes in {100 * CHANCE:.2g} % of "
            "comparisons"
        )
    return lines


def to_markdown(result: NoiseFloor) -> str:
    """A table of the floors, how they were made, and the limits as configuration."""
    layers = any(row.layer is not None for row in result.floors)
    columns = [*(["layer"] if layers else []), "measure", *_SHOWN, "why"]
    rows = [[*([row.layer] if layers else []), row.measure, *_cells(row), row.reason] for row in result.floors]
    parts = [
        f"### {markdown_text(title(result))}",
        markdown_table(columns, rows, numeric=("layer", *_SHOWN)),
        "\n".join(f"- {markdown_text(line)}" for line in notes(result)),
    ]
    if result.limits:
        parts.append(f"```toml\n{result.to_toml()}```")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _cells(row: Floor) -> list[Any]:
    share = None if row.relative is None else f"{100 * row.relative:.2g} %"
    return [row.mean, row.standard_deviation, share, row.n, row.amount]


def to_table(result: NoiseFloor, page: Page) -> str:
    """The floors under their layers, how they were made, and the limits as configuration."""
    from rich.text import Text

    reasons: list[str] = []
    parts: list[RenderableType] = [Text(printable(title(result)), style="bold"), Text()]
    parts.append(_grid(result.floors, reasons))
    parts += [Text(f"[{number}] {printable(reason)}") for number, reason in enumerate(reasons, 1)]
    parts += [Text(), *(Text(printable(line), style="dim") for line in notes(result))]
    if result.limits:
        parts += [Text(), Text(result.to_toml().rstrip("\n"))]
    return draw(parts, page)


def _grid(rows: Sequence[Floor], reasons: list[str]) -> Table:
    """A heading per layer; reasons: footnotes, added to."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("measure", no_wrap=True)
    for column in _SHOWN:
        table.add_column(column, justify="right", overflow="fold")
    heading = None
    for row in rows:
        if row.layer is not None and row.layer != heading:
            heading = row.layer
            table.add_row(Text(f"layer {heading}", style="bold"))
        if row.reason is not None and row.reason not in reasons:
            reasons.append(row.reason)
        note = "" if row.reason is None else f"[{reasons.index(row.reason) + 1}]"
        *cells, amount = (cell_text(cell) for cell in _cells(row))
        table.add_row(Text(f"  {row.measure}"), *(Text(cell) for cell in cells), Text(amount or note))
    return table
