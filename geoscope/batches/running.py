"""Running: a list of tasks, one after another or on Ray, each result handed on as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from geoscope.errors import GeoscopeError
from geoscope.progress import Progress, in_parts
from geoscope.settings.loading import Device
from geoscope.settings.option import default_of

S = TypeVar("S")
T = TypeVar("T")


def run_tasks(
    function: Callable[[S], T],
    tasks: Sequence[S],
    *,
    ray: str | None = None,
    here: Callable[[S], T] | None = None,
    device: str = default_of(Device, "device"),
    progress: Progress | None = None,
    what: str = "tasks",
) -> Iterator[tuple[int, T | GeoscopeError]]:
    """Each task's place and result, or the user's mistake in it, as they come: without Ray in the tasks' order.

    function: what a worker runs. here: what this process runs instead, where it does the same with progress to show.
    ray: auto or an address, see `run_on_ray`; None runs here, where progress is told of each task as a part of `what`.
    """
    if ray is not None:
        from geoscope.batches.ray_cluster import run_on_ray

        yield from run_on_ray(function, tasks, ray, device=device)
        return
    for place, task in enumerate(in_parts(tasks, progress, what)):
        try:
            result: T | GeoscopeError = (here or function)(task)
        except GeoscopeError as mistake:
            result = mistake
        yield place, result
