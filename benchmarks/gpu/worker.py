"""A process that runs the sections it is given by name, a line each, and says what they find as they find it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from benchmarks.gpu.outcomes import DONE, FAILED
from benchmarks.gpu.sections import section
from benchmarks.gpu.settings import Run
from benchmarks.results import Finding
from benchmarks.worker import say
from geoscope.errors import first_line


def main() -> None:
    run = Run(**json.loads(sys.argv[1]))
    for line in sys.stdin:
        perform(line.strip(), run, say)


def perform(name: str, run: Run, tell: Callable[[dict[str, Any]], None]) -> None:
    """One section: each finding and note, then how it ended; whatever it raises is its failure."""
    counts = torch.device(run.device).type == "cuda"
    ended = {"ended": DONE, "why": ""}
    start = time.perf_counter()
    try:
        if counts:
            torch.cuda.init()  # which the next line wants done
            torch.cuda.reset_peak_memory_stats()
        for found in section(name).run(run):
            tell({"finding": asdict(found)} if isinstance(found, Finding) else {"note": found})
    except Exception as error:  # a section's failure is a result, and the next one is not to suffer from it
        ended = {"ended": FAILED, "why": f"{type(error).__name__}: {first_line(error)}"}
    peak = torch.cuda.max_memory_allocated() if counts and ended["ended"] == DONE else None
    tell({**ended, "seconds": time.perf_counter() - start, "peak": peak})


if __name__ == "__main__":
    main()
