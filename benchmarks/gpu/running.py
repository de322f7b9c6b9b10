"""The sections one after another, in a process beside this one, which a failure ends, and within so many seconds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from benchmarks.gpu.outcomes import DONE, FAILED, LEFT_OUT, STOPPED, Outcome
from benchmarks.gpu.sections import SECTIONS, Planned
from benchmarks.gpu.settings import Run
from benchmarks.results import Finding
from benchmarks.settings import FOLDER
from benchmarks.worker import MARK


def outcomes(run: Run, budget: float, sections: Sequence[Planned] = SECTIONS) -> Iterator[Outcome]:
    """What came of each: a section that needs more seconds than are left is left out.

    After one that failed the process is a new one: a device's error stays with the process that met it.
    """
    end = time.monotonic() + budget
    process: _Process | None = None
    try:
        for planned in sections:
            outcome = Outcome(planned.name, planned.title)
            left = end - time.monotonic()
            if left < planned.least:
                outcome.ended, outcome.why = LEFT_OUT, f"it may need {planned.least:g} s, of {max(left, 0):.0f} s left"
                yield outcome
                continue
            process = process or _Process(run)
            process.perform(outcome, min(left, planned.most))
            if outcome.ended != DONE:
                process.close()
                process = None
            yield outcome
    finally:
        if process is not None:
            process.close()


class _Process:
    def __init__(self, run: Run) -> None:
        command = [sys.executable, "-m", "benchmarks.gpu.worker", json.dumps(asdict(run))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parent, start_new_session=True
        )

    def perform(self, outcome: Outcome, limit: float) -> None:
        """Fill in what comes of a section within so many seconds."""
        assert self._process.stdin is not None
        start, late = time.monotonic(), threading.Event()

        def stop() -> None:
            late.set()
            self._kill()

        timer = threading.Timer(limit, stop)
        timer.start()
        try:
            self._process.stdin.write(f"{outcome.name}\n")
            self._process.stdin.flush()
            if self._listen(outcome):
                return
        except BrokenPipeError:
            pass
        finally:
            timer.cancel()
        outcome.seconds = time.monotonic() - start
        if late.is_set():
            outcome.ended, outcome.why = STOPPED, f"it was not done after {limit:.0f} s, and no more were left for it"
        else:
            outcome.ended, outcome.why = FAILED, f"its process ended with {self._process.wait()}"

    def _listen(self, outcome: Outcome) -> bool:
        """Whether the section came to its end."""
        for line in self._process.stdout or ():
            if not line.startswith(MARK):
                continue
            said = json.loads(line.removeprefix(MARK))
            if "finding" in said:
                outcome.findings.append(Finding(**said["finding"]))
            elif "note" in said:
                outcome.notes.append(said["note"])
            else:
                outcome.ended, outcome.why = said["ended"], said["why"]
                outcome.seconds, outcome.peak = said["seconds"], said["peak"]
                return True
        return False

    def close(self) -> None:
        self._kill()
        self._process.communicate()

    def _kill(self) -> None:
        """With what it began: pytest would go on without it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
