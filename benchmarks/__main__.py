"""`python -m benchmarks`: run the sections, print what follows, keep results.json, results.md and cost.png."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.plot import draw
from benchmarks.results import Section, read_sections, write_sections
from benchmarks.sections import NAMES, section
from benchmarks.settings import Settings
from benchmarks.tables import markdown

PEERS = ("ripser", "scikit-dimension", "IsoScore", "sentence-transformers", "scikit-learn")
SETTLED_BY_USER = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS")


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    settings = _settings(given)
    settings.output.mkdir(parents=True, exist_ok=True)
    kept = read_sections(settings.output / "results.json")
    about = environment()
    command = " ".join(["python -m benchmarks", *_shown(given)])
    for name in given.only or NAMES:
        print(f"{name} ...", flush=True)
        done = section(name)(settings)
        kept[name] = done.as_json() | {"command": command, "date": date.today().isoformat(), "environment": about}
        kept = {each: kept[each] for each in NAMES if each in kept}
        write_sections(settings.output / "results.json", kept)
        (settings.output / "results.md").write_text(markdown(kept))
        draw(kept, settings.output / "cost.png")
        _print(done)


def environment() -> dict[str, Any]:
    """Versions, threads and processor."""
    from geoscope.environment import describe_environment

    found = describe_environment(device="cpu") | {"processor": _processor(), "cores": os.cpu_count()}
    found |= {name: os.environ[name] for name in SETTLED_BY_USER if name in os.environ}
    for name in PEERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _print(done: Section) -> None:
    for finding in done.findings:
        verdict = "" if finding.met is None else f" ({finding.target}: {'met' if finding.met else 'MISSED'})"
        print(f"  {finding.what}: {finding.value:.3g} {finding.unit}{verdict}")
    for note in done.notes:
        print(f"  note: {note}")


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="geoscope and its peers, side by side.")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="SECTION", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--checkpoint", help="folder of the wide checkpoint for the pair sweep (default: demo)")
    parser.add_argument("--data", type=Path, help="folder with PTB and WikiText-2 (default: the shipped sample)")
    parser.add_argument("--runs", type=int, default=default.runs, help="interleaved runs of each case")
    parser.add_argument("--slow-runs", type=int, default=default.slow_runs, help="runs of cases that take minutes")
    parser.add_argument("--n", type=int, default=default.n, help="rows of the pair sweep")
    parser.add_argument("--peer-n", type=int, default=default.peer_n, help="rows that the slow peers are given")
    parser.add_argument("--growth", type=int, nargs="+", default=default.growth, metavar="N", help="sizes of the curve")
    parser.add_argument("--peer-growth", type=int, nargs="+", default=default.peer_growth, metavar="N")
    parser.add_argument("--file-rows", type=int, default=default.file_rows, help="rows of the file on disk")
    parser.add_argument("--sequences", type=int, default=default.sequences, help="texts that extraction reads")
    parser.add_argument("--lengths", type=int, nargs="+", default=default.lengths, help="tokens texts are cut to")
    parser.add_argument("--draws", type=int, default=default.draws, help="of sequences, for the errors")
    parser.add_argument("--output", type=Path, default=default.output, help="folder for results.json and the rest")
    parser.add_argument("--work", type=Path, default=default.work, help="folder for rows that are made once")
    return parser


def _settings(given: argparse.Namespace) -> Settings:
    named = {name: value for name, value in vars(given).items() if name != "only"}
    for name in ("growth", "peer_growth", "lengths"):
        named[name] = tuple(named[name])
    if given.data is None and "GEOSCOPE_BENCH_DATA" in os.environ:
        named["data"] = Path(os.environ["GEOSCOPE_BENCH_DATA"])
    if given.checkpoint is None and "GEOSCOPE_BENCH_CHECKPOINT" in os.environ:
        named["checkpoint"] = os.environ["GEOSCOPE_BENCH_CHECKPOINT"]
    return replace(Settings(), **named)


def _shown(given: argparse.Namespace) -> list[str]:
    """The options that were given, folders by name only: no path of one machine belongs into results."""
    default = vars(_parser().parse_args([]))
    shown: list[str] = []
    for name, value in vars(given).items():
        if value == default[name] or name in ("output", "work"):
            continue
        shown.append(f"--{name.replace('_', '-')}")
        if isinstance(value, (list, tuple)):
            shown += map(str, value)
        else:
            shown.append(Path(value).name if name in ("checkpoint", "data") else str(value))
    return shown


if __name__ == "__main__":
    main()
