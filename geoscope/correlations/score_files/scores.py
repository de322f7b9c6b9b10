"""Scores: files of downstream results as rows of subject, task and score, whichever tool wrote them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geoscope.correlations.harnesses import result_files
from geoscope.correlations.harnesses.task_result import TaskResult
from geoscope.correlations.score_files import cells as score_cells
from geoscope.correlations.score_files.numbers import Cell
from geoscope.errors import GeoscopeError
from geoscope.subjects.tables.encodings import unpacked_name
from geoscope.subjects.tables.table_files import TABLE_SUFFIXES, read_table
from geoscope.subjects.tables.tables import CellTable, records_table
from geoscope.wording import listed

_TASK = "score"  # what a file without a task column has its scores on


@dataclass(frozen=True)
class GivenScore:
    """One subject's result on one task, with the further columns of its row."""

    subject: str
    task: str
    value: float
    noise_level: float | None = None
    noise_seed: int | None = None
    layer: int | None = None
    columns: Mapping[str, Cell] = field(default_factory=dict)
    asked_only: bool = False  # a second metric or a subtask: taken where it is named, else left out
    metric: str | None = None
    higher_is_better: bool | None = None
    method: str | None = None  # how it came about, where that is known: probe, finetune
    source: str = "the scores"

    @property
    def place(self) -> tuple[Any, ...]:
        """What no two scores may share."""
        return self.subject, self.task, self.noise_level, self.noise_seed, self.layer


@dataclass
class _Read:
    """Scores, those left out because they are no number, and what to tell of how they were read."""

    scores: list[GivenScore] = field(default_factory=list)
    nulls: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_scores(source: str | Path | Iterable[Mapping[str, Any]]) -> list[GivenScore]:
    """Scores from a table, from a result of another tool, from a folder of those, or from rows (column to cell).

    A table (.csv, .tsv, .jsonl, .parquet, or .json as a list of rows; also .gz) has the columns subject and score, and
    task where there are several; or, without score and task, one row a subject and one column a task. Results are
    those of lm-evaluation-harness, mteb, lighteval and the Trainer. What has no number is left out and counted, and
    how a file was read is said, in warnings.
    Raises GeoscopeError for what is none of these, for a cell that is no number, and for runs of one task of which none
    is the newest.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        read = _of_results(*result_files.results_of_folder(path)) if path.is_dir() else _of_file(path)
        name = str(source)
    else:
        name = "the scores"
        if not isinstance(source, Iterable):
            raise GeoscopeError(
                f"expected {name} as a file or as mappings of column to cell, got {type(source).__name__}; name a file"
            )
        rows = list(source)
        odd = next((row for row in rows if not isinstance(row, Mapping)), None)
        if odd is not None:
            raise GeoscopeError(
                f"expected {name} as mappings of column to cell, got {type(odd).__name__}; "
                "of a data frame give to_dict('records')"
            )
        read = _of_rows(records_table(rows, name))
    if not read.scores:
        why = f" that is a number ({len(read.nulls)} are not)" if read.nulls else ""
        raise GeoscopeError(f"expected scores, got none{why} in {name}; each row needs a subject and a score")
    _check_characters(read.scores)
    if read.nulls:
        what = "1 score in {} is" if len(read.nulls) == 1 else f"{len(read.nulls)} scores in {{}} are"
        read.notes.append(f"{what.format(name)} no number and left out: {listed(read.nulls)}")
    for note in read.notes:
        warnings.warn(note, stacklevel=2)
    return read.scores


def check_once(scores: Iterable[GivenScore]) -> None:
    """Refuse two scores of the same subject, level and seed on the same task and layer."""
    seen: dict[tuple[Any, ...], GivenScore] = {}
    for score in scores:
        if score.place in seen:
            where = " and ".join(dict.fromkeys((seen[score.place].source, score.source)))
            raise GeoscopeError(
                f"expected one score a subject and task, got two of {score.subject} on {score.task} in {where}; "
                "leave one out, or tell them apart by a noise_level, noise_seed or layer column"
            )
        seen[score.place] = score


def _check_characters(scores: Iterable[GivenScore]) -> None:
    for score in scores:
        for name in (score.subject, score.task):
            try:
                name.encode("utf-8")
            except UnicodeEncodeError as error:
                raise GeoscopeError(
                    f"expected whole characters, got half of one ({name[error.start]!a}) in the name {name!a} in "
                    f"{score.source}; mend it"
                ) from error


def _of_file(path: Path) -> _Read:
    suffix = unpacked_name(path).suffix.lower()
    if suffix in TABLE_SUFFIXES and suffix != ".json":
        return _of_rows(read_table(path, "scores", quotes=True, spaces=True))
    if suffix != ".json":
        raise GeoscopeError(
            f"expected the last argument to be scores ({' '.join(TABLE_SUFFIXES)} or a folder of results), got {path}; "
            "name the reports first"
        )
    content = result_files.parsed(path, lines=True)
    if result_files.is_result(content, path):
        return _of_results(*result_files.results_of_file(content, path))
    try:
        return _of_rows(read_table(path, "scores"))
    except GeoscopeError as error:
        if isinstance(content, list) or content is None:
            raise
        raise GeoscopeError(
            f"expected scores as a list of rows, or a result of {result_files.TOOLS}, got other JSON in "
            f"{path}; write a .csv with the columns subject, task, score"
        ) from error


def _of_rows(table: CellTable) -> _Read:
    """A table's rows: subject, task and score, or one a subject with a column a task."""
    read = _Read(notes=list(table.notes))
    rows, note = score_cells.rows_of(table)
    read.notes += [note] if note else []
    for row in rows:
        task = _TASK if row.task is None else row.task
        if row.value is None:
            read.nulls.append(row.where)
            continue
        read.scores.append(
            GivenScore(
                row.subject,
                task,
                row.value,
                row.noise_level,
                row.noise_seed,
                row.layer,
                row.columns,
                asked_only=row.asked_only,
                source=table.origin,
            )
        )
    return read


def _of_results(results: Iterable[TaskResult], notes: list[str]) -> _Read:
    """Results of other tools: a task's number under its name, the further ones as TASK:NAME."""
    read = _Read(notes=notes)
    for result in results:
        if result.value is None:
            read.nulls.append(f"{result.subject} on {result.task}")
        read.scores += _of_result(result)
    return read


def _of_result(result: TaskResult) -> Iterator[GivenScore]:
    numbers = [(result.task, result.metric, result.value, result.asked_only)]
    numbers += [
        (f"{result.task}:{name}", None if result.metric is None else name, value, True)
        for name, value in result.others.items()
    ]
    for task, metric, value, asked_only in numbers:
        if value is not None:
            yield GivenScore(
                result.subject,
                task,
                value,
                asked_only=asked_only,
                metric=metric,
                higher_is_better=result.higher_is_better(metric),
                source=str(result.source),
            )
