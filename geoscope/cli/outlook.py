"""Outlook: where a run is, in words, and about how long the whole of it will take yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

MEASURES = "measures"
WORK = (MEASURES, "sizes")
"""Parts that count for what they are of work, of which so much is done."""


@dataclass
class _Level:
    """Parts that are under way: how many are done of how many, since when, and when the one that runs began."""

    what: str
    total: int
    began: float
    done: int = 0
    part_began: float = 0.0
    took: list[float] = field(default_factory=list)

    def part(self) -> float | None:
        """The mean of what the parts took that are done, less those that were there already; of work, a unit's."""
        if self.what in WORK:
            return (self.part_began - self.began) / self.done if self.done else None
        longest = max(self.took, default=0.0)
        counted = [each for each in self.took if each >= longest / 10]
        return sum(counted) / len(counted) if counted else None


@dataclass
class Outlook:
    """Told of parts (layers of subjects of a batch) and of the steps of the innermost of them."""

    began: float = field(default_factory=time.perf_counter)
    levels: list[_Level] = field(default_factory=list)
    step: tuple[int, int, str] | None = None
    stepped: float = 0.0

    def tell_parts(self, done: int, total: int, what: str) -> None:
        """So many parts of what encloses the steps are done; all of them: what follows is none of its parts."""
        now, self.step = time.perf_counter(), None
        place = next((at for at, level in enumerate(self.levels) if level.what == what), None)
        if place is not None:
            del self.levels[place + 1 if 0 < done < total else place :]
        if done >= total:
            return
        if place is None or done == 0:
            self.levels.append(_Level(what, total, now))
        level = self.levels[-1]
        level.took += [now - level.part_began] if done > level.done else []
        level.done, level.part_began = done, now

    def tell_step(self, done: int, total: int, what: str) -> None:
        """So much of a step is done."""
        now = time.perf_counter()
        if self.step is None or self.step[2] != what:
            self.stepped = now
        self.step = None if done >= total else (done, total, what)

    def words(self) -> str:
        """Where it is: layer 3 of 7, pairs 40 %."""
        told = [
            f"{level.what.removesuffix('s')} {level.done + 1} of {level.total}"
            for level in self.levels
            if level.total > 1 and level.what not in WORK
        ]
        told += [f"sizes {100 * level.done / level.total:.0f} %" for level in self.levels if level.what == "sizes"]
        if self.step is None and self.levels and self.levels[-1].what == MEASURES:
            told.append(f"{MEASURES} {100 * self.levels[-1].done / self.levels[-1].total:.0f} %")
        if self.step is not None:
            done, total, what = self.step
            told.append(f"{what} {100 * done / total:.0f} %")
        return ", ".join(told) or "loading"

    def ahead(self) -> str:
        """How long it will take yet, in words: the whole, or a step before there are parts; "" where nothing tells."""
        left = self.left()
        return "" if left is None else f"about {duration(left)}{'' if self.levels else ' of that'} to go"

    def left(self) -> float | None:
        """About how many seconds the whole will take yet; None where nothing tells.

        Of parts, the mean of those that are done; of the first part, what its own parts tell. Before there are parts,
        a step tells how long it takes itself.
        """
        now = time.perf_counter()
        if not self.levels:
            if self.step is None or not self.step[0] or now <= self.stepped:
                return None
            done, total, _ = self.step
            return (now - self.stepped) * (total - done) / done
        level = self.levels[0]
        part = self._part(0)
        return None if part is None else max(0.0, part * (level.total - level.done) - (now - level.part_began))

    def _part(self, at: int) -> float | None:
        """About how many seconds one part of a level takes."""
        level = self.levels[at]
        if level.took or at + 1 == len(self.levels) or level.what in WORK:
            return level.part()
        inner, part = self.levels[at + 1], self._part(at + 1)
        return None if part is None else inner.began - level.part_began + inner.total * part


def duration(seconds: float) -> str:
    """So long, in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
