"""Score cells: a table's rows as subject, task and number, whether each row is one score or one subject."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from geoscope.catalogue import KEYS
from geoscope.correlations.score_files.numbers import Cell, cell_of, given_number, number_of, whole_number
from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.tables import CellTable
from geoscope.wording import listed

FACTS = ("architecture", "parameters", "hidden_size")
"""Columns that tell what a subject is and not how it did."""

_KEYS = ("subject", "task", "score", "noise_level", "noise_seed", "layer")
_NAMES = (
    "subject",
    "model",
    "model_name",
    "model name",
    "name",
    "model_id",
    "checkpoint",
)  # of subjects, in one row each
_TASK_NAMES = ("task", "task_name", "dataset", "dataset name", "benchmark")  # of tasks, in one row each
_PANDAS_INDEX = "__index_level_0__"
_INDEX = re.compile(rf"^(|unnamed: 0|{_PANDAS_INDEX}|index|idx|id)$", re.IGNORECASE)
_MEAN = re.compile(r"^(mean|average|avg)\b", re.IGNORECASE)
_NO_TASK = re.compile(
    r"(year|month|day|seed|epochs?|steps?|rank|size|n_params|params|num_params|num_parameters|n|count)"
    r"|.*[_ ,.-](std_?err|stderr|std|sem|ci|seed|rank)(,\w+)?",
    re.IGNORECASE,
)
"""Columns of numbers that are no scores of a task."""
_DRESSED = re.compile(r"^[*_\s]*[+-]?(\d+([.,]\d+)*|[.,]\d+)\s*(%|[±(].*)?[*_\s]*$")


@dataclass(frozen=True)
class ScoreRow:
    """One score as a table has it. value: None where there is no number. task: None where the table names none."""

    subject: str
    task: str | None
    value: float | None
    where: str
    noise_level: float | None = None
    noise_seed: int | None = None
    layer: int | None = None
    columns: Mapping[str, Cell] = field(default_factory=dict)
    asked_only: bool = False


@dataclass(frozen=True)
class _Named:
    """A table whose columns of score, subject and the like are called so in whatever case."""

    table: CellTable
    names: Mapping[str, str]

    @property
    def origin(self) -> str:
        return self.table.origin

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.names.get(column, column) for column in self.table.columns)

    def where(self, row: int) -> str:
        return self.table.where(row)

    def mappings(self) -> list[Mapping[str, Any]]:
        """The rows, their bytes as text."""
        return [
            {self.names.get(column, column): self._decoded(cell, column, number) for column, cell in row.items()}
            for number, row in enumerate(self.table.mappings())
        ]

    def _decoded(self, cell: Any, column: str, row: int) -> Any:
        """A cell, as text where it is bytes, as some write text in parquet."""
        if not isinstance(cell, bytes):
            return cell
        try:
            return cell.decode("utf-8")
        except UnicodeDecodeError as error:
            raise GeoscopeError(
                f"expected text or a number as {column}, got bytes in {self.where(row)}; write the column as text"
            ) from error


@dataclass(frozen=True)
class _Wide:
    """What the columns of a table of one row a subject are. left: those that are not read."""

    subject: str
    tasks: list[str]
    beside: list[str]
    left: list[str]


def rows_of(given: CellTable) -> tuple[list[ScoreRow], str | None]:
    """The scores of a table, row by row, and how it was read where that was for geoscope to tell.

    It has one score a row where a column is called score, or where both a task and a subject are named; else a column
    for each task, or, where a column names tasks and none names subjects, one for each subject.
    """
    if not len(given):
        return [], None
    unnamed = next((column for column in given.columns if not isinstance(column, str)), None)
    if unnamed is not None:
        raise GeoscopeError(
            f"expected names of columns as text, got {unnamed!r} in {given.origin}; name them subject, task and score"
        )
    table = _named(given)
    named = {column.strip().lower(): column for column in table.columns}
    if "score" in table.columns or ("task" in table.columns and "subject" in table.columns):
        return list(_long(table)), None
    tasks = next((named[name] for name in _TASK_NAMES if name in named), None)
    if tasks is None:
        return _wide(table, named)
    if any(name in named for name in _NAMES):
        raise _columns_expected(table)
    return _by_task(table, tasks)


def _named(table: CellTable) -> _Named:
    """The table with the columns of one row a score in small letters, where it has them in others."""
    lower = [column.strip().lower() for column in table.columns]
    if not ({"subject", "score"} <= set(lower) or {"subject", "task"} <= set(lower)):
        return _Named(table, {})
    once = [name for name in _KEYS if lower.count(name) == 1]
    return _Named(table, {column: name for column, name in zip(table.columns, lower, strict=True) if name in once})


def _columns_expected(table: _Named) -> GeoscopeError:
    needed = "subject" if "subject" not in table.columns else "score"
    return GeoscopeError(
        f"expected the columns subject, task and score, got {', '.join(map(str, table.columns))} in "
        f"{table.origin}; name one of them {needed}"
    )


def _long(table: _Named) -> Iterator[ScoreRow]:
    if "subject" not in table.columns or "score" not in table.columns:
        raise _columns_expected(table)
    for number, row in enumerate(table.mappings()):
        where = table.where(number)
        value = number_of(row.get("score"), "score", where)
        cells = {column: cell_of(row.get(column)) for column in table.columns if column not in _KEYS}
        yield ScoreRow(
            subject=_subject(row, "subject", where),
            task=None if cell_of(row.get("task")) is None else str(row["task"]).strip(),
            value=value,
            where=where,
            columns={column: cell for column, cell in cells.items() if cell is not None},
            **_keys(row, where),
        )


def _wide(table: _Named, named: Mapping[str, str]) -> tuple[list[ScoreRow], str]:
    rows = table.mappings()
    wide = _columns(table, rows, named)
    found = []
    for number, row in enumerate(rows):
        where = table.where(number)
        subject, keys = _subject(row, wide.subject, where), _keys(row, where)
        cells = {column: cell_of(row.get(column)) for column in wide.beside}
        columns = {column: cell for column, cell in cells.items() if cell is not None}
        for task in wide.tasks:
            value = number_of(row.get(task), task, where)
            place = f"{task} in {where}"
            found.append(
                ScoreRow(subject, task.strip(), value, place, **keys, columns=columns, asked_only=_is_mean(task))
            )
    told = f"{table.origin} has one row a subject: names in {wide.subject or 'the first column'}, scores in "
    told += listed(wide.tasks, 12)
    means = [task for task in wide.tasks if _is_mean(task)]
    told += f" ({', '.join(means)} only if named by --task)" if means else ""
    told += f"; beside them {listed(wide.beside, 12)}" if wide.beside else ""
    told += f"; not read: {listed([name or 'the first column' for name in wide.left], 12)}" if wide.left else ""
    return found, told


def _by_task(table: _Named, tasks: str) -> tuple[list[ScoreRow], str]:
    """One row a task and one column a subject, which is how mteb writes its results to a table."""
    rows = table.mappings()
    kinds = {column: _kind(table, rows, column) for column in table.columns if column != tasks}
    subjects = [column for column, kind in kinds.items() if kind == "numbers"]
    left = [column for column, kind in kinds.items() if kind != "numbers"]
    if len(subjects) < 2:  # one column of numbers is as likely a metric
        raise _columns_expected(table)
    found = []
    for number, row in enumerate(rows):
        where = table.where(number)
        task = _subject(row, tasks, where)
        found += [
            ScoreRow(subject.strip(), task, number_of(row.get(subject), subject, where), f"{subject} in {where}")
            for subject in subjects
        ]
    told = f"{table.origin} has one row a task: names in {tasks}, subjects in {listed(subjects, 12)}"
    return found, told + (f"; not read: {listed(left, 12)}" if left else "")


def _columns(table: _Named, rows: Sequence[Mapping[str, Any]], named: Mapping[str, str]) -> _Wide:
    subject = next((named[name] for name in _NAMES if name in named), None)
    kinds = {column: _kind(table, rows, column) for column in table.columns if column not in (*_KEYS, subject)}
    index = [column for column, kind in kinds.items() if kind == "numbers" and _is_index(column, rows)]
    order = sorted(kinds, key=lambda column: column != _PANDAS_INDEX)  # which parquet has last
    first = next((column for column in order if column not in index), None)
    if subject is None and first is not None and kinds[first] == "texts":
        others = [column for column, kind in kinds.items() if kind == "texts" and column not in (first, *FACTS)]
        subject = first if not others or _INDEX.match(first) else None
    if subject is None:
        raise _columns_expected(table)
    held = {column: kind for column, kind in kinds.items() if column != subject}
    index = [column for column in index if column != subject]
    beside = [
        column
        for column, kind in held.items()
        if kind == "texts" or (kind == "numbers" and (column in KEYS or column in FACTS))
    ]
    index += [
        column
        for column, kind in held.items()
        if kind == "numbers" and column not in (*beside, *index) and _NO_TASK.fullmatch(column.strip())
    ]
    tasks = [column for column, kind in held.items() if kind == "numbers" and column not in (*beside, *index)]
    if not tasks:
        raise _columns_expected(table)
    return _Wide(subject, tasks, beside, [*index, *(column for column, kind in held.items() if kind == "nothing")])


def _kind(table: _Named, rows: Sequence[Mapping[str, Any]], column: str) -> str:
    """What is in a column: numbers, texts, or nothing of either. Numbers with something about them are refused."""
    numbers, texts, flags = 0, 0, 0
    for number, row in enumerate(rows):
        cell = row.get(column)
        found = None if isinstance(cell, bool) else cell_of(cell)
        flags += isinstance(cell, bool)
        numbers += isinstance(found, float)
        texts += isinstance(found, str)
        if isinstance(found, str) and _DRESSED.match(found):
            raise GeoscopeError(
                f"expected numbers in the column {column}, got {found!r} in {table.where(number)}; write them alone, "
                "with a point"
            )
    if texts and numbers > texts:
        place, cell = next((n, row[column]) for n, row in enumerate(rows) if isinstance(cell_of(row.get(column)), str))
        number_of(cell, column, table.where(place))  # which refuses it
    if texts:
        return "texts"
    return "numbers" if numbers and not flags else "nothing"


def _is_index(column: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column counts the rows, from 0 or 1, as tables are written with their index."""
    cells = [cell_of(row.get(column)) for row in rows]
    return bool(_INDEX.match(column)) and any(cells == list(range(n, n + len(rows))) for n in (0, 1))


def _is_mean(column: str) -> bool:
    return bool(_MEAN.match(column.strip()))


def _keys(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    return {
        "noise_level": given_number(row.get("noise_level"), "noise_level", where),
        "noise_seed": whole_number(row.get("noise_seed"), "noise_seed", where),
        "layer": whole_number(row.get("layer"), "layer", where),
    }


def _subject(row: Mapping[str, Any], column: str, where: str) -> str:
    if cell_of(row.get(column)) is None:
        raise GeoscopeError(f"expected a {'subject' if column == 'subject' else column or 'name'} in every row, "
                            f"got none in {where}; fill it in")  # fmt: skip
    return str(row[column]).strip()
