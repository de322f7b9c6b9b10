"""Soak: 200 subjects in one process, after which it holds no more memory, descriptors and threads than after 20.

`make soak` measures checkpoints and embeddings in turn, as `geoscope measure` of several does, and prints what is held.
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

OPTIONS: dict[str, Any] = {"sequences": 60, "max_length": 30, "points": 200, "device": "cpu", "layers": "last"}


def held() -> tuple[int, int, int]:
    """Bytes in memory, open descriptors, threads of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    threads = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Threads"))
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd")), int(threads.split()[1])


def main() -> int:
    """Measure them all; 1 where more is held at the end."""
    import numpy as np
    from kills import make_inputs

    from geoscope.batches.batch import measure_many

    with tempfile.TemporaryDirectory(prefix="geoscope-soak-") as place:
        folder = Path(place)
        make_inputs(folder)
        subjects = [folder / f"subject-{number:03d}{'' if number % 2 else '.npy'}" for number in range(SUBJECTS)]
        for number, subject in enumerate(subjects):
            if number % 2:
                shutil.copytree(folder / "ab"[number % 4 // 2], subject)
            else:
                rows = np.random.default_rng(number).standard_normal((300, 16))
                np.save(subject, rows.astype(np.float32))
        seen: list[tuple[int, int, int]] = []

        def announce(told: str) -> None:
            if " of " in told and told.split(" ", 1)[0].isdecimal():
                seen.append(held())
                if len(seen) % WARM == 0:
                    memory, files, threads = seen[-1]
                    print(
                        f"{len(seen):4}: {memory / 2**20:7.1f} MiB, {files} descriptors, {threads} threads", flush=True
                    )

        batch = measure_many(
            [str(subject) for subject in subjects], corpora=[str(folder / "words.txt")], output=folder / "reports",
            announce=announce, **OPTIONS,
        )  # fmt: skip
    first, last = seen[WARM - 1], seen[-1]
    right = (
        len(batch.reports) == SUBJECTS and last[0] <= MOST * first[0] and last[1] <= first[1] and last[2] <= first[2]
    )
    more = 100 * (last[0] / first[0] - 1)
    print(f"memory {more:+.1f} % from subject {WARM} to {SUBJECTS}: {'right' if right else 'wrong'}")
    return int(not right)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
