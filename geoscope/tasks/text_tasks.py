"""Text tasks: those with a name whose examples are one text or two and a label: GLUE's nine, and SST-5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from geoscope.tasks.examples import Examples

_GLUE = "nyu-mll/glue"
_FIRST, _SECOND = ("sentence1", "#1 String"), ("sentence2", "#2 String")
_ENTAILED = ("entailment", "not_entailment")
_INFERRED = ("entailment", "neutral", "contradiction")


@dataclass(frozen=True)
class TextTask:
    """What a task asks: one text or two, a class (a place in `classes`) or, without classes, a number.

    scores: names in `geoscope.tasks.metrics.SCORES`, the one its authors lead with first. columns: of the texts and
    the label, each with the names that releases gave it. places: of the same columns in a file without a header, None
    where every release has one. half: which of two development sets is meant, as the names of files and splits end.
    hub: the data set that has it. cut: whether the release has rows that are cut off, which everybody leaves out.
    first: the number that stands for the first class where labels stand before lines of text (__label__1), None where
    they never do.
    """

    name: str
    scores: tuple[str, ...]
    classes: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    places: tuple[int, ...] | None = None
    half: str = ""
    hub: str = _GLUE
    cut: bool = False
    first: int | None = None

    @property
    def configuration(self) -> str | None:
        """What it is called within the data set, None for one that is the task."""
        return self.name.removesuffix("-mm") if self.hub == _GLUE else None


def _mnli(name: str, half: str) -> TextTask:
    columns = (("sentence1", "premise"), ("sentence2", "hypothesis"), ("gold_label", "label"))
    return TextTask(name, ("accuracy",), _INFERRED, columns, half=half)


TASKS: Mapping[str, TextTask] = {
    task.name: task
    for task in (
        TextTask(
            "cola", ("matthews_correlation",), ("unacceptable", "acceptable"), (("sentence",), ("label",)), (3, 1)
        ),
        TextTask("sst2", ("accuracy",), ("negative", "positive"), (("sentence",), ("label",)), (0, 1)),
        TextTask(
            "mrpc", ("f1", "accuracy"), ("not_equivalent", "equivalent"),
            (_FIRST, _SECOND, ("label", "Quality")), (3, 4, 0),
        ),
        TextTask("rte", ("accuracy",), _ENTAILED, (_FIRST, _SECOND, ("label",)), (1, 2, 3)),
        TextTask("stsb", ("spearman", "pearson"), (), (_FIRST, _SECOND, ("label", "score")), (5, 6, 4)),
        TextTask("qnli", ("accuracy",), _ENTAILED, (("question",), ("sentence",), ("label",))),
        TextTask(
            "qqp", ("f1", "accuracy"), ("not_duplicate", "duplicate"),
            (("question1",), ("question2",), ("is_duplicate", "label")), cut=True,
        ),
        _mnli("mnli", "matched"),
        _mnli("mnli-mm", "mismatched"),
        TextTask("wnli", ("accuracy",), ("not_entailment", "entailment"), (_FIRST, _SECOND, ("label",))),
        TextTask(
            "sst5", ("accuracy",), ("very_negative", "negative", "neutral", "positive", "very_positive"),
            (("text", "sentence"), ("label",)), hub="SetFit/sst5", first=1,
        ),
    )
}  # fmt: skip


def text_task(name: str) -> TextTask | None:
    """The task of a name however it is spelled (SST-2, mnli_mm), None where there is none."""
    spelled = {plain(task.name): task for task in TASKS.values()}
    return spelled.get(plain(name))


def plain(name: str) -> str:
    """A task's name in small letters, without what may stand between its parts."""
    return name.lower().replace("-", "").replace("_", "")


@dataclass(frozen=True)
class TaskData:
    """A task and its labelled splits, of train, validation and test those that there are, in this order."""

    task: TextTask
    splits: Mapping[str, Examples]
