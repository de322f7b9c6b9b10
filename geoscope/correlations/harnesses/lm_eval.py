"""lm-evaluation-harness: {"results": {TASK: {"METRIC,FILTER": number, ...}}, "model_name": ..., "config": ...}.

A task's number is its first metric; each is also there as TASK:METRIC. Of a group with a number of its own the
subtasks are taken only where they are named.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from geoscope.correlations.harnesses.task_result import TaskResult, is_number, mapping, number, seconds
from geoscope.errors import GeoscopeError

_MODEL_KEYS = ("peft", "delta", "pretrained", "model", "path", "engine")  # of model_args, the more telling first
_HOW_FAST = frozenset({
    "batch_size", "base_url", "data_parallel_size", "device", "dp_size", "gpu_memory_utilization",
    "max_batch_size", "max_retries", "mem_fraction_static", "num_concurrent", "parallelize", "tensor_parallel_size",
    "timeout", "tp_size", "trust_remote_code",
})  # fmt: skip
"""Of model_args, what says how a model is run and not which it is."""
_NO_METRICS = ("sample_len", "samples", "bypass")  # bypass: the 999 of a run that only predicted


def is_result(content: Any) -> bool:
    """Whether parsed JSON is a result of this tool; a result of lighteval looks like one, and is to be told first."""
    results = mapping(content).get("results")
    return isinstance(results, dict) and all(isinstance(task, dict) for task in results.values())


def results_of(content: Mapping[str, Any], path: Path) -> Iterator[TaskResult]:
    """The tasks of a result that have a metric."""
    subject, config = _model(content, path), mapping(content.get("config"))
    arguments = _arguments(config.get("model_args"))
    variant = ", ".join(f"{key}={arguments[key]}" for key in sorted(arguments) if key not in _HOW_FAST)
    metrics = {task: metrics_of(numbers) for task, numbers in content["results"].items()}
    subtasks = {
        part
        for group, parts in mapping(content.get("group_subtasks")).items()
        if metrics.get(group) and isinstance(parts, list)
        for part in parts
        if isinstance(part, str)
    }
    better = mapping(content.get("higher_is_better"))
    for task, found in metrics.items():
        if not found:
            continue
        first = next(iter(found))
        yield TaskResult(
            subject,
            task,
            found[first],
            path,
            metric=first,
            others=found,
            asked_only=task in subtasks,
            directions=mapping(better.get(task)),
            begun=seconds(content.get("date")),
            settings={
                "model_args": variant or None,
                "n-shot": mapping(content.get("n-shot")).get(task),
                "limit": config.get("limit") or "none",
                "version": mapping(content.get("versions")).get(task),
            },
        )


def metrics_of(numbers: Mapping[str, Any]) -> dict[str, float | None]:
    """A task's metrics in their order, None for no number; a filter is named unless it is `none`."""
    found: dict[str, float | None] = {}
    for key, value in numbers.items():
        metric, _, way = key.partition(",")
        if not metric.endswith("_stderr") and is_number(value) and metric not in _NO_METRICS and metric != "alias":
            found[metric if way in ("", "none") else key] = number(value)
    return found


def _model(content: Mapping[str, Any], path: Path) -> str:
    config = mapping(content.get("config"))
    arguments = _arguments(config.get("model_args"))
    told = [content.get("model_name"), *(arguments.get(key) for key in _MODEL_KEYS), config.get("model_name")]
    name = next((str(each) for each in told if each), None)
    if name is None:
        raise GeoscopeError(
            f"expected a result that names its model (model_name, or pretrained= in model_args), got none in {path}; "
            "write a .csv with the columns subject, task, score"
        )
    return name


def _arguments(arguments: Any) -> Mapping[str, Any]:
    """model_args: an object, one as a string, or a=b,c=d."""
    if not isinstance(arguments, str):
        return mapping(arguments)
    try:
        return mapping(json.loads(arguments))
    except (ValueError, RecursionError):
        return dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
