"""The tests that need CUDA, and no others, by pytest in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from benchmarks.gpu.settings import Run
from benchmarks.results import Finding
from benchmarks.settings import FOLDER

_TESTS = FOLDER.parent / "tests"
_TELLING = re.compile(r"cuda\.is_available|\belsewhere[:,)]")
"""What a file with tests for CUDA has: a skip where there is none, or a test of every other device that there is."""


def run(run: Run) -> Iterator[Finding | str]:
    lacking = [name for name in ("pytest", "hypothesis") if find_spec(name) is None]
    if lacking:
        yield f"not run: {' and '.join(lacking)} are not installed"
        return
    files = [path for path in sorted(_TESTS.glob("test_*.py")) if _TELLING.search(path.read_text())]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "benchmarks.gpu.cuda_cases", "-p", "no:cacheprovider"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, cwd=FOLDER.parent, env=alone)
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["nothing was said"]
    for outcome, count in _counts(lines[-1]):
        yield Finding(f"tests {outcome}", float(count), "")
    yield f"of {', '.join(path.name for path in files)}: {lines[-1].strip('= ')}"
    yield from (line for line in lines if line.startswith(("FAILED", "ERROR")))
    if done.returncode:
        raise RuntimeError(f"pytest ended with {done.returncode}")


def _counts(line: str) -> list[tuple[str, str]]:
    return [(outcome, count) for count, outcome in re.findall(r"(\d+) (passed|failed|skipped|errors?)", line)]
