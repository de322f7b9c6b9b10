"""Where a run's time goes: which part of geoscope its thread is in, looked at every few milliseconds from another.

A device works on after it was asked, so its time is told where it is waited for.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

import geoscope

_ROOT = Path(geoscope.__file__).parent
_STEP = 0.005
_PARTS = {
    "subjects": "loading, reading and forward passes",
    "passes/pairs": "pairs",
    "passes/quantizers": "quantizer",
    "passes/eigenvalues": "spectra",
    "passes/principal_components": "spectra",
    "passes": "sums and sampled points",
}
"""Modules and packages, those within others first."""
OTHER = "measures, errors, nulls, report"
QUANTIZER = _PARTS["passes/quantizers"]


class Phases:
    """Seconds of each part while this lasts, of the thread that entered it."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._over = threading.Event()

    def __enter__(self) -> Phases:
        self._thread = threading.Thread(target=self._watch, args=(threading.get_ident(),), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self, watched: int) -> None:
        before = time.perf_counter()
        while not self._over.wait(_STEP):
            frame, now = sys._current_frames().get(watched), time.perf_counter()
            self.seconds[part_of(frame)] += now - before
            before = now


def part_of(frame: FrameType | None) -> str:
    """The part of the innermost call that is in one."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_ROOT):
            name = path.relative_to(_ROOT).with_suffix("").as_posix()
            for beginning, part in _PARTS.items():
                if name == beginning or name.startswith(f"{beginning}/"):
                    return part
        frame = frame.f_back
    return OTHER
