"""A fine-tuning study in the forms a person or a spreadsheet reads: scores, geometry and trends by arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from geoscope.finetuning.arms import UP
from geoscope.forms.csv import csv_text
from geoscope.forms.markdown import markdown_table, markdown_text
from geoscope.forms.output import Page
from geoscope.forms.terminal import draw
from geoscope.wording import cell_text, printable, rounded

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from geoscope.finetuning.results import ArmResult, FineTuning, Spread

CLOUDS = {
    "union": "token states of all layers but the embeddings as one cloud",
    "last": "token states of the last layer",
    "first": "the last layer's first token of each sequence",
}
_UNDEFINED = "undefined"

Grid = tuple[str, list[str], list[list[Any]]]
"""A caption, columns, and rows of plain cells; the first column is words."""


def to_csv(result: FineTuning) -> str:
    """A row a number, of every run and epoch."""
    from geoscope.finetuning.results import Row

    columns = list(Row.model_fields)
    return csv_text(columns, [[getattr(row, column) for column in columns] for row in result.measurements])


def title(result: FineTuning) -> str:
    """What was fine-tuned on what."""
    return f"{result.settings['checkpoint']['name']} on {result.settings['task']['name']}"


def notes(result: FineTuning) -> list[str]:
    """What the runs share, and how the tables are to be read."""
    task, training = result.settings["task"], result.settings["hyperparameters"]
    seeds = sorted({seed for arm in result.arms for seed in arm.seeds})
    lines = [
        f"{task['train']['examples']:,} training examples, epochs {training['epochs']}, batches of "
        f"{training['batch_size']}, learning rate {training['learning_rate']:g}; scored on "
        f"{task['evaluation']['examples']:,} examples after the last epoch; seeds {', '.join(map(str, seeds))}",
        "weight w is added times the penalty: " + "; ".join(UP.values()),
    ]
    if any(spread.against_none for arm in result.arms for spread in arm.scores):
        lines.append(
            "difference: mean over seeds of arm less none, of the same seed, with its 95 % interval; p: paired t test "
            "that it is 0; adjusted: by Holm over the arms"
        )
    if any(arm.penalties for arm in result.arms):
        lines.append(
            "penalty: mean over an epoch's batches, before the weight; without gradient: the share of batches whose "
            "points it did not move"
        )
    if any(each.penalty_bars is not None for arm in result.arms for each in arm.penalties):
        lines.append(
            "bars, kept: of a class in a batch, and those of them that the selection keeps, on average; deficit: ln of "
            "the bars kept less their entropy"
        )
    for cloud, what in CLOUDS.items():
        if any(spread.cloud == cloud for arm in result.arms for spread in arm.geometry):
            lines.append(f"{cloud}: {what}")
    return lines + _undefined(result)


def _undefined(result: FineTuning) -> list[str]:
    """A sentence a reason: what the tables have no number of."""
    held: dict[str, list[str]] = {}
    told = [(row.cloud, row.measure, row.reason) for row in result.before if row.value is None]
    told += [
        (spread.cloud, spread.measure, spread.reason)
        for arm in result.arms
        for spread in (*arm.scores, *arm.geometry)
        if spread.mean is None
    ]
    for cloud, measure, reason in dict.fromkeys(told):
        held.setdefault(reason or "", []).append(measure if cloud is None else f"{measure} of {cloud}")
    return [f"undefined, because {reason}: {', '.join(names)}" for reason, names in held.items()]


def score_grids(result: FineTuning) -> list[Grid]:
    """A table for each score: every arm's mean, spread and difference from none."""
    columns = ["arm", "mean", "sd", "difference", "95 % interval", "p", "adjusted p", "seeds"]
    names = list(dict.fromkeys(spread.measure for arm in result.arms for spread in arm.scores))
    return [
        (
            name,
            columns,
            [_tested(arm, spread) for arm in result.arms for spread in arm.scores if spread.measure == name],
        )
        for name in names
    ]


