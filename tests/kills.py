"""Kills: runs that are killed at random moments and made again, to the same bytes; and many starts on one folder.

`make kills` keeps what came of each in .kills/tally.jsonl and goes on from there when it is interrupted itself.
A moment is a share of the processor time that an uninterrupted run takes, so that a busy machine changes nothing. A run
is a fork of this process, which has loaded the libraries: a kill lands in work, not in imports.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parent / ".kills"
TALLY = FOLDER / "tally.jsonl"
STARTS = 20

SMALL = "--corpus ../inputs/words.txt --sequences 120 --max-length 30 --batch-tokens 64 --points 200 --device cpu -q"
COMMANDS: Mapping[str, tuple[int, str]] = {
    "measure --run": (20, f"measure ../inputs/a --layers all --run run -o report.json {SMALL}"),
    "extract": (20, "extract ../inputs/a --layers all -o rows " + SMALL.replace("--points 200 ", "")),
    "measure of several": (10, f"measure ../inputs/a ../inputs/b ../inputs/c -o reports {SMALL}"),
    "perturb": (10, f"perturb ../inputs/a --levels 0,1,10 --seeds 2 --save states -o study.json {SMALL}"),
    "finetune": (10, "finetune ../inputs/a --task ../inputs/labels.csv --regularizer none --regularizer istar=1 "
                     "--seeds 1 --epochs 2 --batch-size 8 --max-length 30 --device cpu -o runs -q"),
}  # fmt: skip
"""What is run, and how often it is killed. No name of a folder differs between runs, so that their bytes are equal."""

SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def make_inputs(folder: Path) -> None:
    """Three checkpoints of two layers, text and labels."""
    import numpy as np
    import torch
    import transformers
    from conftest import _tokenizer

    rng = np.random.default_rng(0)
    lines = [" ".join(f"w{word:02d}" for word in rng.integers(0, 60, rng.integers(3, 28))) for _ in range(150)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.txt").write_text("\n".join(lines) + "\n")
    rows = [f"{line},{int(len(line) > 60)}" for line in lines[:60]]
    (folder / "labels.csv").write_text("\n".join(["sentence,label", *rows]) + "\n")
    tokenizer = _tokenizer("bert")
    for seed, name in enumerate("abc"):
        torch.manual_seed(seed)
        model = transformers.BertModel(
            transformers.BertConfig(
                vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                num_attention_heads=4, max_position_embeddings=64, initializer_range=0.2,
            )
        )  # fmt: skip
        transformers.utils.logging.disable_progress_bar()
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def start(line: str, folder: Path) -> int:
    """The process of a command, run in a folder by a fork of this one."""
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        os.chdir(folder)
        log = os.open("../log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        from geoscope.cli.app import main

        code = int(main(line.split()))
    finally:
        os._exit(code)


def spent(process: int) -> float:
    """Seconds of processor time that a running process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def whole(line: str, folder: Path) -> float:
    """Run a command to its end; the seconds of processor time it took."""
    _, status, usage = os.wait4(start(line, folder), 0)
    if status:
        raise RuntimeError(f"expected exit 0 of {line}, got {os.waitstatus_to_exitcode(status)}; see {FOLDER}/log.txt")
    return usage.ru_utime + usage.ru_stime


def killed(line: str, folder: Path, sign: signal.Signals, after: float) -> bool:
    """Start a command and kill it once it has taken so many seconds of processor time; whether it was still running."""
    process = start(line, folder)
    while os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if spent(process) >= after:
            os.kill(process, sign)
            break
        time.sleep(0.002)
    _, status = os.waitpid(process, 0)
    return status != 0


def content(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, but what steps of training took, which is of the machine."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "times.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def new(name: str) -> Path:
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def kill_and_run_again(
    kind: str, number: int, line: str, expected: Mapping[str, bytes], seconds: float
) -> dict[str, object]:
    """Kill a run, up to three times as it goes on, then let it end; what came of it."""
    dice = random.Random(f"{kind} {number}")
    kills: list[float] = []
    while not kills:  # the end of a run may come before its moment
        folder = new("killed")
        for share in (dice.random() for _ in range(dice.randint(1, 3))):
            kills += [round(share, 3)] * killed(line, folder, SIGNALS[number % 2], share * seconds)
    left = sorted(name for name in content(folder) if name not in expected)
    whole(line, folder)
    found = content(folder)
    differs = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    return {"signal": SIGNALS[number % 2].name, "kills": kills, "left": left, "differs": differs, "right": not differs}


def start_at_once(line: str, expected: Mapping[str, bytes]) -> dict[str, object]:
    """Start a command many times in one folder: each ends done, or is refused in one sentence, and nothing is lost."""
    folder = new("starts")
    command = [sys.executable, "-m", "geoscope", *line.split()]
    started = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(STARTS)
    ]
    ended = [(each.communicate()[1], each.returncode) for each in started]
    refused = [said for said, code in ended if code == 2 and said.count("\n") == 1 and "no other run writes" in said]
    done = sum(code == 0 for _, code in ended)
    found = content(folder)
    differs = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    right = not differs and done + len(refused) == STARTS and done > 0
    return {"done": done, "refused": len(refused), "differs": differs, "right": right}


def main() -> int:
    """Make what the tally lacks; 1 where something was not right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop beginning anew after so long")
    parser.add_argument("kinds", nargs="*", help="of " + ", ".join([*COMMANDS, "starts"]))
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    began, kinds = time.monotonic(), asked.kinds or [*COMMANDS, "starts"]
    if not (FOLDER / "inputs" / "c" / "tokenizer.json").is_file():
        make_inputs(FOLDER / "inputs")
    import torch

    import geoscope.batches.batch
    import geoscope.finetuning.sweeps
    import geoscope.studies.study  # noqa: F401

    torch.set_num_threads(1)
    tally = [json.loads(line) for line in TALLY.read_text().splitlines()] if TALLY.is_file() else []
    made = {(each["kind"], each["number"]) for each in tally}

    def add(kind: str, number: int, make: Callable[[], dict[str, object]]) -> None:
        if asked.seconds is not None and time.monotonic() - began > asked.seconds:
            return
        tally.append({"kind": kind, "number": number, **make()})
        with TALLY.open("a") as file:
            file.write(json.dumps(tally[-1]) + "\n")
        print(tally[-1], flush=True)

    for kind in [kind for kind in COMMANDS if kind in kinds]:
        times, line = COMMANDS[kind]
        missing = [number for number in range(times) if (kind, number) not in made]
        if missing:
            folder = new("whole")
            seconds = whole(line, folder)
            expected = content(folder)
            for number in missing:
                add(kind, number, lambda: kill_and_run_again(kind, number, line, expected, seconds))  # noqa: B023
    for number, kind in enumerate(("measure of several", "extract", "measure --run")):
        if "starts" in kinds and (f"{STARTS} starts of {kind}", number) not in made:
            folder, line = new("whole"), COMMANDS[kind][1]
            whole(line, folder)
            expected = content(folder)
            add(f"{STARTS} starts of {kind}", number, lambda: start_at_once(line, expected))  # noqa: B023
    print(f"\n{'':34}{'made':>6}{'right':>7}")
    for kind in dict.fromkeys(each["kind"] for each in tally):
        mine = [each for each in tally if each["kind"] == kind]
        print(f"{kind:34}{len(mine):6}{sum(each['right'] for each in mine):7}")
    return int(not all(each["right"] for each in tally))


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
