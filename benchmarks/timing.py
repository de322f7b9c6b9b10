"""Runs of cases, interleaved (A B A B ...), each in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from benchmarks.results import Result
from benchmarks.settings import FOLDER
from benchmarks.worker import MARK, held

_STEP = 0.005  # seconds between two looks at a process's memory


@dataclass(frozen=True)
class Case:
    """task: as `benchmarks.worker` takes it. needs: a module without which the case is skipped. runs: fewer, if slow.

    seeds: whether each run gets its number as `seed`.
    """

    name: str
    task: str
    arguments: dict[str, Any]
    data: str = ""
    n: int = 0
    d: int = 0
    needs: str | None = None
    runs: int | None = None
    seeds: bool = False


def interleaved(cases: Sequence[Case], runs: int) -> list[Result]:
    """Every case run after run: what slows the machine for a while slows all of them."""
    results = [Result(case.name, case.data, case.n, case.d) for case in cases]
    for case, result in zip(cases, results, strict=True):
        if case.needs is not None and find_spec(case.needs) is None:
            result.skipped = f"{case.needs} is not installed"
    for number in range(runs):
        for case, result in zip(cases, results, strict=True):
            if result.skipped is None and number < (runs if case.runs is None else min(case.runs, runs)):
                done = run(case, number)
                result.seconds.append(done["seconds"])
                result.memory.append(done["memory"])
                result.facts.append(done["facts"])
                size = f"{case.n} x {case.d}" if case.d else case.n or ""
                taken = f"{done['seconds']:.2f} s, {done['memory'] / 1e6:.0f} MB"
                print(f"  {case.name}, {case.data} {size}: {taken}", flush=True)
    return results


def run(case: Case, number: int = 0) -> dict[str, Any]:
    """One run: {"seconds", "memory" (bytes above what was held before), "facts"}."""
    arguments = case.arguments | ({"seed": number} if case.seeds else {})
    command = [sys.executable, "-m", "benchmarks.worker", case.task, json.dumps(arguments)]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=FOLDER.parent)
        ready = _next(process)
        sampler = _Sampler(process.pid)
        done = _next(process) if ready is not None else None
        most = sampler.stop()
        process.communicate()
        if process.returncode or ready is None or done is None:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command[2:])} ended with {process.returncode}:\n{errors.read()}")
    memory = done["peak"] - ready["peak"] if ready["held"] is None else most - ready["held"]
    return {"seconds": done["seconds"], "memory": max(int(memory), 0), "facts": done["facts"]}


def _next(process: subprocess.Popen[str]) -> dict[str, Any] | None:
    """The next line that is ours; libraries print too."""
    for line in process.stdout or ():
        if line.startswith(MARK):
            said: dict[str, Any] = json.loads(line.removeprefix(MARK))
            return said
    return None


class _Sampler:
    """Looks at a process's memory every few milliseconds."""

    def __init__(self, process: int) -> None:
        self._process, self._most, self._over = str(process), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.is_set():
            self._most = max(self._most, held(self._process) or 0)
            self._over.wait(_STEP)

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self._most
