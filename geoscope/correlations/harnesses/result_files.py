"""Result files: one, or a folder of them, as the results of whichever tool wrote each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geoscope.correlations.harnesses import lighteval, lm_eval, mteb, trainer_states
from geoscope.correlations.harnesses.evaluation_runs import newest_runs
from geoscope.correlations.harnesses.task_result import TaskResult
from geoscope.errors import GeoscopeError, first_line
from geoscope.files import json_content
from geoscope.subjects.tables.encodings import read_text, unpacked_name
from geoscope.subjects.tables.table_files import TABLE_SUFFIXES
from geoscope.wording import listed

TOOLS = "lm-evaluation-harness, mteb, lighteval or the Trainer"

_BESIDE = frozenset({
    "added_tokens.json", "adapter_config.json", "config.json", "config_sentence_transformers.json",
    "generation_config.json", "model.safetensors.index.json", "model_meta.json", "modules.json",
    "preprocessor_config.json", "processor_config.json", "pytorch_model.bin.index.json", "run_settings.jsonl",
    "sentence_bert_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
    "train_results.json", "trainer_state.json", "vocab.json",
})  # fmt: skip
"""What lies beside results because the tools, or the Trainer with its model, put it there."""
_SAMPLES = ("samples_", "details_")  # answers one by one, of lm-evaluation-harness and lighteval


def is_result(content: Any, path: Path) -> bool:
    """Whether parsed JSON is a result of one of the tools."""
    return lighteval.is_result(content) or mteb.is_result(content) or lm_eval.is_result(content) or (
        trainer_states.is_result(content, path)
    )  # fmt: skip


def results_of_file(content: Any, path: Path) -> tuple[list[TaskResult], list[str]]:
    """The results in one file, and what to tell of them."""
    found, notes = newest_runs(_results(content, path))
    return found, [*_remarks(found), *notes]


def results_of_folder(folder: Path) -> tuple[list[TaskResult], list[str]]:
    """The results in a folder and those below, and what to tell: files that are none are counted, the first named.

    Raises GeoscopeError where there is none, and where runs of a task leave open which to take.
    """
    found: list[TaskResult] = []
    other: list[str] = []
    broken: list[GeoscopeError] = []
    read = 0
    for path in _files(folder):
        try:
            content = parsed(path) if _suffix(path) == ".json" else None
            if is_result(content, path):
                found += _results(content, path)
                read += 1
            else:
                other.append(str(path.relative_to(folder)))
        except GeoscopeError as error:
            broken.append(error)
    if not read:
        raise broken[0] if broken else GeoscopeError(
            f"expected results of {TOOLS} in the folder {folder}, got none; "
            "or name a .csv with the columns subject, task, score"
        )  # fmt: skip
    notes = []
    if other:
        what = "file in {} is no result and is" if len(other) == 1 else "files in {} are no results and are"
        notes.append(f"{len(other)} {what.format(folder)} not read: {listed(other)}")
    if broken:
        what = "file in {} is" if len(broken) == 1 else "files in {} are"
        notes.append(f"{len(broken)} {what.format(folder)} left out: {listed(broken, 2)}")
    chosen, told = newest_runs(found)
    return chosen, [*notes, *_remarks(chosen), *told]


def parsed(path: Path, *, lines: bool = False) -> Any:
    """A file's JSON. lines: one value a line is no fault, and None."""
    try:
        return json_content(read_text(path, "scores"))
    except ValueError as error:
        if lines and isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            return None
        raise GeoscopeError(
            f"expected JSON, got something else in {path}: {first_line(error)}; mend or remove it"
        ) from error


def _results(content: Any, path: Path) -> list[TaskResult]:
    if lighteval.is_result(content):  # before lm-evaluation-harness, which it looks like
        return list(lighteval.results_of(content, path))
    if mteb.is_result(content):
        return list(mteb.results_of(content, path))
    if lm_eval.is_result(content):
        return list(lm_eval.results_of(content, path))
    return list(trainer_states.results_of(content, path))


def _files(folder: Path) -> Iterator[Path]:
    """The files that may be results, by name; none in hidden folders, and none that tools put beside results."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        beside = path.name in _BESIDE or path.name.startswith(_SAMPLES)
        if _suffix(path) in TABLE_SUFFIXES and not hidden and not beside and path.is_file():
            yield path


def _suffix(path: Path) -> str:
    return unpacked_name(path).suffix.lower()


def _remarks(results: list[TaskResult]) -> list[str]:
    tasks: dict[str, dict[str, None]] = {}
    for result in results:
        if result.remark is not None:
            tasks.setdefault(result.remark, {})[result.task] = None
    return [f"{remark} {listed(list(held))}" for remark, held in tasks.items()]
