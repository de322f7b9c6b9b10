"""`python -m hostile [PATTERN...]`: every case whose name holds one of the patterns, two at a time, and their tally."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from hostile.case import Case
from hostile.cases import KINDS, all_cases
from hostile.judging import judged
from hostile.running import Outcome, run

TALLY = Path("hostile.json")


@cache
def _by_name() -> dict[str, Case]:
    return {case.name: case for case in all_cases()}


def tried(name: str) -> tuple[list[str], Outcome | None]:
    """What is wrong with a case, and what came."""
    case = _by_name()[name]
    try:
        outcomes = run(case)
    except Exception:  # the harness's own fault, told as the case's
        return [f"the harness: {traceback.format_exc()}"], None
    return judged(case, outcomes), next((each for each in outcomes if each.code not in case.codes), outcomes[0])


def main(patterns: Sequence[str]) -> int:
    """Run, print what is wrong and the tally, and write both; 1 where a case is wrong."""
    chosen = [case for case in _by_name().values() if not patterns or any(each in case.name for each in patterns)]
    kept = []
    with ProcessPoolExecutor(2) as pool:
        for case, (wrong, outcome) in zip(chosen, pool.map(tried, [case.name for case in chosen]), strict=True):
            if wrong:
                print(f"WRONG {case.name}\n      geoscope {' '.join(case.line)[:200]}")
                print("".join(f"      {fault}\n" for fault in wrong), end="", flush=True)
            kept.append(_kept(case, wrong, outcome))
    for kind in KINDS:
        held = [each for each in kept if each["kind"] == kind]
        if held:
            print(f"{kind:12} {len(held):4} cases, {sum(bool(each['wrong']) for each in held):3} wrong")
    wrongs = sum(bool(each["wrong"]) for each in kept)
    print(f"{len(kept)} cases, {len(kept) - wrongs} right, {wrongs} wrong")
    TALLY.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return int(wrongs > 0)


def _kept(case: Case, wrong: list[str], outcome: Outcome | None) -> dict[str, object]:
    told = {"name": case.name, "kind": case.kind, "line": list(case.line), "codes": list(case.codes), "wrong": wrong}
    if outcome is not None:
        told |= {
            "code": outcome.code,
            "stderr": outcome.stderr[-1500:],
            "seconds": round(outcome.seconds, 2),
            "megabytes": round(outcome.megabytes),
        }
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
