"""A comparison or a check in the forms people and machines read. Rounds for display only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from geoscope.catalogue import offset_of
from geoscope.comparisons.comparison import Comparison, Difference
from geoscope.comparisons.holding import Check, HeldLimit
from geoscope.comparisons.matching import differ_in_depth
from geoscope.forms.csv import csv_text
from geoscope.forms.markdown import markdown_table, markdown_text
from geoscope.forms.output import Page
from geoscope.forms.terminal import draw
from geoscope.wording import cell_text, key_names, layer_cell, layer_name, percent_change, printable, rounded, signed

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

FORMS = ("table", "json", "csv", "markdown", "html", "junit", "github")

_COLUMNS = ("base", "candidate", "difference", "change", "error", "z", "verdict")
_LEAST_NEEDED = ("change", "z", "error")  # dropped in this order where the terminal is narrow
_LIMIT_COLUMNS = ("limit", "layer", "at", "candidate", "held", "value", "change", "reason", "caution")


def outcome(result: Comparison | Check) -> str:
    """What came out, in a line: how many of each verdict, how many limits failed."""
    parts = []
    if isinstance(result, Comparison):
        counts: Counter[str] = Counter(row.verdict for row in result.differences)
        kinds = ("changed", "same", "inconclusive", "unknown")
        parts.append(", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind]) or "nothing in common")
    if result.limits:
        failed = len(result.failed)
        many = len(result.limits)
        parts.append(f"{failed} of {many} limits failed" if failed else f"{many} limit{'s' * (many > 1)} held")
    return "; ".join(parts)


def title(result: Comparison | Check) -> str:
    """Who is held against whom."""
    if isinstance(result, Check):
        return str(result.subject["name"])
    return f"{', '.join(labels(result))} against {result.base['name']}"


def labels(result: Comparison) -> list[str]:
    """The candidates, as the rows call them."""
    return [str(candidate["label"]) for candidate in result.candidates]


def _of(label: str, result: Comparison) -> list[Difference]:
    return [row for row in result.differences if row.candidate == label]


def introductions(result: Comparison) -> list[str]:
    """A line on each subject: its part, name, architecture and dimensions."""
    lines = []
    for part, subject in (("base", result.base), *(("candidate", each) for each in result.candidates)):
        facts = [str(subject.get("label", subject["name"])), subject.get("architecture")]
        facts.append(f"{subject['hidden_size']} dimensions" if subject.get("hidden_size") else None)
        lines.append(f"{part}: {', '.join(fact for fact in facts if fact)}")
    return lines


def notes(result: Comparison) -> list[str]:
    """A sentence on how layers were matched, on each thing that only one of two reports has, and on unpaired errors."""
    blocks = {str(each["label"]): each.get("layers") for each in result.candidates}
    mine = result.base.get("layers")
    apart = {label for label in blocks if differ_in_depth(mine, blocks[label])}
    sentences = [
        f"layers are matched by their share of the blocks: {mine} in the base, {blocks[label]} in {label}"
        for label in labels(result)
        if label in apart and any(None not in (row.layer, row.candidate_layer) for row in _of(label, result))
    ]
    for label in labels(result):
        judged = [row for row in result.differences if row.candidate == label and row.paired is not None]
        unpaired = list(dict.fromkeys(row.measure for row in judged if row.paired is False))
        if len(unpaired) == len({row.measure for row in judged}) > 0:
            sentences.append(f"not paired with the base (other sequences, or no replicates): {label}")
        elif unpaired:
            sentences.append(f"not paired with the base (no replicates to pair): {', '.join(unpaired)} of {label}")
    starts: dict[str, list[str]] = {}
    for key in dict.fromkeys(row.measure for row in result.differences):
        starts.setdefault(offset_of(key), []).append(key)
    told = [f"from {start} for {', '.join(keys)}" for start, keys in starts.items() if start != "0"]
    if told:
        sentences.append(f"the margin is a share of the base's value, or of its distance {'; '.join(told)}")
    cautions: dict[str, list[str]] = {}
    for row in result.differences:
        if row.caution is not None:
            cautions.setdefault(row.caution, []).append(row.measure)
    sentences += [f"{', '.join(dict.fromkeys(keys))}: {caution}" for caution, keys in cautions.items()]
    if result.settings.get("population") == "corpus":
        sentences.append("errors are of drawing from this finite corpus: 0 where all of it was drawn")
    for each in result.unmatched:
        holder = "the base" if each.only_in == "base" else each.candidate
        if each.layers:
            named = f"layer{'s' * (len(each.layers) > 1)} {', '.join(map(str, each.layers))}"
            other = each.candidate if each.only_in == "base" else "the base"
            alone = f"no layer of {other} goes with {named} of {holder}"
            sentences.append(alone if each.candidate in apart else f"only {holder} has {named}")
        if each.measures:
            sentences.append(f"only {holder} has {', '.join(each.measures)}")
    return sentences


# CSV


_AS_IN_DIFFERENCES = {"layer_base": "layer", "layer_candidate": "candidate_layer"}
"""What a similarity's columns are called where its rows follow differences."""


