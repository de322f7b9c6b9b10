"""How far a run has come, on stderr: one line with the time to go, or a line a minute; and where the seconds went."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from geoscope.cli import exits
from geoscope.cli.options import Telling
from geoscope.cli.outlook import Outlook, duration
from geoscope.progress import Parts

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

OTHER = "other"


class RunProgress:
    """Told (done, total, what) by a run; keeps the seconds of each phase, and says how far it is if asked to.

    On a terminal that is a line with a bar from the first second on, elsewhere a line a minute. The seconds between two
    calls belong to the phase of the second, unless that call only opens it (done 0): then they belong to the phase
    before, or to "other".
    """

    def __init__(self, *, bar: bool, every: float = 60.0) -> None:
        """every: seconds between two lines where there is no terminal."""
        self.seconds: dict[str, float] = {}
        self.outlook = Outlook()
        self._last = time.perf_counter()
        self._phase = OTHER
        self._bar = _bar(self.outlook) if bar and sys.stderr.isatty() else None
        self._task: TaskID | None = None
        self._lines = Lines(self.outlook, every) if bar and self._bar is None else None

    def __call__(self, done: int, total: int, what: str) -> None:
        if isinstance(what, Parts):
            self._spend(self._phase)
            self._phase = OTHER
            self.outlook.tell_parts(done, total, what)
        else:
            self._spend(self._phase if done == 0 else what)
            self._phase = OTHER if done >= total else what
            self.outlook.tell_step(done, total, what)
        if self._bar is not None and self._task is not None:
            step = self.outlook.step
            self._bar.update(
                self._task, description=self.outlook.words(), completed=step[0] if step else 0,
                total=step[1] if step else None,
            )  # fmt: skip

    def _spend(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._task = self._bar.add_task(self.outlook.words(), total=None)
            self._bar.start()
        if self._lines is not None:
            self._lines.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._lines is not None:
            self._lines.stop()
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


class Lines:
    """A line now and then on stderr, for a run whose log is read later or from afar."""

    def __init__(self, outlook: Outlook, every: float) -> None:
        self._outlook, self._every = outlook, every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="geoscope-progress", daemon=True)

    def start(self) -> None:
        """Say where the run is from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Say no more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            spent = duration(time.perf_counter() - self._outlook.began)
            exits.say("; ".join(filter(None, [f"after {spent}: {self._outlook.words()}", self._outlook.ahead()])))


def _bar(outlook: Outlook) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Left(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(outlook.ahead())

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        Left(),
    ]
    return Progress(*columns, console=Console(stderr=True), transient=True)
