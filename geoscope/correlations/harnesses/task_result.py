"""One run's numbers of one model on one task, whichever tool wrote them, and the pieces that reading them shares."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})[T_ ](\d{2})[-:](\d{2})[-:](\d{2}(?:\.\d+)?)")


@dataclass(frozen=True)
class TaskResult:
    """One model's numbers on one task, of one run.

    value: the task's number, None where it is NaN, infinite or null; others: its further numbers by name, taken only
    where they are asked for as TASK:NAME. begun: when it was run, in seconds since 1970, and stamp: the time in the
    file's name, where there is one. settings: what makes two runs two measurements instead of one made again.
    provisional: gives way to a run that is not. remark: what to tell of how the number was taken.
    """

    subject: str
    task: str
    value: float | None
    source: Path
    metric: str | None = None
    others: Mapping[str, float | None] = field(default_factory=dict)
    asked_only: bool = False
    directions: Mapping[str, bool | None] = field(default_factory=dict)  # by metric: whether higher is better
    begun: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    provisional: bool = False
    remark: str | None = None

    @property
    def stamp(self) -> str | None:
        """The time in the file's name, as text that sorts."""
        found = _STAMP.search(self.source.name)
        return None if found is None else f"{found[1]}T{found[2]}:{found[3]}:{found[4]}"

    def higher_is_better(self, metric: str | None) -> bool | None:
        """What the tool says of a metric's direction, without the filter that lm-evaluation-harness names after it."""
        return None if metric is None else self.directions.get(metric, self.directions.get(metric.split(",")[0]))


def number(value: Any) -> float | None:
    """A finite number as a float; None for null, NaN and infinity, and for what is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:  # an integer beyond what a float holds
        return None
    return found if math.isfinite(found) else None


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number, or the null that strict writers put for NaN."""
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def seconds(date: Any) -> float | None:
    """A date as a tool writes it, seconds since 1970 or ISO 8601, as the former; None where it is neither."""
    if isinstance(date, str):
        try:
            read = datetime.fromisoformat(date)
        except ValueError:
            return None
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    return number(date)
