"""`python -m fuzzing [--executions N] [--seconds S] [TARGET...]`: the targets, one after another on each of two cores.

Without a number, a target that runs 2,000 times a second or more gets 1,000,000 executions, a slower one 100,000.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from fuzzing.running import Found, fuzz
from fuzzing.targets import targets

TALLY = Path("fuzz.json")


def main() -> int:
    """Fuzz, print each target's rate and what it found, and write both; 1 where anything is found."""
    parser = argparse.ArgumentParser(prog="fuzzing", description=__doc__)
    parser.add_argument("targets", nargs="*", help="those whose names hold one of these; all without")
    parser.add_argument("--executions", type=int, default=0, help="of each target; 0: by its rate")
    parser.add_argument("--seconds", type=float, default=0.0, help="at most, of each target; 0: no bound")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    names = [each.name for each in targets() if not asked.targets or any(part in each.name for part in asked.targets)]
    found: list[Found] = []
    with ProcessPoolExecutor(2) as pool:
        jobs = [pool.submit(fuzz, name, asked.executions, asked.seconds, asked.seed) for name in names]
        for job in as_completed(jobs):
            each = job.result()
            found.append(each)
            rate = f"{each.executions:9,} executions, {each.rate:8,.0f} a second"
            print(f"{each.target:32} {rate}, {len(each.faults)} faults", flush=True)
            for fault in each.faults.values():
                print(f"    {fault}", flush=True)
    kept = [
        {"target": each.target, "executions": each.executions, "rate": round(each.rate), "faults": each.faults}
        for each in found
    ]
    TALLY.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return int(any(each.faults for each in found))


if __name__ == "__main__":
    sys.exit(main())
