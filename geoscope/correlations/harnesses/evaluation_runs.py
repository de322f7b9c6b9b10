"""Runs: of a task that was run more than once for a model, the run to take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from geoscope.correlations.harnesses.task_result import TaskResult
from geoscope.errors import GeoscopeError
from geoscope.wording import listed


def newest_runs(results: Sequence[TaskResult]) -> tuple[list[TaskResult], list[str]]:
    """One run of every model and task, in the order of the results, and what to tell of it.

    Runs of the same numbers are one. Raises GeoscopeError where several differ in more than when they were made, or do
    not say when that was.
    """
    runs: dict[tuple[str, str], list[TaskResult]] = defaultdict(list)
    for result in results:
        runs[result.subject, result.task].append(result)
    kept = {key: _chosen(found) for key, found in runs.items()}
    chosen = {id(result) for result, _ in kept.values()}
    told = [text for _, text in kept.values() if text]
    notes = [f"of tasks that were run more than once one run is taken: {listed(told)}"] if told else []
    return [result for result in results if id(result) in chosen], notes


def _chosen(runs: Sequence[TaskResult]) -> tuple[TaskResult, str | None]:
    """The run to take, and which it is where others gave other numbers."""
    first = runs[0]
    if all((run.value, run.others) == (first.value, first.others) for run in runs):
        return first, None
    settled = [run for run in runs if not run.provisional]
    if 0 < len(settled) < len(runs):
        run, _ = _chosen(settled)
        return (
            run,
            f"{run.subject} on {run.task}, {run.source.name} in {run.source.parent.name}, whose revision is known",
        )
    for name in dict.fromkeys(name for run in runs for name in run.settings):
        values = {str(value) for run in runs if (value := run.settings.get(name)) is not None}
        if len(values) > 1:
            raise _undecided(runs, f"that differ in their {name} ({' and '.join(sorted(values))})")
    times = _times(runs)
    if times is None:
        raise _undecided(runs, "without a time to tell which is newer")
    newest = max(times.values())
    latest = [run for run in runs if times[id(run)] == newest]
    if any((run.value, run.others) != (latest[0].value, latest[0].others) for run in latest):
        raise _undecided(latest, f"of the same time, {_shown(newest)}")
    others = listed(sorted({_shown(time) for time in times.values() if time != newest}))
    return latest[0], f"{first.subject} on {first.task}, of {_shown(newest)}, not of {others}"


def _times(runs: Sequence[TaskResult]) -> Mapping[int, float | str] | None:
    """When each was made, all by the same clock: the one inside the files, else that of their names."""
    begun = {id(run): run.begun for run in runs if run.begun is not None}
    stamps = {id(run): run.stamp for run in runs if run.stamp is not None}
    return next((times for times in (begun, stamps) if len(times) == len(runs)), None)


def _shown(time: float | str) -> str:
    if isinstance(time, str):
        return time
    try:
        return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    except (ValueError, OverflowError, OSError):
        return f"{time:g}"


def _undecided(runs: Sequence[TaskResult], why: str) -> GeoscopeError:
    where = listed(list(dict.fromkeys(str(run.source) for run in runs)))
    return GeoscopeError(
        f"expected one run of {runs[0].subject} on {runs[0].task}, got {len(runs)} {why}: {where}; "
        "leave all but one out of the folder"
    )
