"""`python -m benchmarks.gpu`: run the sections on a device, and write gpu.md and gpu.json after each of them."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from geoscope.requirements import REQUIREMENTS

BUDGET = 480.0
PAGE = Path(__file__).parents[1] / "gpu.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every section is done or left out, 1 where one failed, 2 where nothing could be begun."""
    given = _parser().parse_args(arguments)
    device = given.device or ("cpu" if given.dry_run else "cuda")
    out = given.out or PAGE
    fault = _lacking() or _misplaced(out, dry=given.dry_run) or _unusable(device, dry=given.dry_run)
    if fault:
        print(fault, file=sys.stderr)
        return 2
    return _run(device, out, given.seconds, dry=given.dry_run)


def _run(device: str, out: Path, budget: float, *, dry: bool) -> int:
    from benchmarks.gpu.outcomes import FAILED
    from benchmarks.gpu.page import page
    from benchmarks.gpu.running import outcomes
    from benchmarks.gpu.settings import Run

    document = {
        "command": f"python -m benchmarks.gpu --device {device}{' --dry-run' * dry} --seconds {budget:g}",
        "date": date.today().isoformat(), "device": device, "dry_run": dry, "seconds": budget,
    }  # fmt: skip
    done = []
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="geoscope-gpu-") as work:
        for outcome in outcomes(Run(device, dry, work), budget):
            done.append(outcome)
            print(f"{outcome.name}: {outcome.ended} {outcome.why} ({outcome.seconds:.1f} s)", flush=True)
            kept = document | {"sections": [each.as_json() for each in done]}
            out.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            out.write_text(page(kept), encoding="utf-8")
    return int(any(outcome.ended == FAILED for outcome in done))


def _lacking() -> str | None:
    """What geoscope needs and this Python has not, without importing any of it."""
    needed = [each for each in REQUIREMENTS if each.extra is None]
    lacking = [each.name for each in needed if find_spec(each.module) is None]
    if lacking:
        return f"expected what geoscope depends on in {sys.executable}, found no {', '.join(lacking)}; install them"
    faults = [fault for each in needed if (fault := each.fault()) is not None]
    return str(faults[0]) if faults else None


def _misplaced(out: Path, *, dry: bool) -> str | None:
    if dry and out.resolve().with_suffix("") == PAGE.with_suffix(""):
        return f"expected --out FILE with --dry-run, whose figures mean nothing, got {PAGE.name}; give another file"
    return None


def _unusable(device: str, *, dry: bool) -> str | None:
    from geoscope.errors import GeoscopeError
    from geoscope.torch_state import torch_device

    try:
        torch_device(device)
    except GeoscopeError:
        return (
            f"expected a device '{device}' on this machine, found none; --dry-run --out FILE tries the script on a CPU"
        )
    if device == "cpu" and not dry:
        return "expected a --device other than the CPU, which it is held against, got cpu; or try it with --dry-run"
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", help="what is measured (default: cuda; of a dry run: cpu)")
    parser.add_argument("--out", type=Path, help="the page; its JSON is put beside it (default: gpu.md beside this)")
    parser.add_argument("--dry-run", action="store_true", help="everything small, to see that it runs; needs --out")
    parser.add_argument("--seconds", type=float, default=BUDGET, help="after which no section is begun or goes on")
    return parser


if __name__ == "__main__":
    sys.exit(main())
