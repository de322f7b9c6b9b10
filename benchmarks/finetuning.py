"""`python -m benchmarks.finetuning`: both papers' regularizers on CoLA and MRPC, small enough for two cores.

Resumable: runs are kept in `work/finetuning`, and one that was interrupted goes on from its last finished epoch.
Writes finetuning.md: scores and geometry by arm, and whether istar moved isotropy the way its sign says.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.settings import FOLDER

FILES = {"cola": "CoLA", "mrpc": "MRPC"}
"""The tasks, and what the folders of their files are called."""

STUDY: Mapping[str, Any] = {
    "regularizers": ("none", "istar=1,-1", "cosreg=1", "entropy=1"),
    "selection": "published",
    "shrinkages": (0.2,),
    "seeds": 3,
    "train_examples": 2000,
    "epochs": 2,
    "batch_size": 16,
    "learning_rate": 2e-4,
    "max_length": 128,
}


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    from geoscope.cli.progress import RunProgress
    from geoscope.documents.rendering import render, write_beside
    from geoscope.finetuning.sweeps import finetune

    study = {**STUDY, "seeds": given.seeds, "train_examples": given.train_examples, "epochs": given.epochs}
    parts = []
    for task in given.tasks:
        folder = given.work / "finetuning" / task
        with RunProgress(bar=True) as progress:
            result = finetune(
                given.checkpoint,
                task=task if given.glue is None else f"{task}={given.glue / FILES[task]}",
                output=folder,
                device="cpu",
                progress=progress,
                announce=lambda text: print(text, file=sys.stderr, flush=True),
                **study,
            )
        write_beside(result, str(folder))
        parts.append(render(result, "markdown") + "\n" + signs(result))
        print(render(result, "table"), flush=True)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "finetuning.md").write_text("# Fine-tuning with a regularizer\n\n" + "\n".join(parts))


def signs(result: Any) -> str:
    """In every seed, whether istar moved IsoScore* of the penalized points the way its weight says, against none."""
    score = {
        (row.regularizer, row.weight, row.seed): row.value
        for row in result.measurements
        if (row.cloud, row.measure) == ("union", "isoscore_star") and row.epoch == last_epoch(result)
    }
    lines = []
    for (regularizer, weight, seed), value in score.items():
        if regularizer == "istar":
            change = value - score["none", None, seed]
            held = "as its sign says" if change * weight > 0 else "AGAINST its sign"
            lines.append(f"- istar {weight:+g}, seed {seed}: IsoScore* of the union {change:+.4f} against none, {held}")
    return "\n".join(lines) + "\n"


def last_epoch(result: Any) -> float:
    return float(max(row.epoch for row in result.measurements))


def _parser() -> argparse.ArgumentParser:
    glue = os.environ.get("GEOSCOPE_GLUE")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetuning", description=__doc__)
    parser.add_argument("--glue", type=Path, default=glue and Path(glue), help="folder with CoLA/ and MRPC/")
    parser.add_argument("--tasks", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--checkpoint", default="demo")
    parser.add_argument("--seeds", type=int, default=STUDY["seeds"])
    parser.add_argument("--train-examples", type=int, default=STUDY["train_examples"])
    parser.add_argument("--epochs", type=int, default=STUDY["epochs"])
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder for finetuning.md")
    parser.add_argument("--work", type=Path, default=FOLDER / "work", help="folder for the runs")
    return parser


if __name__ == "__main__":
    main()
