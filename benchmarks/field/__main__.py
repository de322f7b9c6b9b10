"""`python -m benchmarks.field`: measure every layer of three checkpoints, and write docs/field.md and its curves.

A checkpoint that has a result is not measured again.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.field.looks import CHECKPOINTS, DEMO, LINE, RESULTS, kept, looks
from benchmarks.field.page import CURVES, PAGE, page
from benchmarks.linked_runs import run
from benchmarks.settings import FOLDER
from geoscope.documents.rendering import render


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    failed = 0
    for name in CHECKPOINTS:
        folder = None if name == DEMO else getattr(given, name)
        if given.page or (RESULTS / f"{name}.json").is_file():
            continue
        if given.data is None or (folder is None and name != DEMO):
            print(f"{name}: left out, for want of --{'data' if given.data is None else name}", flush=True)
            continue
        failed += _measured(name, folder, given.data, given.work) != 0
    PAGE.write_text(page(), encoding="utf-8")
    CURVES.write_text(render([held.report for held in looks()], "html"), encoding="utf-8")
    return int(failed > 0)


def _measured(name: str, subject: Path | None, data: Path, work: Path) -> int:
    """One checkpoint (None: the demo), whose report is then kept."""
    link = name if subject is None or subject.is_dir() else f"{name}{subject.suffix}"
    line = LINE.format(subject="demo" if subject is None else link, data="data").split()
    ended = run(work, {"data": data, link: subject}, line, f"{name}.json")
    if ended == 0:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(kept((work / f"{name}.json").read_text(encoding="utf-8")), "utf-8")
    return ended


def _parser() -> argparse.ArgumentParser:
    data = os.environ.get("GEOSCOPE_BENCH_DATA")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.field", description=__doc__)
    parser.add_argument("--data", type=Path, default=data and Path(data), help="ptb.valid.txt and wikitext2.valid.txt")
    parser.add_argument("--mpnet", type=Path, help="folder of all-mpnet-base-v2")
    parser.add_argument("--smollm2", type=Path, help="SmolLM2-135M-Instruct, a folder or a .gguf file")
    parser.add_argument("--page", action="store_true", help="write the page of what there is, and measure nothing")
    parser.add_argument("--work", type=Path, default=FOLDER / "work" / "field", help="folder for what is unfinished")
    return parser


if __name__ == "__main__":
    sys.exit(main())
