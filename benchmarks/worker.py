"""One measured command in a process of its own: `python -m benchmarks.worker pairs.sweep '{"rows": "x.npy"}'`.

It prints two lines: when it is ready (data loaded, libraries warm) and when it is done. The parent samples this
process's memory in between; where the system has no /proc the peaks below serve instead.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from geoscope.memory import hand_back

MARK = "benchmark: "


def main() -> None:
    module, name = sys.argv[1].split(".")
    run = getattr(import_module(f"benchmarks.tasks.{module}"), name)(**json.loads(sys.argv[2]))
    gc.collect()
    hand_back()  # what warming up let go of, or a run that takes it again would seem to need less
    reset_peak()
    say({"held": held(), "peak": peak()})
    start = time.perf_counter()
    facts = run()
    seconds = time.perf_counter() - start
    say({"seconds": seconds, "peak": peak(), "facts": facts or {}})


def say(what: dict[str, Any]) -> None:
    print(MARK + json.dumps(what), flush=True)


def reset_peak() -> None:
    """Let the kernel's high-water mark start from now (Linux; elsewhere it keeps what loading took)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def held(process: str = "self") -> int | None:
    """Bytes of anonymous memory, file pages left out; None where there is no /proc."""
    return _status(process, "RssAnon")


def peak() -> int:
    """The most bytes ever resident, file pages included."""
    found = _status("self", "VmHWM")
    if found is not None:
        return found
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _status(process: str, name: str) -> int | None:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


if __name__ == "__main__":
    main()
