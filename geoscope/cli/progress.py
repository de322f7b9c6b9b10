"""How far a run has come: a bar with rate and time left on stderr, and where the seconds went."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from geoscope.cli import exits
from geoscope.cli.options import Telling

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

OTHER = "other"


class RunProgress:
    """Told (done, total, what) by a run; keeps the seconds of each phase, and draws a bar if asked to.

    The seconds between two calls belong to the phase of the second, unless that call only opens it (done 0):
    then they belong to the phase before, or to "other".
    """

    def __init__(self, *, bar: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()
        self._phase = OTHER
        self._tasks: dict[str, TaskID] = {}
        self._bar = _bar() if bar and sys.stderr.isatty() else None

    def __call__(self, done: int, total: int, what: str) -> None:
        self._spend(self._phase if done == 0 else what)
        self._phase = OTHER if done >= total else what
        if self._bar is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
        if done >= total:
            self._bar.remove_task(self._tasks.pop(what))

    def _spend(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._spend(self._phase)

    def summary(self) -> str:
        """Seconds in all and of each phase, and the most memory the process ever held."""
        phases = [f"{what} {spent:.1f}" for what, spent in self.seconds.items() if spent >= 0.05]
        total = f"{sum(self.seconds.values()):.1f} s"
        memory = peak_memory()
        return (
            total
            + (f" ({', '.join(phases)})" if phases else "")
            + (f", peak memory {memory / 2**20:,.0f} MiB" if memory else "")
        )


@dataclass(frozen=True)
class Ears:
    """Who is told of a run: progress of how far it has come, announce (None: nobody) of what it has to say."""

    progress: RunProgress
    announce: Callable[[str], None] | None

    def sum_up(self, before: str = "") -> None:
        """Say where the time went."""
        if self.announce is not None:
            self.announce(before + self.progress.summary())


@contextmanager
def heard(telling: Telling) -> Iterator[Ears]:
    """A run whose progress and warnings reach the terminal, unless that is to be quiet."""
    quiet = telling["quiet"]
    exits.mind_warnings(quiet=quiet)
    with RunProgress(bar=not (quiet or telling["no_progress"])) as progress:
        yield Ears(progress, None if quiet else exits.say)


def peak_memory() -> int | None:
    """The most bytes this process has held in memory; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _rate_column(),
        TimeRemainingColumn(),
    ]
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _rate_column() -> ProgressColumn:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "-/s")

    return Rate()
