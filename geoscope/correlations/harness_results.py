"""Results of other tools' runs: what lm-evaluation-harness and mteb write, as one number a model and task.

lm-evaluation-harness: {"results": {TASK: {"METRIC,FILTER": number, ...}}, "model_name": ..., "config": ...}. A task's
number is its first metric; each is also there as TASK:METRIC. Of a group with a number of its own the subtasks are
taken only where they are named.

mteb: {"task_name": ..., "scores": {SPLIT: [{"main_score": number, ...}]}}; the mean main score over the languages of
the test split, or of all splits where there is none of that name. The model is named by the model_meta.json beside
the file, or by the folder as mteb lays it out (ORGANISATION__MODEL/REVISION/TASK.json).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from geoscope.errors import GeoscopeError

_MODEL_KEYS = ("peft", "delta", "pretrained", "model", "path", "engine")  # of model_args, the more telling first
_NO_METRICS = ("sample_len", "samples")


@dataclass(frozen=True)
class Result:
    """One model's number on one task."""

    subject: str
    task: str
    value: float
    metric: str | None = None
    asked_only: bool = False
    higher_is_better: bool | None = None


def is_result(content: Any) -> bool:
    """Whether parsed JSON is a result of either tool."""
    return _is_harness(content) or _is_mteb(content) or _is_mteb_model(content)


def results_of(content: Any, path: Path) -> Iterator[Result]:
    """The numbers of a result; path is where it lies, which may name the model."""
    if _is_harness(content):
        yield from _of_harness(content, path)
    elif _is_mteb(content):
        yield _of_mteb(content, _mteb_model(path), path)
    else:
        for task in content["task_results"]:
            yield _of_mteb(task, str(content["model_name"]), path)


def _is_harness(content: Any) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        return False
    return all(isinstance(task, dict) for task in content["results"].values())


def _is_mteb(content: Any) -> bool:
    return isinstance(content, dict) and "task_name" in content and isinstance(content.get("scores"), dict)


def _is_mteb_model(content: Any) -> bool:
    return isinstance(content, dict) and "model_name" in content and isinstance(content.get("task_results"), list)


# lm-evaluation-harness


def _of_harness(content: Mapping[str, Any], path: Path) -> Iterator[Result]:
    subject = _harness_model(content, path)
    metrics = {task: _metrics(numbers) for task, numbers in content["results"].items()}
    subtasks = {
        part for group, parts in (content.get("group_subtasks") or {}).items() if metrics.get(group) for part in parts
    }
    better = content.get("higher_is_better") or {}
    for task, found in metrics.items():
        directions = better.get(task) or {}
        for place, (metric, value) in enumerate(found.items()):
            direction = directions.get(metric.split(",")[0])
            if value is None:
                continue
            if place == 0:
                yield Result(subject, task, value, metric, task in subtasks, direction)
            yield Result(subject, f"{task}:{metric}", value, metric, True, direction)


def _metrics(numbers: Mapping[str, Any]) -> dict[str, float | None]:
    """A task's metrics in their order, None for no number; a filter is named unless it is `none`."""
    found: dict[str, float | None] = {}
    for key, value in numbers.items():
        metric, _, way = key.partition(",")
        if metric.endswith("_stderr") or not isinstance(value, (int, float)) or metric in _NO_METRICS:
            continue
        found[metric if way in ("", "none") else key] = float(value) if math.isfinite(value) else None
    return found


def _harness_model(content: Mapping[str, Any], path: Path) -> str:
    config = content.get("config") or {}
    arguments = config.get("model_args") or {}
    if isinstance(arguments, str):
        arguments = dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    told = [content.get("model_name"), *(arguments.get(key) for key in _MODEL_KEYS)]
    name = next((str(each) for each in told if each), None)
    if name is None:
        raise GeoscopeError(
            f"expected a result that names its model (model_name, or pretrained= in model_args), got none in {path}; "
            "write a .csv with the columns subject, task, score"
        )
    return name


# mteb


def _of_mteb(content: Mapping[str, Any], subject: str, path: Path) -> Result:
    splits = content["scores"]
    chosen = [splits["test"]] if "test" in splits else list(splits.values())
    scores = [entry.get("main_score") for entries in chosen for entry in entries]
    if not scores or any(not isinstance(score, (int, float)) or not math.isfinite(score) for score in scores):
        raise GeoscopeError(
            f"expected a main_score for every language of {content['task_name']}, got none in {path}; run mteb again"
        )
    return Result(subject, str(content["task_name"]), fmean(scores))


def _mteb_model(path: Path) -> str:
    beside = path.parent / "model_meta.json"
    if beside.is_file():
        try:
            name = json.loads(beside.read_text(encoding="utf-8")).get("name")
        except (OSError, ValueError, AttributeError) as error:
            raise GeoscopeError(f"expected mteb's model_meta.json, got something else in {beside}: {error}") from error
        if name:
            return str(name)
    folder = path.resolve().parent.parent.name
    if "__" in folder:
        return folder.replace("__", "/", 1)
    raise GeoscopeError(
        f"expected model_meta.json beside mteb's result, or the folders MODEL/REVISION around it, got neither at "
        f"{path}; keep mteb's folders as they are"
    )