def geometry_grids(result: FineTuning) -> list[Grid]:
    """A table for each cloud: its measures before training and after it, mean over seeds and their sd."""
    grids: list[Grid] = []
    for cloud in CLOUDS:
        before = [row for row in result.before if row.cloud == cloud]
        if not before:
            continue
        rows: list[list[Any]] = [
            ["before training", *(_UNDEFINED if row.value is None else rounded(row.value) for row in before)]
        ]
        for arm in result.arms:
            found = {spread.measure: spread for spread in arm.geometry if spread.cloud == cloud}
            rows.append([arm.name, *(_with_sd(found.get(row.measure)) for row in before)])
        grids.append((f"geometry of {cloud}", ["arm", *(row.measure for row in before)], rows))
    return grids


def penalty_grid(result: FineTuning, *, every_epoch: bool) -> Grid | None:
    """What each arm's penalty was, in the last epoch or in every one."""
    columns = ["arm", "epoch", "penalty", "bars", "kept", "deficit", "without gradient"]
    rows: list[list[Any]] = [
        [
            arm.name, f"{each.epoch:g}", each.penalty, each.penalty_bars, each.penalty_bars_kept, each.penalty_deficit,
            None if each.penalty_without_gradient is None else f"{100 * each.penalty_without_gradient:.3g} %",
        ]
        for arm in result.arms
        for each in (arm.penalties if every_epoch else arm.penalties[-1:])
    ]  # fmt: skip
    return ("penalty", columns, rows) if rows else None


def trend_grid(result: FineTuning) -> Grid | None:
    """Score against geometry over a grid's settings, seeds' means taken out."""
    if not result.trends:
        return None
    columns = ["regularizer", "score", "cloud", "measure", "slope", "r", "p", "adjusted p", "runs", "why"]
    rows: list[list[Any]] = [
        [
            trend.regularizer, trend.score, trend.cloud, trend.measure, trend.slope, trend.correlation, trend.p,
            trend.p_adjusted, trend.runs, trend.reason,
        ]
        for trend in result.trends
    ]  # fmt: skip
    return "score against geometry, within seeds", columns, rows


def _tested(arm: ArmResult, spread: Spread) -> list[Any]:
    test = spread.against_none
    found: list[Any] = [None] * 4
    if test is not None:
        between = None if test.interval is None else f"{rounded(test.interval[0])} to {rounded(test.interval[1])}"
        found = [test.difference, between, test.p, test.p_adjusted]
    return [arm.name, _UNDEFINED if spread.mean is None else spread.mean, spread.sd, *found, len(arm.seeds)]


def _with_sd(spread: Spread | None) -> str | None:
    if spread is None:
        return None
    if spread.mean is None:
        return _UNDEFINED
    return rounded(spread.mean) + ("" if spread.sd is None else f" ± {spread.sd:.2g}")


def _grids(result: FineTuning) -> list[Grid]:
    more = [penalty_grid(result, every_epoch=False), trend_grid(result)]
    return [*score_grids(result), *geometry_grids(result), *(grid for grid in more if grid)]


def to_markdown(result: FineTuning) -> str:
    """Notes, then a table each of scores, geometry, penalties and trends."""
    parts = [f"### {markdown_text(title(result))}", "\n".join(f"- {markdown_text(line)}" for line in notes(result))]
    for caption, columns, rows in _grids(result):
        shown = [place for place in range(len(columns)) if any(row[place] is not None for row in rows)]
        parts.append(f"**{markdown_text(caption)}**")
        names = [columns[place] for place in shown]
        parts.append(markdown_table(names, [[row[place] for place in shown] for row in rows], numeric=names[1:]))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def to_table(result: FineTuning, page: Page) -> str:
    """Notes, then a table each of scores, geometry, penalties and trends."""
    from rich.text import Text

    parts: list[RenderableType] = [Text(printable(title(result)), style="bold")]
    parts += [Text(printable(line), style="dim") for line in notes(result)]
    for caption, columns, rows in _grids(result):
        parts += [Text(), Text(printable(caption), style="bold"), _drawn(columns, rows)]
    return draw(parts, page)


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = [place for place in range(len(columns)) if any(row[place] is not None for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place in shown:
        words = any(isinstance(row[place], str) for row in rows) and "±" not in str(rows[-1][place])
        table.add_column(columns[place], justify="left" if words else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell_text(row[place])) for place in shown))
    return table
