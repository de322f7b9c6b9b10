"""Soak: 200 subjects in one process, after which it holds no more memory, descriptors and threads than after 20.

`make soak` measures embeddings and checkpoints in turn, and prints what is held.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

SUBJECTS, WARM = 200, 20
MOST = 1.05
"""How much more memory than after the first may be held after the last."""

READ: dict[str, Any] = {"sequences": 60, "max_length": 30, "points": 200, "device": "cpu"}


def held() -> tuple[int, int, int]:
    """Bytes in memory, open descriptors, threads of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    threads = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Threads"))
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd")), int(threads.split()[1])


def main() -> int:
    """Measure them all; 1 where more is held at the end."""
    import numpy as np
    from kills import make_inputs

    import geoscope

    seen: list[tuple[int, int, int]] = []
    with tempfile.TemporaryDirectory(prefix="geoscope-soak-") as place:
        folder = Path(place)
        make_inputs(folder)
        for number in range(1, SUBJECTS + 1):
            subject = folder / f"subject-{number:03d}{'.npy' if number % 2 else ''}"
            if number % 2:
                rows = np.random.default_rng(number).standard_normal((300, 16))
                np.save(subject, rows.astype(np.float32))
                report = geoscope.measure(subject, device="cpu")
            else:
                shutil.copytree(folder / "abc"[number // 2 % 3], subject)
                report = geoscope.measure(subject, corpora=[str(folder / "words.txt")], **READ)
            report.write(f"{subject}.json")
            seen.append(held())
            if number % WARM == 0:
                memory, files, threads = seen[-1]
                print(f"{number:4}: {memory / 2**20:7.1f} MiB, {files} descriptors, {threads} threads", flush=True)
    first, last = seen[WARM - 1], seen[-1]
    right = last[0] <= MOST * first[0] and last[1] <= first[1] and last[2] <= first[2]
    more = 100 * (last[0] / first[0] - 1)
    print(f"memory {more:+.1f} % from subject {WARM} to {SUBJECTS}: {'right' if right else 'wrong'}")
    return int(not right)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
