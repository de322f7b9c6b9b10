"""Surroundings: what there is of a machine, and which of its libraries' kernels compute; told, not judged."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from geoscope.machine import limits, memory_bytes


def _processors() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{usable} of {os.cpu_count()}, {platform.machine()}"


def _memory() -> str:
    """Free and whole, by what the system says; a bound on the process where there is one."""
    bounds = "".join(f"; the process may have {_size(limit.bytes)} ({limit.name})" for limit in limits())
    path = Path("/proc/meminfo")
    if not path.is_file():
        whole = memory_bytes()
        return ("unknown" if whole is None else f"{_size(whole)} in all") + bounds
    lines = dict(line.partition(":")[::2] for line in path.read_text(encoding="ascii").splitlines())
    free, whole = (int(lines[name].split()[0]) * 1024 for name in ("MemAvailable", "MemTotal"))
    return f"{_size(free)} free of {_size(whole)}{bounds}"


def _disk(folder: Callable[[], str]) -> str:
    place = Path(folder()).expanduser()
    there = next((each for each in (place, *place.parents) if each.is_dir()), Path("/"))
    return f"{_size(shutil.disk_usage(there).free)} free{'' if os.access(there, os.W_OK) else ', not writable'}"


def _threads() -> str:
    import torch

    asked = os.environ.get("OMP_NUM_THREADS")
    return f"{torch.get_num_threads()}{f' (OMP_NUM_THREADS={asked})' if asked else ''}"


def _blas() -> str:
    import numpy  # noqa: F401  # whose BLAS it is
    from threadpoolctl import threadpool_info

    held = [each for each in threadpool_info() if each["user_api"] == "blas"]
    names = sorted({f"{each['internal_api']} {each['version']}" for each in held})
    kernels, threads = ({str(each.get(key, "any")) for each in held} for key in ("architecture", "num_threads"))
    told = f"{', '.join(names)}; for {', '.join(sorted(kernels))}; threads {', '.join(sorted(threads))}"
    return told if held else "none that threadpoolctl knows"


def _torch_kernels() -> str:
    import torch

    return str(torch.backends.cpu.get_cpu_capability())


def _faiss_kernels() -> str:
    import faiss

    return " ".join(str(faiss.get_compile_options()).split())


def _numba() -> str:
    from llvmlite import binding

    return f"compiles for {binding.get_host_cpu_name()}"


def _gpus() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none that torch can use"
    held = (torch.cuda.get_device_properties(place) for place in range(torch.cuda.device_count()))
    return "; ".join(f"{each.name}, {_size(each.total_memory)}" for each in held)


def _faiss_gpus() -> str:
    from geoscope.passes.quantizers.faiss_package import gpu_encoders

    count = gpu_encoders()
    return f"{count} that FAISS's local search uses" if count else "none that FAISS's local search uses"


def _hub() -> str:
    import_module("geoscope.subjects.checkpoint_files.hub")
    constants: Any = import_module("huggingface_hub").constants
    return str(constants.HF_HUB_CACHE)


def _offline() -> str:
    from geoscope.network import why_offline

    return why_offline() or "may be asked (--offline forbids it)"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f}GB"


SURROUNDINGS: Mapping[str, Callable[[], str]] = {
    "python": lambda: f"{platform.python_version()}, {sys.executable}",
    "system": platform.platform,
    "processors": _processors,
    "memory": _memory,
    "threads": _threads,
    "BLAS": _blas,
    "torch's kernels": _torch_kernels,
    "FAISS's kernels": _faiss_kernels,
    "numba": _numba,
    "GPUs": _gpus,
    "FAISS's GPUs": _faiss_gpus,
    "the hub": _offline,
    "the hub's cache": _hub,
    "disk for the hub's cache": lambda: _disk(_hub),
    "disk here": lambda: _disk(os.getcwd),
    "disk for temporary files": lambda: _disk(tempfile.gettempdir),
}
"""What is told, and how it is found; whatever that raises is told in its place."""
