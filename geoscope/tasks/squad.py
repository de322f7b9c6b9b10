"""SQuAD 1.1: questions on a context with the answer in it, from files in its own layout or through `datasets`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.files import path_from_home
from geoscope.subjects.tables.encodings import read_text, unpacked_name
from geoscope.subjects.tables.record_files import parsed
from geoscope.subjects.tables.tables import text_cell
from geoscope.tasks.examples import Answer, Questions
from geoscope.tasks.splits import SPLITS, hub_task, part_of

NAME = "squad"
SCORES = ("f1", "exact_match")
"""As `geoscope.tasks.answer_scores` counts them."""

_HUB = "rajpurkar/squad"
_WHAT = "a task's questions in SQuAD 1.1's layout"
_Row = tuple[str, str, str, Sequence[Answer] | None]  # source, context, question, answers (None: not told)


def load_questions(place: str | None) -> dict[str, Questions]:
    """The splits of SQuAD: through `datasets`, or from a file or a folder of .json files (None, or where that is).

    A file's split is the end of its name (train-v1.1.json); one file alone without a split there is all that there is,
    as `validation`. A test file without answers is left out. Raises GeoscopeError where there is none, where a file has
    another layout, or an answer is not in its context where it is said to be.
    """
    found = _from_hub() if place is None else _from_files(path_from_home(place))
    return {split: found[split] for split in SPLITS if split in found}


def _from_hub() -> dict[str, Questions]:
    loaded = hub_task(NAME, _HUB, None)
    found = {}
    for split in SPLITS:
        if split in loaded:
            columns = (loaded[split][name] for name in ("title", "context", "question", "answers"))
            rows = (
                (title, context, question, [*map(Answer, answers["text"], answers["answer_start"])])
                for title, context, question, answers in zip(*columns, strict=True)
            )
            found[split] = _questions(rows, f"{_HUB} {split}")
    return found


def _from_files(place: Path) -> dict[str, Questions]:
    if not place.exists():
        raise GeoscopeError(f"expected a folder with the files of the task {NAME}, got {place}; give {NAME}=DIR")
    paths = [path for path in sorted(place.iterdir()) if _is_json(path)] if place.is_dir() else [place]
    parts = [(part_of(path), path) for path in paths]
    if len(paths) == 1 and parts[0][0] is None:
        return {SPLITS[1]: _from_file(paths[0])}
    found: dict[str, Questions] = {}
    for part, path in parts:
        if part is None:
            continue
        if part.split in found:
            raise GeoscopeError(
                f"expected one file a split of {NAME}, got {path} beside another of {part.split}; move one away"
            )
        held = _from_file(path, tested=part.split == SPLITS[-1])
        if len(held):
            found[part.split] = held
    if not found:
        raise GeoscopeError(
            f"expected train and dev files (train-v1.1.json, dev-v1.1.json), or one .json, of {NAME} in {place}, got "
            "none; name the folder that has them"
        )
    return found


def _is_json(path: Path) -> bool:
    return unpacked_name(path).suffix.lower() == ".json"


def _from_file(path: Path, *, tested: bool = False) -> Questions:
    """tested: whether questions may lack answers, and are then left out."""
    try:
        content = parsed(read_text(path, _WHAT))
    except (ValueError, RecursionError) as error:
        raise GeoscopeError(f"expected {_WHAT} as JSON, got something else in {path}: {error}; mend it") from error
    try:
        rows = [row for row in _rows(content) if not (tested and row[3] is None)]
    except (KeyError, TypeError, AttributeError) as error:
        raise GeoscopeError(
            f"expected {_WHAT} (data, paragraphs, context, qas, question, answers), got another ({error}) in {path}; "
            "name a file of SQuAD 1.1"
        ) from error
    return _questions(rows, str(path))


def _rows(content: Mapping[str, Any]) -> Iterator[_Row]:
    """A paragraph's source is its article: what stands under one entry of `data`."""
    for number, article in enumerate(content["data"]):
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                told = asked.get("answers")
                answers = None if told is None else [Answer(each["text"], each["answer_start"]) for each in told]
                yield str(number), paragraph["context"], asked["question"], answers


def _questions(rows: Iterator[_Row] | Sequence[_Row], origin: str) -> Questions:
    """The questions of some rows; a context's source is the row's, of two rows with the same context the first's."""
    contexts, questions, answers, sources = [], [], [], []
    first: dict[str, str] = {}
    for number, (source, context, question, told) in enumerate(rows, start=1):
        where = f"question {number} of {origin}"
        contexts.append(text_cell(context, where))
        questions.append(text_cell(question, where).strip())
        answers.append(tuple(told or ()))
        sources.append(first.setdefault(context, source))
        if not told:
            raise GeoscopeError(
                f"expected an answer to every question, got none in {where}; SQuAD 1.1 has no question without one, "
                "so give its files and not those of 2.0"
            )
        for text, start in told:
            _check(text, start, context, where)
    return Questions(tuple(contexts), tuple(questions), tuple(answers), tuple(sources))


def _check(text: Any, start: Any, context: str, where: str) -> None:
    """An answer must stand where it is said to."""
    whole = isinstance(text, str) and text and isinstance(start, int) and start >= 0
    if not whole or not context.startswith(text, start):
        raise GeoscopeError(
            f"expected an answer to stand in its context at answer_start, got {str(text)[:40]!r} at {start} in "
            f"{where}, where it does not; mend it"
        )