def to_csv(result: Comparison | Check) -> str:
    """A row a difference or limit, then a row a similarity, whose value, null and n have columns of their own."""
    if isinstance(result, Check):
        keys = dict.fromkeys(key for row in result.limits for key in row.keys)
        rows = [dict.fromkeys(keys) | row.model_dump(mode="json") | row.keys for row in result.limits]
        absent = ("keys", "candidate", "candidate_layer", "change", "relative", "p_adjusted")
        names = [*(name for name in HeldLimit.model_fields if name not in absent), *keys]
    else:
        rows = [row.model_dump(mode="json") for row in result.differences]
        alike = [{_AS_IN_DIFFERENCES.get(key, key): cell for key, cell in row.items()} for row in result.similarity]
        names = list(dict.fromkeys([*Difference.model_fields, *(key for row in alike for key in row)]))
        rows = [dict.fromkeys(names) | row for row in (*rows, *alike)]
    cautioned = any(row.get("caution") for row in rows)
    names = [name for name in names if name != "caution" or cautioned]
    columns = [part for name in names for part in (("low", "high") if name == "interval" else (name,))]
    for row in rows:
        row.setdefault("caution", None)
        row["low"], row["high"] = row.pop("interval") or (None, None)
    return csv_text(columns, [[row[column] for column in columns] for row in rows])


# Markdown


def to_markdown(result: Comparison | Check) -> str:
    """Markdown: the outcome first, the limits, then what changed, and every row folded away."""
    parts = [f"### geoscope: {markdown_text(title(result))}", f"**{markdown_text(outcome(result) or 'no limits')}**"]
    if result.limits:
        parts.append(_limits_page(result.limits))
    if isinstance(result, Comparison):
        parts.append("\n".join(f"- {markdown_text(line)}" for line in (*introductions(result), *notes(result))))
        parts += _differences_page(result)
        if result.similarity:
            columns, rows = _similarity(result)
            parts.append(markdown_table(columns, rows, numeric=columns[2:]))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _limits_page(limits: Sequence[HeldLimit]) -> str:
    rows = [_limit_row(limit) for limit in sorted(limits, key=lambda limit: limit.held)]
    shown = _filled(_LIMIT_COLUMNS, rows)
    return markdown_table([_LIMIT_COLUMNS[place] for place in shown], [[row[place] for place in shown] for row in rows])


def _limit_row(limit: HeldLimit) -> list[Any]:
    return [
        limit.limit, layer_cell(limit), key_names(limit.keys), limit.candidate, "held" if limit.held else "FAILED",
        limit.value, limit.change, limit.reason, limit.caution,
    ]  # fmt: skip


