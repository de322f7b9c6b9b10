"""What may change a number's rounding: versions, threads, device."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_LIBRARIES = ("torch", "transformers", "numpy", "scipy", "faiss-cpu", "faiss-gpu", "numba")


def describe_environment(*, device: str) -> dict[str, Any]:
    """The libraries' versions, the thread count and the processor; nothing that changes from run to run."""
    import torch

    return {
        "python": platform.python_version(),
        **{name: found for name in _LIBRARIES if (found := _version(name)) is not None},
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": torch.get_num_threads(),
    }


def version_of(name: str) -> dict[str, str]:
    """A library that computes some measures, by its name; nothing where nothing says which it is."""
    found = _version(name)
    return {} if found is None else {name: found}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
