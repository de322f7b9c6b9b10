"""The Trainer of transformers: {"eval_accuracy": number, "eval_loss": number, "eval_runtime": ..., "epoch": ...}.

What was evaluated on is called eval, test or predict; its number is its first metric that is no loss, and each is also
there as eval:METRIC. The file names no model: the folder that it lies in does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from geoscope.correlations.harnesses.task_result import TaskResult, is_number, mapping, number

FILES = ("eval_results.json", "all_results.json", "test_results.json", "predict_results.json")
_SPLITS = ("eval", "test", "predict")
_COSTS = re.compile(
    r"(^|_)(runtime|samples|samples_per_second|steps_per_second|model_preparation_time|jit_compilation_time|"
    r"mem_\w+)(_mm)?$"
)
_LOWER = re.compile(r"(^|_)(loss|perplexity|mse|rmse|mae|wer|cer|ter)(_mm)?$")
_TELLING = ("loss", "runtime", "samples", "samples_per_second")


def is_result(content: Any, path: Path) -> bool:
    """Whether parsed JSON is a result of this tool: numbers alone, named after a split."""
    if not isinstance(content, dict) or not content or not all(is_number(value) for value in content.values()):
        return False
    known = path.name in FILES or any(f"{split}_{key}" in content for split in _SPLITS for key in _TELLING)
    return known and any(_metrics(content, split) for split in _SPLITS)


def results_of(content: Mapping[str, Any], path: Path) -> Iterator[TaskResult]:
    """What was evaluated on; where that is more than one split, eval is the task and others are taken if named."""
    subject = path.resolve().parent.name
    held = [split for split in _SPLITS if _metrics(content, split)]
    for split in held:
        found = _metrics(content, split)
        first = next((metric for metric in found if not _LOWER.search(metric)), next(iter(found)))
        yield TaskResult(
            subject,
            split,
            found[first],
            path,
            metric=first,
            others=found,
            asked_only=split != held[0],
            directions={metric: False for metric in found if _LOWER.search(metric)},
            settings={"samples": mapping(content).get(f"{split}_samples")},
        )


def _metrics(content: Mapping[str, Any], split: str) -> dict[str, float | None]:
    found = {
        key.removeprefix(f"{split}_"): number(value)
        for key, value in content.items()
        if key.startswith(f"{split}_") and not _COSTS.search(key.removeprefix(f"{split}_"))
    }
    if found and split == _SPLITS[0] and "perplexity" in content:
        found["perplexity"] = number(content["perplexity"])
    return found
