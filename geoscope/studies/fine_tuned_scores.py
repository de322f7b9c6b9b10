"""Fine-tunings: what a state's model scores at tasks once it has been fine-tuned on them, without a regularizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from geoscope.errors import GeoscopeError
from geoscope.finetuning.prepared_tasks import Lesson
from geoscope.finetuning.recipes import Hyperparameters
from geoscope.finetuning.runs import Run, train_for_scores
from geoscope.progress import Progress
from geoscope.report import Score
from geoscope.scratch import scratch_folder
from geoscope.settings.measuring import MAX_LENGTH
from geoscope.subjects.models.checkpoints import Checkpoint
from geoscope.tasks import tasks
from geoscope.tasks.tasks import Task
from geoscope.training.arms import Arm

_DIVERGED = "the loss after fine-tuning is not finite"
_CONSTANT = "the score has no value where predictions are all the same"


def labelled_tasks(specs: Sequence[str]) -> list[Task]:
    """The tasks that --finetune names; raises GeoscopeError for one without labels, and for two of one name."""
    unlabelled = [spec for spec in specs if tasks.is_language(spec)]
    if unlabelled:
        raise GeoscopeError(
            f"expected --finetune to name labelled tasks, got {unlabelled[0]}, whose head a study's states lack; "
            "leave it out"
        )
    found = [tasks.load(spec) for spec in dict.fromkeys(specs)]
    names = [task.name for task in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise GeoscopeError(f"expected --finetune to name each task once, got {twice[0]} twice; leave one out")
    return found


class FineTunings:
    """Some tasks, their examples tokenized once for one checkpoint, to be learnt from any weights of it.

    The head is new, and drawn by `seed` as the order of the examples is: the same whatever the weights.
    examples: the most training examples of a task, a seeded draw. device: where it trains.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        wanted: Sequence[Task],
        *,
        epochs: int | None,
        examples: int | None,
        seed: int,
        device: str,
        max_length: int = MAX_LENGTH,
        trust_remote_code: bool = False,
        progress: Progress | None = None,
    ) -> None:
        if find_spec("accelerate") is None:
            raise GeoscopeError("expected accelerate for --finetune, got none installed; pip install geoscope[train]")
        if checkpoint.kind == "encoder-decoder":
            raise GeoscopeError(
                f"expected --finetune with a model that is measured whole, got {checkpoint.name}, whose encoder alone "
                "is; leave --finetune out"
            )
        default = Hyperparameters(max_length=max_length)
        self._hyperparameters = default if epochs is None else replace(default, epochs=epochs)
        own = replace(checkpoint, tokenizer=deepcopy(checkpoint.tokenizer))  # a lesson gives it a padding token
        self._lessons = [
            Lesson(task.narrowed(examples, seed), own, max_length, device, trust_remote_code) for task in wanted
        ]
        for lesson in self._lessons:
            lesson.check()
            self._hyperparameters.check(len(lesson.train))
        self._seed, self._progress = seed, progress

    @property
    def settings(self) -> dict[str, Any]:
        """What the report says of them: the tasks' examples and how they are learnt."""
        return {
            "seed": self._seed,
            "hyperparameters": asdict(self._hyperparameters),
            "tasks": [lesson.described() for lesson in self._lessons],
        }

    def ahead(self, states: int) -> str:
        """How many fine-tunings there will be of how many steps, in words."""
        each = [f"{states} of {lesson.task.name} ({self._steps(lesson)} steps each)" for lesson in self._lessons]
        return f"fine-tunings to make: {', '.join(each)}"

    def scores(self, weights: Path) -> list[Score]:
        """Every score of every task, learnt from the weights in a checkpoint's folder, which stays as it is."""
        total, before, found = sum(map(self._steps, self._lessons)), 0, []
        for lesson in self._lessons:

            def on_step(done: int, _: int, before: int = before) -> None:
                self._tell(before + done, total)

            self._tell(before, total)
            with scratch_folder() as scratch:
                run = Run(Path(scratch), Arm("none"), self._seed)
                values = train_for_scores(run, lesson, self._hyperparameters, weights, on_step)
            found += [_score(lesson, name, *_finite(values, name)) for name in lesson.task.scores]
            before += self._steps(lesson)
        self._tell(total, total)
        return found

    def without_scores(self, reason: str) -> list[Score]:
        """Every score as a null, for that reason."""
        return [_score(lesson, name, None, reason) for lesson in self._lessons for name in lesson.task.scores]

    def _steps(self, lesson: Lesson) -> int:
        return self._hyperparameters.steps(len(lesson.train))

    def _tell(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total, "fine-tuning steps")


def _finite(values: dict[str, float | None], name: str) -> tuple[float | None, str | None]:
    """A score, or None and why: of a model that diverged not even its accuracy says anything."""
    loss, value = values["loss"], values[name]
    if loss is None or not math.isfinite(loss):
        return None, _DIVERGED
    return (value, None) if value is not None and math.isfinite(value) else (None, _CONSTANT)


def _score(lesson: Lesson, name: str, value: float | None, reason: str | None) -> Score:
    return Score(
        task=lesson.task.name, metric=name, score=value, n=len(lesson.task.evaluation), reason=reason, method="finetune"
    )
