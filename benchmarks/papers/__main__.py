"""`python -m benchmarks.papers`: run the steps that have no result yet, and write docs/papers.md.

Resumable: a step that was interrupted goes on from what `work/papers` keeps of it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.linked_runs import run
from benchmarks.papers.page import PAGE, page
from benchmarks.papers.steps import RESULTS, Step, steps
from benchmarks.settings import FOLDER


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    folders = {"data": given.data, "mpnet": given.mpnet}
    failed = 0
    for step in steps():
        chosen = not given.only or any(part in step.name for part in given.only)
        if given.page or not chosen or step.result.is_file():
            continue
        lacking = [f"--{name}" for name, folder in folders.items() if f"{{{name}}}" in step.command and folder is None]
        if lacking:
            print(f"{step.name}: left out, for want of {' and '.join(lacking)}", flush=True)
            continue
        failed += _run(step, given.work, folders) != 0
    PAGE.write_text(page(), encoding="utf-8")
    return int(failed > 0)


def _run(step: Step, work: Path, folders: Mapping[str, Path | None]) -> int:
    """One command, whose result is then kept."""
    RESULTS.mkdir(exist_ok=True)
    line = step.line({name: name for name in folders})
    output = step.name if line[0] == "finetune" else f"{step.name}.json"
    print(f"{step.name} ... geoscope {' '.join(line)}", flush=True)
    began = time.perf_counter()
    ended = run(work, folders, line, output)
    if ended == 0:
        found = work / output / "results.json" if (work / output).is_dir() else work / output
        step.result.write_bytes(found.read_bytes())
        print(f"{step.name}: {(time.perf_counter() - began) / 60:.1f} minutes", flush=True)
    return ended


def _parser() -> argparse.ArgumentParser:
    data = os.environ.get("GEOSCOPE_BENCH_DATA")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.papers", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=data and Path(data), help="glue/, sst5/, squad/, ptb and wikitext2"
    )
    parser.add_argument("--mpnet", type=Path, help="folder of all-mpnet-base-v2")
    parser.add_argument("--only", nargs="+", help="steps whose names hold one of these")
    parser.add_argument("--page", action="store_true", help="write the page of what there is, and run nothing")
    parser.add_argument("--work", type=Path, default=FOLDER / "work" / "papers", help="folder for unfinished work")
    return parser


if __name__ == "__main__":
    sys.exit(main())
