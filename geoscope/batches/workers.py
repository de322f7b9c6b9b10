"""Workers: what makes a worker's process compute as the driver's does: thread counts, folder, warnings."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from geoscope.errors import GeoscopeError
from geoscope.network import OFFLINE

S = TypeVar("S")
T = TypeVar("T")

_TAKEN = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_WAIT_POLICY", *OFFLINE)


@dataclass(frozen=True)
class Surroundings:
    """The driver's thread counts (sums in another number round otherwise), folder, and whether it is offline."""

    torch_threads: int
    faiss_threads: int
    environment: dict[str, str]
    folder: str

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process."""
        import faiss
        import torch

        own = {name: os.environ[name] for name in _TAKEN if name in os.environ}
        # where it is unset, BLAS takes every processor it may use; Ray would set it to 1
        openmp = os.environ.get("OMP_NUM_THREADS") or str(_processors())
        return cls(
            torch.get_num_threads(), faiss.omp_get_max_threads(), {"OMP_NUM_THREADS": openmp, **own}, os.getcwd()
        )

    def enter(self) -> None:
        """Have this process compute as the driver does; the environment was set before it started."""
        import faiss
        import torch

        try:
            os.chdir(self.folder)
        except OSError as error:
            raise GeoscopeError(
                f"expected the folder {self.folder} on every machine of the Ray cluster, got {error.strerror} on "
                f"{os.uname().nodename}; run from a folder they share"
            ) from error
        torch.set_num_threads(self.torch_threads)
        faiss.omp_set_num_threads(self.faiss_threads)


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What came of a task: a value or a user's mistake, and what the user should hear."""

    value: T | None
    mistake: GeoscopeError | None
    warnings: tuple[str, ...]


def attempt(function: Callable[[S], T], task: S, surroundings: Surroundings) -> Outcome[Any]:
    """Run a task in a worker's process. A mistake is handed back, since an exception would reach the driver changed."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module=r"geoscope(\.|$)")
        value, mistake = None, None
        try:
            surroundings.enter()
            value = function(task)
        except GeoscopeError as error:
            mistake = error
    return Outcome(value, mistake, tuple(dict.fromkeys(str(warning.message) for warning in heard)))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
