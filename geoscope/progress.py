"""Progress: who is told how far a run has come."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far a long step has come: (done, total, what is being done)."""

    def __call__(self, done: int, total: int, what: str) -> None: ...
