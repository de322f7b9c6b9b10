"""The outlook of a sweep: how much is to be done, how long it may take, how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from geoscope.finetuning.prepared_tasks import Lesson
from geoscope.finetuning.recipes import Hyperparameters
from geoscope.finetuning.runs import Run
from geoscope.progress import Progress
from geoscope.sizes import size_text

_TIMED_STEPS = 10  # after the first, which warms up


class Outlook:
    """Says what is ahead before the first run, and the time it may take once some steps have been made."""

    def __init__(
        self,
        missing: Sequence[Run],
        asked: int,
        lesson: Lesson,
        hyperparameters: Hyperparameters,
        progress: Progress | None,
        announce: Callable[[str], None] | None,
    ) -> None:
        self._steps = {run: hyperparameters.of(run.arm).steps(len(lesson.train)) for run in missing}
        self._all, self._runs, self._done, self._before = sum(self._steps.values()), len(missing), 0, 0
        self._progress, self._announce = progress, announce
        self._started: float | None = None
        self._told = False
        if announce is not None and missing:
            done = f" ({asked - len(missing)} of {asked} are done)" if asked > len(missing) else ""
            size = size_text(len(missing) * lesson.checkpoint.parameters * 4)
            steps = f"{len(missing)} of {self._steps[missing[0]]} steps"
            if len(set(self._steps.values())) > 1:
                steps = f"{len(missing)} of {self._all} steps in all"
            announce(f"runs to make: {steps}{done}; their checkpoints will take {size}")

    @contextmanager
    def during(self, run: Run) -> Iterator[Callable[[int, int], None]]:
        """What a run is to tell of its steps."""
        start = time.perf_counter()
        timed: list[tuple[int, float]] = []

        def on_step(done: int, total: int) -> None:
            if self._progress is not None:
                self._progress(self._before + done, self._all, "training steps")
            timed.append((done, time.perf_counter()))
            if not self._told and len(timed) > _TIMED_STEPS:
                self._told = True
                each = (timed[-1][1] - timed[0][1]) / (timed[-1][0] - timed[0][0])
                self._say("at most about", each * (self._all - done))

        yield on_step
        self._done += 1
        self._before += self._steps[run]
        if self._done == 1 and self._runs > 1:
            left = (time.perf_counter() - start) * (self._all / self._before - 1)
            self._say(f"{run.arm.name} of seed {run.seed} is done; about", left)

    def _say(self, what: str, seconds: float) -> None:
        if self._announce is not None:
            amount = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
            self._announce(f"{what} {amount} to go")
