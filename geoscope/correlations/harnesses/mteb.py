"""mteb: {"task_name": ..., "scores": {SPLIT: [{"main_score": number, ...}]}}, and what it wrote before 1.11.

A task's number is the mean main score over the languages of the test split, or of all splits where there is none of
that name; with several splits each is also there as TASK:SPLIT. The model is named by the model_meta.json beside the
file, or by the folder as mteb lays it out (ORGANISATION__MODEL/REVISION/TASK.json, before 1.12.6 without REVISION, in
REVISION/experiments/NAME/ a variant of the model).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from geoscope.bounds import DESCRIPTION_BYTES, read_whole
from geoscope.correlations.harnesses.mteb_historic import splits_of
from geoscope.correlations.harnesses.task_result import TaskResult, is_number, mapping, number, seconds
from geoscope.errors import GeoscopeError, first_line
from geoscope.files import json_content

_TEST = "test"
_UNKNOWN = ("no_revision_available", "external")  # what mteb calls the folder of a revision that it does not know
_REVISION = re.compile(r"^([0-9a-f]{7,40}|\d+|no_revision_available|external)$")
_EXPERIMENTS = "experiments"
_META = "model_meta.json"


def is_result(content: Any) -> bool:
    """Whether parsed JSON is a result of this tool: of a task, of a model, or of several."""
    if not isinstance(content, dict):
        return False
    return (
        _is_task(content)
        or "mteb_dataset_name" in content
        or _is_model(content)
        or (isinstance(content.get("model_results"), list) and all(map(_is_model, content["model_results"])))
    )


def results_of(content: Mapping[str, Any], path: Path) -> Iterator[TaskResult]:
    """The task, or the tasks, of a result."""
    if "model_results" in content:
        for model in content["model_results"]:
            yield from results_of(model, path)
    elif "task_results" in content:
        subject = _named(str(content["model_name"]), mapping(content.get("model_meta")), content.get("experiment_name"))
        for task in content["task_results"]:
            if not _is_task(task):
                raise GeoscopeError(f"expected mteb's task_results, got another form in {path}; write it again")
            yield _task(task, subject, path, _unknown(content.get("model_revision")))
    elif _is_task(content):
        yield _task(content, _model(path), path, _unknown(path.parent.name))
    else:
        yield _historic(content, path)


def _is_task(content: Any) -> bool:
    return isinstance(content, dict) and "task_name" in content and isinstance(content.get("scores"), dict)


def _is_model(content: Any) -> bool:
    return isinstance(content, dict) and "model_name" in content and isinstance(content.get("task_results"), list)


def _unknown(revision: Any) -> bool:
    return revision is None or revision in _UNKNOWN


def _task(content: Mapping[str, Any], subject: str, path: Path, provisional: bool) -> TaskResult:
    task, splits = str(content["task_name"]), content["scores"]
    if not all(isinstance(entries, list) and all(map(mapping, entries)) for entries in splits.values()):
        raise GeoscopeError(f"expected a list of scores for every split of {task}, got another form in {path}")
    scores = {
        split: [(str(entry.get("hf_subset", "")), _main_score(entry, task, path)) for entry in entries]
        for split, entries in splits.items()
    }
    return _result(scores, subject, task, path, provisional=provisional, begun=seconds(content.get("date")))


def _main_score(entry: Mapping[str, Any], task: str, path: Path) -> float | None:
    if "main_score" not in entry or not is_number(entry["main_score"]):
        raise _no_main_score(task, path)
    return number(entry["main_score"])


def _no_main_score(task: str, path: Path) -> GeoscopeError:
    return GeoscopeError(f"expected a main_score for every language of {task}, got none in {path}; run mteb again")


def _historic(content: Mapping[str, Any], path: Path) -> TaskResult:
    """A result from before mteb 1.11, whose main score may have to be told by its metrics."""
    task, scores, metric = splits_of(content)
    if any(score is ... for entries in scores.values() for _, score in entries):
        raise _no_main_score(task, path)
    remark = None if metric is None else f"results of mteb before 1.11 name no main score, so it is {metric} of"
    return _result(
        scores, _model(path, historic=True), task, path, provisional=_unknown(path.parent.name), remark=remark
    )


def _result(
    scores: Mapping[str, list[tuple[str, float | None]]],
    subject: str,
    task: str,
    path: Path,
    *,
    provisional: bool,
    begun: float | None = None,
    remark: str | None = None,
) -> TaskResult:
    chosen = [_TEST] if _TEST in scores else list(scores)
    entries = [entry for split in chosen for entry in scores[split]]
    if not entries:
        raise _no_main_score(task, path)
    left = [split for split in scores if split not in chosen]
    if left:
        told = f"scores are of the test split alone ({', '.join(left)} as TASK:SPLIT) on"
        remark = told if remark is None else remark
    return TaskResult(
        subject,
        task,
        _mean([score for _, score in entries]),
        path,
        others={split: _mean([score for _, score in of]) for split, of in scores.items() if of} if left else {},
        begun=begun,
        settings={"splits": ", ".join(sorted(chosen)), "languages": ", ".join(sorted({name for name, _ in entries}))},
        provisional=provisional,
        remark=remark,
    )


def _mean(scores: list[float | None]) -> float | None:
    """As mteb: one language without a number leaves none of the whole."""
    known = [score for score in scores if score is not None]
    return fmean(known) if len(known) == len(scores) else None


def _model(path: Path, *, historic: bool = False) -> str:
    folder = path.resolve().parent
    meta = _meta(path)
    experiment = folder.name if folder.parent.name == _EXPERIMENTS else None
    if meta.get("name"):
        return _named(str(meta["name"]), meta, experiment)
    if experiment is not None:
        return f"{_model(folder.parent.parent / path.name, historic=historic)} ({experiment})"
    for each in (folder, folder.parent):  # before 1.12.6 there was no folder of a revision
        if "__" in each.name:
            return each.name.replace("__", "/", 1)
    if historic:
        return (folder.parent if _REVISION.match(folder.name) else folder).name
    raise GeoscopeError(
        f"expected {_META} beside mteb's result, or the folders MODEL/REVISION around it, got neither at "
        f"{path}; keep mteb's folders as they are"
    )


def _meta(path: Path) -> Mapping[str, Any]:
    beside = path.parent / _META
    if not beside.is_file():
        return {}
    try:
        content = json_content(read_whole(beside, "a model's name", DESCRIPTION_BYTES))
    except (OSError, ValueError) as error:
        raise GeoscopeError(
            f"expected mteb's {_META}, got something else in {beside}: {first_line(error)}; mend or remove it"
        ) from error
    if not isinstance(content, dict):
        raise GeoscopeError(
            f"expected mteb's {_META}, got something else in {beside}: {type(content).__name__}; mend or remove it"
        )
    return content


def _named(name: str, meta: Mapping[str, Any], experiment: Any) -> str:
    """A model's name, as mteb tells a variant of it: NAME (KEY=VALUE, ...)."""
    told = mapping(meta.get("experiment_kwargs"))
    if told and all(isinstance(value, (str, int, float)) or value is None for value in told.values()):
        return f"{name} ({', '.join(f'{key}={told[key]}' for key in sorted(told))})"
    return f"{name} ({experiment})" if experiment else name
