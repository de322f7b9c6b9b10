"""Scores: files of downstream results as rows of subject, task and score, whichever tool wrote them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geoscope.correlations import harness_results
from geoscope.errors import GeoscopeError
from geoscope.subjects.encodings import read_text
from geoscope.subjects.table_files import read_table
from geoscope.subjects.tables import Table, records_table

Cell = float | str

_KEYS = ("subject", "task", "score", "noise_level", "noise_seed", "layer")
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "-"})
_TASK = "score"  # what a file without a task column has its scores on


@dataclass(frozen=True)
class Score:
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
    source: str = "the scores"

    @property
    def place(self) -> tuple[Any, ...]:
        """What no two scores may share."""
        return self.subject, self.task, self.noise_level, self.noise_seed, self.layer


def read_scores(source: str | Path | Iterable[Mapping[str, Any]]) -> list[Score]:
    """Scores from a .csv, .tsv or .json file, from a folder of the latter, or from rows (mappings of column to cell).

    JSON is a list of rows, a result of lm-evaluation-harness, or one of mteb. A row without a score is left out.
    Raises GeoscopeError for what is none of these, for a cell that is no number, and for two scores of one subject
    on one task.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        scores = list(_of_folder(path) if path.is_dir() else _of_file(path))
        name = str(source)
    else:
        name = "the scores"
        scores = list(_of_rows(records_table(list(source), name)))
    if not scores:
        raise GeoscopeError(f"expected scores, got none in {name}; each row needs a subject and a score")
    return scores


def check_once(scores: Iterable[Score]) -> None:
    """Refuse two scores of the same subject, level and seed on the same task and layer."""
    seen: dict[tuple[Any, ...], Score] = {}
    for score in scores:
        if score.place in seen:
            where = " and ".join(dict.fromkeys((seen[score.place].source, score.source)))
            raise GeoscopeError(
                f"expected one score a subject and task, got two of {score.subject} on {score.task} in {where}; "
                "leave one out, or tell them apart by a noise_level, noise_seed or layer column"
            )
        seen[score.place] = score


def _of_folder(folder: Path) -> Iterator[Score]:
    found = False
    for path in sorted(folder.rglob("*.json")):
        content = _parsed(path)
        if harness_results.is_result(content):
            found = True
            yield from _of_results(content, path)
    if not found:
        raise GeoscopeError(
            f"expected results of lm-evaluation-harness or mteb in the folder {folder}, got none; "
            "or name a .csv with the columns subject, task, score"
        )


def _of_file(path: Path) -> Iterator[Score]:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        yield from _of_rows(read_table(path, "scores", quotes=True, spaces=True))
    elif suffix == ".json":
        content = _parsed(path)
        if harness_results.is_result(content):
            yield from _of_results(content, path)
        elif isinstance(content, list) and all(isinstance(row, dict) for row in content):
            yield from _of_rows(records_table(content, str(path)))
        else:
            raise GeoscopeError(
                f"expected scores as a list of rows, or a result of lm-evaluation-harness or mteb, got other JSON in "
                f"{path}; write a .csv with the columns subject, task, score"
            )
    else:
        raise GeoscopeError(
            f"expected the last argument to be scores (.csv .tsv .json or a folder of results), got {path}; "
            "name the reports first"
        )


def _of_rows(table: Table) -> Iterator[Score]:
    for needed in ("subject", "score"):
        if len(table) and needed not in table.columns:
            raise GeoscopeError(
                f"expected the columns subject, task and score, got {', '.join(map(str, table.columns))} in "
                f"{table.origin}; name one of them {needed}"
            )
    for number, row in enumerate(table.mappings()):
        where = table.where(number)
        value = _number(row.get("score"), "score", where)
        subject = _cell(row.get("subject"))
        if subject is None:
            raise GeoscopeError(f"expected a subject in every row, got none in {where}; fill it in")
        if value is None:
            continue
        cells = {column: _cell(row.get(column)) for column in table.columns if column not in _KEYS}
        yield Score(
            subject=str(row["subject"]).strip(),
            task=str(_TASK if _cell(row.get("task")) is None else row["task"]).strip(),
            value=value,
            noise_level=_number(row.get("noise_level"), "noise_level", where),
            noise_seed=_whole(row.get("noise_seed"), "noise_seed", where),
            layer=_whole(row.get("layer"), "layer", where),
            columns={column: cell for column, cell in cells.items() if cell is not None},
            source=table.origin,
        )


def _of_results(content: Any, path: Path) -> Iterator[Score]:
    for result in harness_results.results_of(content, path):
        yield Score(
            subject=result.subject,
            task=result.task,
            value=result.value,
            asked_only=result.asked_only,
            metric=result.metric,
            higher_is_better=result.higher_is_better,
            source=str(path),
        )


def _cell(cell: Any) -> Cell | None:
    """A finite number, a text, or None for an empty cell."""
    if cell is None or isinstance(cell, (list, dict)):
        return None
    try:
        number = float(cell)
    except (TypeError, ValueError):
        text = str(cell).strip()
        return None if text.lower() in _MISSING else text
    return number if math.isfinite(number) else None


def _number(cell: Any, column: str, where: str) -> float | None:
    found = _cell(cell)
    if isinstance(found, str) or isinstance(cell, bool):
        raise GeoscopeError(f"expected a number as {column}, got {cell!r} in {where}; mend it or leave it empty")
    return found


def _whole(cell: Any, column: str, where: str) -> int | None:
    number = _number(cell, column, where)
    if number is not None and number != int(number):
        raise GeoscopeError(f"expected a whole number as {column}, got {cell!r} in {where}; mend it or leave it empty")
    return None if number is None else int(number)


def _parsed(path: Path) -> Any:
    try:
        return json.loads(read_text(path, "scores"))
    except (ValueError, RecursionError) as error:
        raise GeoscopeError(f"expected JSON, got something else in {path}: {error}; mend or remove it") from error
