"""FAISS as it is installed, and on how many GPUs it works."""

from __future__ import annotations

from types import ModuleType

_WARP, _MOST_THREADS = 32, 1024
"""Threads that run together on a GPU, and at most in a block."""


def faiss_package() -> ModuleType:
    """FAISS, imported when it is needed."""
    import faiss

    return faiss  # type: ignore[no-any-return,unused-ignore]  # faiss carries no types


def gpus() -> int:
    """How many GPUs FAISS sees: none where it is built for the CPU."""
    faiss = faiss_package()
    return int(faiss.get_num_gpus()) if hasattr(faiss, "get_num_gpus") else 0


def gpu_encoders(cells: int = _WARP, d: int = _WARP) -> int:
    """On how many GPUs FAISS's local search quantizer of so many cells searches rows of d dimensions.

    None where it is not built for them, and where its kernels do not work: they take a thread for each cell and for
    each dimension (IcmEncoder.cu), a block has 1,024 at most, and whether one could be started is not looked at; sums
    over less than whole warps of 32 are undefined.
    """
    works = all(size % _WARP == 0 and size <= _MOST_THREADS for size in (cells, d))
    return gpus() if works and hasattr(faiss_package(), "GpuIcmEncoderFactory") else 0
