"""Steps: the commands of the study, each of which leaves one result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
"""What came out, a file a step: the page is made of these alone."""

FOLDERS = {
    "cola": "glue/CoLA", "mrpc": "glue/MRPC", "sst2": "glue/SST-2", "rte": "glue/RTE", "qnli": "glue/QNLI",
    "sst5": "sst5", "squad": "squad",
}  # fmt: skip
"""Tasks, and the folders of their files below the one with all data."""

CLASSIFICATION = ("mrpc", "cola", "rte", "sst2", "sst5", "qnli")

SMALL = "demo"
LARGE = "mpnet"
"""The checkpoints: all-MiniLM-L6-v2, which comes with the demo extra, and all-mpnet-base-v2, whose folder is named."""

ARMS = (
    "--regularizer none --regularizer istar=-1,1 --regularizer cosreg=1 --regularizer entropy=1 "
    "--regularizer patchiness=0.01"
)
TRAINING = (
    "--seeds 3 --train-examples 1000 --epochs 1 --batch-size 16 --learning-rate 2e-4 --max-length 128 --track all "
    "--measures isoscore_star,two_nn"
)
TEXT = "--corpus ptb={data}/ptb.valid.txt --corpus wikitext2={data}/wikitext2.valid.txt"
OF_STATES = (
    "--measures patchiness,reconstruction_error,isoscore,participation_ratio,eigenvalue_early_enrichment,two_nn "
    "--sequences 1000 --points 5000 --no-errors --null none --probe-rows 1000"
)
PROBES = ("cola", "mrpc", "rte", "sst2", "sst5")
MOVES = {
    "whiten": "0,0.25,0.5,0.75,1",
    "drop-top": "0,1,2,4,8,16,32,64",
    "drop-dims": "0,1,2,4,8,16,32,64",
    "clip": "0.5,1,2,3",
}
"""Transforms of rows, and how far each goes."""


@dataclass(frozen=True)
class Step:
    """A command, with {data} and {mpnet} for what is where; hours: that it took on two cores, about."""

    name: str
    command: str
    hours: float

    @property
    def result(self) -> Path:
        return RESULTS / f"{self.name}.json"

    def line(self, places: Mapping[str, str]) -> list[str]:
        """The words after `geoscope`."""
        return self.command.format_map(places).split()


def steps() -> Iterator[Step]:
    """In the order in which they are run: what takes minutes first."""
    for name, subject in ((SMALL, "demo"), (LARGE, "{mpnet}")):
        yield Step(
            f"size-{name}",
            f"size-curve {subject} --sequence-counts 50,100,200,400,800,1600 --sequences 3200 {TEXT} "
            "--measures anisotropy,isoscore,isoscore_corrected,participation_ratio_corrected,two_nn",
            0.1,
        )
    probes = ",".join(map(_named, PROBES))
    for move, amounts in MOVES.items():
        yield Step(
            f"moved-{move}",
            f"perturb demo --kind transform={move} --levels {amounts} {TEXT} {OF_STATES} --probe {probes}",
            0.05,
        )
    yield Step(
        "noise",
        f"perturb demo --levels 0,1,2,5,10,20,50 --seeds 3 --noise-kind relative {TEXT} {OF_STATES} --probe {probes}",
        0.4,
    )
    for task in CLASSIFICATION:
        yield Step(f"trained-{task}", f"finetune demo --task {_named(task)} {ARMS} {TRAINING}", 0.35)
    yield Step(
        "bars",
        f"finetune demo --task {_named('mrpc')} --regularizer none --regularizer entropy=1 "
        "--selection all,strict,relative,published,random --batch-size 16,64,128 --seeds 1 --train-examples 512 "
        "--epochs 1",
        0.2,
    )
    yield Step(
        "trained-squad",
        f"finetune demo --task {_named('squad')} --regularizer none --regularizer istar=-1 --seeds 1 --epochs 1 "
        "--batch-size 16 --track all --measures isoscore_star,two_nn",
        0.1,
    )
    yield Step(
        "trained-rte-mpnet",
        f"finetune {{mpnet}} --task {_named('rte')} --regularizer none --regularizer istar=-1,1 --seeds 1 "
        "--train-examples 500 --epochs 1 --batch-size 16 --track all --measures isoscore_star,two_nn",
        0.3,
    )


def _named(task: str) -> str:
    return f"{task}={{data}}/{FOLDERS[task]}"
