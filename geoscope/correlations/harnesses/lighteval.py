"""lighteval: {"config_general": {"model_name": ...}, "results": {"TASK|SHOTS": {METRIC: number, ...}, "all": ...}}.

A task is called what lighteval calls it; its number is its first metric, and each is also there as TASK:METRIC. Of
tasks with an average (PARENT:_average|SHOTS) the parts are taken only where they are named, as is `all`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from geoscope.correlations.harnesses.lm_eval import metrics_of
from geoscope.correlations.harnesses.task_result import TaskResult, mapping
from geoscope.errors import GeoscopeError

_OWN = ("config_general", "summary_general", "config_tasks", "summary_tasks")
_ALL = "all"  # the mean over every task and metric
_AVERAGE = "_average"


def is_result(content: Any) -> bool:
    """Whether parsed JSON is a result of this tool, or of a leaderboard in its form."""
    results = mapping(content).get("results")
    return isinstance(results, dict) and any(isinstance(content.get(key), dict) for key in _OWN)


def results_of(content: Mapping[str, Any], path: Path) -> Iterator[TaskResult]:
    """The tasks of a result that have a metric. Its start_time is no date: it counts from when the machine began."""
    subject, general = _model(content, path), mapping(content.get("config_general"))
    averaged = {_parent(task) for task in content["results"] if _is_average(task)}
    for task, numbers in content["results"].items():
        found = metrics_of(mapping(numbers))
        if not found:
            continue
        first = next(iter(found))
        part = not _is_average(task) and _parent(task) in averaged
        yield TaskResult(
            subject,
            task,
            found[first],
            path,
            metric=first,
            others=found,
            asked_only=part or task == _ALL,
            directions=_directions(mapping(mapping(content.get("config_tasks")).get(task))),
            settings={
                "revision": mapping(general.get("model_config")).get("revision"),
                "max_samples": general.get("max_samples") or "none",
                "version": mapping(content.get("versions")).get(task),
            },
        )


def _parent(task: str) -> tuple[str, ...]:
    """What an average and its parts have in common: mmlu:law|5 and mmlu:_average|5 are both ("mmlu", "5")."""
    return tuple(part.split(":")[0] for part in task.split("|"))


def _is_average(task: str) -> bool:
    return any(part.endswith(f":{_AVERAGE}") for part in task.split("|"))


def _directions(config: Mapping[str, Any]) -> dict[str, bool | None]:
    """Whether higher is better, by metric, as the task's configuration says."""
    found: dict[str, bool | None] = {}
    metrics = config.get("metrics") or config.get("metric") or []
    for metric in metrics if isinstance(metrics, list) else []:
        name, better = mapping(metric).get("metric_name"), mapping(metric).get("higher_is_better")
        if isinstance(name, str) and isinstance(better, bool):
            found[name] = better
        elif isinstance(better, dict):
            found |= {each: way for each, way in better.items() if isinstance(way, bool)}
    return found


def _model(content: Mapping[str, Any], path: Path) -> str:
    general = mapping(content.get("config_general"))
    told = (general, mapping(general.get("model_config")), mapping(content.get("config")))
    name = next((str(each["model_name"]) for each in told if each.get("model_name")), None)
    if name is None:
        raise GeoscopeError(
            f"expected a result that names its model (model_name in config_general), got none in {path}; "
            "write a .csv with the columns subject, task, score"
        )
    return name