def _filled(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    return [place for place in range(len(columns)) if any(row[place] not in (None, "") for row in rows)]


def _differences_page(result: Comparison) -> list[str]:
    changed = [row for row in result.differences if row.verdict == "changed"]
    parts = [_differences_table(changed)] if changed else []
    if len(changed) < len(result.differences):
        head = f"<details><summary>All {len(result.differences)} differences</summary>"
        parts += [head, _differences_table(result.differences), "</details>"]
    return parts


def _differences_table(rows: Sequence[Difference]) -> str:
    columns = ("to", "layer", "measure", "base", "candidate", "difference", "change", "95 %", "z", "verdict", "why")
    cells = [
        [
            row.candidate, layer_cell(row), row.measure, row.base_value, row.candidate_value,
            row.difference, _percent(row.relative), _between(row), None if row.z is None else signed(row.z),
            row.verdict, row.reason,
        ]
        for row in rows
    ]  # fmt: skip
    many = len({row.candidate for row in rows}) > 1
    shown = [place for place in _filled(columns, cells) if place or many]
    return markdown_table(
        [columns[place] for place in shown],
        [[row[place] for place in shown] for row in cells],
        numeric=("layer", "base", "candidate", "difference", "change", "95 %", "z"),
    )


def _percent(relative: float | None) -> str | None:
    return None if relative is None else percent_change(relative)


def _between(row: Difference) -> str | None:
    return None if row.interval is None else f"{rounded(row.interval[0])} to {rounded(row.interval[1])}"


def _similarity(result: Comparison) -> tuple[list[str], list[list[Any]]]:
    columns = list(dict.fromkeys(key for row in result.similarity for key in row))
    return columns, [[row.get(column) for column in columns] for row in result.similarity]


# Table


def to_table(result: Comparison | Check, page: Page) -> str:
    """A table a candidate, notes, the similarities, the limits, and the outcome last."""
    from rich.text import Text

    parts: list[RenderableType] = [Text(printable(title(result)), style="bold")]
    if isinstance(result, Comparison):
        reasons: list[str] = []
        parts += [Text(printable(line)) for line in introductions(result)]
        for label in labels(result):
            rows = _of(label, result)
            parts += [Text(), _grid(rows, label if len(result.candidates) > 1 else "measure", reasons, page.width)]
        parts += [Text(f"[{number}] {printable(reason)}") for number, reason in enumerate(reasons, 1)]
        parts += [Text(printable(sentence), style="dim") for sentence in notes(result)]
        if result.similarity:
            parts += [Text(), _plain_grid(*_similarity(result))]
    if result.limits:
        rows_of_limits = [_limit_row(limit) for limit in result.limits]
        shown = _filled(_LIMIT_COLUMNS, rows_of_limits)
        cells = [[row[place] for place in shown] for row in rows_of_limits]
        parts += [Text(), _plain_grid([_LIMIT_COLUMNS[place] for place in shown], cells)]
    return draw([*parts, Text(), Text(outcome(result) or "no limits", style="bold")], page)


def _plain_grid(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell_text(cell), style="red" if cell == "FAILED" else "") for cell in row))
    return table


def _grid(rows: Sequence[Difference], label: str, reasons: list[str], width: int | None) -> Table:
    """One candidate's rows under a heading per layer; reasons: footnotes so far, added to."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    lines = [_line(row, reasons) for row in rows]
    first = max((max(2 + len(row.measure), len(layer_name(row))) for row in rows), default=0)
    shown = _fitting(lines, first, width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(Text(printable(label)), no_wrap=True)
    for column in shown:
        table.add_column(column, justify="left" if column == "verdict" else "right", overflow="fold")
    heading = None
    for row, line in zip(rows, lines, strict=True):
        if layer_name(row) != heading:
            heading = layer_name(row)
            if heading:
                table.add_row(Text(heading, style="bold"))
        style = "bold" if row.verdict == "changed" else "dim" if row.verdict == "unknown" else ""
        table.add_row(Text(f"  {row.measure}"), *(Text(line[column], style=style) for column in shown))
    return table


def _line(row: Difference, reasons: list[str]) -> dict[str, str]:
    note = ""
    if row.reason is not None:
        if row.reason not in reasons:
            reasons.append(row.reason)
        note = f" [{reasons.index(row.reason) + 1}]"
    numbers = {"base": row.base_value, "candidate": row.candidate_value, "difference": row.difference}
    return {
        **{name: "" if number is None else rounded(number) for name, number in numbers.items()},
        "change": _percent(row.relative) or "",
        "error": "" if row.standard_error is None else rounded(row.standard_error),
        "z": "" if row.z is None else signed(row.z),
        "verdict": row.verdict + note,
    }


def _fitting(lines: Sequence[dict[str, str]], first: int, width: int | None) -> list[str]:
    shown = list(_COLUMNS)
    sizes = {column: 3 + max(len(column), *(len(line[column]) for line in lines), 0) for column in shown}
    for column in _LEAST_NEEDED:
        if width and first + sum(sizes[name] for name in shown) > width:
            shown.remove(column)
    return shown
