"""Ray: tasks side by side in the processes of a cluster, or of this machine where there is none."""

from __future__ import annotations

import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from geoscope.batches.workers import Outcome, Surroundings, attempt
from geoscope.errors import GeoscopeError
from geoscope.network import keep_to_itself
from geoscope.requirements import require
from geoscope.settings.loading import Device
from geoscope.settings.option import default_of

S = TypeVar("S")
T = TypeVar("T")

RETRIES = 3
"""How often a task starts again whose worker was lost."""


def run_on_ray(
    function: Callable[[S], T], tasks: Sequence[S], address: str, *, device: str = default_of(Device, "device")
) -> Iterator[tuple[int, T | GeoscopeError]]:
    """Each task's place and result, or the user's mistake in it, as they come; function and tasks must pickle.

    address: auto (the cluster that is running, else one on this machine) or a cluster's. A task takes as many
    processors as it has threads, and a GPU where the cluster has them and the device may be one.
    """
    with _connected(address) as ray:
        surroundings = Surroundings.here()
        remote = ray.remote(attempt).options(
            max_retries=RETRIES,
            runtime_env={"env_vars": surroundings.environment},
            **_share(ray, surroundings, device),
        )
        pending = {remote.remote(function, task, surroundings): place for place, task in enumerate(tasks)}
        try:
            while pending:
                ready, _ = ray.wait(list(pending), num_returns=1)
                place = pending.pop(ready[0])
                outcome: Outcome[T] = ray.get(ready[0])
                del ready
                for text in outcome.warnings:
                    warnings.warn(text, stacklevel=1)
                yield place, outcome.value if outcome.mistake is None else outcome.mistake  # type: ignore[misc]
        finally:
            for reference in pending:
                ray.cancel(reference, force=True)


def _share(ray: Any, surroundings: Surroundings, device: str) -> dict[str, Any]:
    """What a task takes of a machine, never more than the largest has: it would wait for ever."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    processors = max((machine.get("CPU", 0.0) for machine in machines), default=1.0)
    has_gpu = any(machine.get("GPU", 0.0) >= 1 for machine in machines)
    return {
        "num_cpus": min(float(surroundings.torch_threads), processors),
        "num_gpus": 1 if has_gpu and (device == "auto" or device.startswith("cuda")) else 0,
    }


def _check_reachable(address: str) -> None:
    """Refuse at once an address where nobody listens: Ray would wait for a minute and end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, OverflowError, ValueError) as error:  # a number of thousands of digits is the last
        raise GeoscopeError(
            f"expected --ray to be auto or the address of a Ray cluster, got {address}, where none answers ({error}); "
            "check the address"
        ) from error


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Ray, connected for the time of the context; a connection that was there is used and stays."""
    keep_to_itself()
    require("ray")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # its default warns that it will change
    try:
        import ray
    except ImportError as error:
        raise GeoscopeError("expected Ray, which --ray needs, got none; pip install 'geoscope[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    _check_reachable(address)
    ending = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=None if address == "auto" else address,
            include_dashboard=False,
            configure_logging=True,
            logging_level="error",
            log_to_driver=False,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise GeoscopeError(
            f"expected --ray to be auto or the address of a Ray cluster, got {address!r}, where none answers: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}; check the address"
        ) from error
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ending)  # Ray has put its own there, which ends the process in its own way
        yield ray
    finally:
        ray.shutdown()
